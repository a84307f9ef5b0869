/** Addresses that the server listens on: may it, and who has them? */
import { dirname } from "node:path";
import type { Config, ListenAddress } from "../config/config.ts";
import { listenKey } from "../config/listen.ts";
import { mayListen, portsInUse, type Listener, type PortUse } from "../machine/ports.ts";
import { describe, refusalOf, remedyFor } from "./access.ts";
import { ownerName } from "./accounts.ts";
import { type Finding, ok, problem } from "./finding.ts";
import type { Check, Patient } from "./patient.ts";

export const PORTS: Check = {
  name: "ports",
  run: async (patient) => {
    const addresses = addressesOf(patient.config);
    const ports = addresses.flatMap((address) => (address.kind === "tcp" ? [address.port] : []));
    const uses = portsInUse(patient.ground.files, [...new Set(ports)]);
    const findings = addresses.map((address) =>
      address.kind === "tcp" ? tcpFinding(address, uses, patient) : unixFinding(address.path, patient),
    );
    return oneForEach(await Promise.all(findings));
  },
};

/** A port of every address is two, of IPv4 and IPv6: what is wrong with one of them is said, and the same only once. */
function oneForEach(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ subject, says, verdict }, i) => {
    const same = findings.filter((each) => each.subject === subject);
    if (verdict === "ok" && same.some((each) => each.verdict !== "ok")) return false;
    return findings.findIndex((each) => each.subject === subject && each.says === says) === i;
  });
}

function subjectOf({ host, port }: TcpAddress): string {
  return host === "0.0.0.0" || host === "::" ? `port ${port}` : `port ${listenKey({ kind: "tcp", host, port })}`;
}

function addressesOf({ sites, apps, metrics }: Config): ListenAddress[] {
  const all = [
    ...sites.flatMap(({ listen }) => listen),
    ...apps.flatMap(({ uwsgiSockets }) => uwsgiSockets),
    ...(metrics === undefined ? [] : [metrics.address]),
  ];
  return [...new Map(all.map((address) => [listenKey(address), address])).values()];
}

type TcpAddress = Extract<ListenAddress, { kind: "tcp" }>;

function tcpFinding(address: TcpAddress, uses: readonly PortUse[], { ground, starter, running }: Patient): Finding {
  const subject = subjectOf(address);
  const use = uses.find(({ port }) => port === address.port);
  const others = use?.listeners.filter((listener) => overlaps(listener, address)) ?? [];
  if (others.length > 0 && use !== undefined) {
    if (running !== undefined && use.holders.some(({ pid }) => pid === running.pid))
      return ok(subject, `this server has it, pid ${running.pid}`);
    return takenFinding(subject, use);
  }
  if (!mayListen(ground.files, starter.uid, address.port))
    return problem(
      subject,
      `${starter.name} may not listen on ports below 1024`,
      "server service install makes a unit with the right to it; without systemd: setcap cap_net_bind_service=+ep on the executable, or start it as root",
    );
  if (running !== undefined)
    return problem(subject, "the running server does not listen there", "server reload takes up the changed file");
  return ok(subject, "free");
}

function takenFinding(subject: string, { port, holders }: PortUse): Finding {
  const [holder] = holders;
  if (holder === undefined)
    return problem(
      subject,
      "taken by a process of another user",
      `sudo server doctor, or sudo ss -ltnp 'sport = :${port}', shows whose`,
    );
  const stop = SERVICES.has(holder.name) ? `systemctl disable --now ${holder.name}` : `end it (kill ${holder.pid})`;
  return problem(subject, `taken by ${holder.name}, pid ${holder.pid}`, `${stop}, or listen on another port`);
}

/** Those whose service is called as the program. */
const SERVICES: ReadonlySet<string> = new Set([
  "nginx",
  "apache2",
  "httpd",
  "caddy",
  "haproxy",
  "lighttpd",
  "uwsgi",
  "gunicorn",
]);

/** An address and the same port of another one do not stand in each other's way. */
function overlaps({ address }: Listener, { host }: TcpAddress): boolean {
  const isEvery = (each: string) => each === "0.0.0.0" || each === "::";
  // Ours on `::` takes IPv6 alone, that of others mostly both.
  if (address === "0.0.0.0") return host === "0.0.0.0" || !host.includes(":");
  if (address === "::") return true;
  return address === host || (isEvery(host) && address.includes(":") === host.includes(":"));
}

async function unixFinding(path: string, patient: Patient): Promise<Finding> {
  const { ground, starter: serving, running } = patient;
  const subject = `socket ${path}`;
  const state = ground.state(path);
  if (state !== undefined && state.kind !== "socket")
    return problem(
      subject,
      "something else stands there, which is no socket",
      `move ${path} away, or name another path`,
    );
  const refused = await refusalOf(ground, serving, dirname(path), ["write", "search"]);
  if (refused !== undefined) {
    const owners = (uid: number, gid: number) => ownerName(ground.files, uid, gid);
    return problem(
      subject,
      `${serving.name} cannot make it: ${refused.path} ${describe(refused, owners)}`,
      remedyFor(refused, serving),
    );
  }
  if (state === undefined) return running === undefined ? ok(subject, "free") : gone(subject);
  const answer = await ground.connect({ kind: "unix", path });
  if (answer === undefined)
    return running === undefined
      ? problem(subject, "somebody listens there, who is not this server", `ss -lxp src ${path} shows who; end it`)
      : ok(subject, "somebody listens there");
  return running === undefined
    ? ok(subject, "left behind by a server that is gone; it is replaced at the start")
    : gone(subject);
}

function gone(subject: string): Finding {
  return problem(
    subject,
    "the running server listens, but its file is gone",
    "it is made again within seconds; server logs tells why if it cannot be",
  );
}
