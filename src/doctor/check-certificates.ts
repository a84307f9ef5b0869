/** What the running server shows to browsers, and what they will not like of it. What is wrong with files: the configuration. */
import { type Finding, notice, ok, problem } from "./finding.ts";
import type { Patient, RunningCertificate } from "./patient.ts";

export const CERTIFICATES = {
  name: "certificates",
  run: ({ running, ground }: Pick<Patient, "running" | "ground">): Finding[] =>
    (running?.certificates ?? []).map((each) => examined(each, ground.nowMs)),
};

function examined({ site, source, notAfter, failures, problems }: RunningCertificate, nowMs: number): Finding {
  const subject = `certificate ${site}`;
  const lines = [...problems];
  const remedy =
    source === "files"
      ? "server cert show tells of it; new files are taken up by themselves"
      : `server cert test ${site}`;
  if (source === "temporary") {
    if (failures === 0)
      return notice(
        subject,
        "is a temporary one until the first order is through",
        `server cert list tells how far it is`,
      );
    return problem(subject, "is a temporary one that browsers refuse", remedy, { lines });
  }
  if (notAfter <= nowMs) return problem(subject, "is over: browsers refuse it", remedy, { lines });
  const says = `is valid until ${new Date(notAfter).toISOString().slice(0, 10)}`;
  return problems.length === 0 ? ok(subject, says) : notice(subject, says, remedy, { lines });
}
