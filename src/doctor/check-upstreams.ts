/** Servers that requests are forwarded to: is somebody there, and may we speak to him? */
import type { UpstreamServer } from "../config/upstream-config.ts";
import { listenKey } from "../config/listen.ts";
import { describe, refusalOf, remedyFor } from "./access.ts";
import { ownerName } from "./accounts.ts";
import { type Finding, notice, ok, problem } from "./finding.ts";
import type { Check, Patient } from "./patient.ts";

export const UPSTREAMS: Check = {
  name: "upstreams",
  run: (patient) =>
    Promise.all(
      patient.config.upstreams.flatMap(({ name, servers }) =>
        servers.filter(({ down }) => !down).map((server) => examine(name, server, patient)),
      ),
    ),
};

async function examine(upstream: string, { address }: UpstreamServer, patient: Patient): Promise<Finding> {
  const { ground, serving } = patient;
  const subject = `upstream ${upstream} ${listenKey(address)}`;
  if (address.kind === "unix") {
    const refused = await refusalOf(ground, serving, address.path, ["write"]);
    if (refused?.state === undefined && refused !== undefined)
      return problem(subject, `there is no ${refused.path}`, "start the server that makes it, or name where it is");
    if (refused !== undefined) {
      const owners = (uid: number, gid: number) => ownerName(ground.files, uid, gid);
      const what = refused.need === "search" ? "enter" : "write to";
      return problem(
        subject,
        `${serving.name} may not ${what} ${refused.path}, which ${describe(refused, owners)}`,
        remedyFor(refused, serving),
      );
    }
  } else if (!/^[\d.]+$|:/.test(address.host) && !(await ground.resolves(address.host))) {
    return problem(
      subject,
      `${address.host} cannot be resolved`,
      `see that the name is right: getent hosts ${address.host}`,
    );
  }
  const why = await ground.connect(address);
  if (why === undefined) return ok(subject, "answers");
  if (why === "ECONNREFUSED") return problem(subject, "nobody listens there", "start the server that should");
  return notice(subject, `cannot be reached: ${why}`, "see the way there: firewall, address, route");
}
