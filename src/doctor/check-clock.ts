/** The clock: certificates, cookies and signatures are judged by it. */
import { type Finding, notice, ok, problem, unknown } from "./finding.ts";
import type { Patient } from "./patient.ts";

/** No earlier than this program was written. */
const EARLIEST_MS = Date.UTC(2026, 10, 1);

const REMEDY = "timedatectl set-ntp true, or chrony; on a virtual machine its host's clock";

export const CLOCK = { name: "clock", run: (patient: Pick<Patient, "ground">) => [judge(patient)] };

function judge({ ground }: Pick<Patient, "ground">): Finding {
  const now = new Date(ground.nowMs).toISOString().replace(/\..*/, " UTC").replace("T", " ");
  if (ground.nowMs < EARLIEST_MS) return problem("clock", `it is ${now} here, which has passed long ago`, REMEDY);
  const synchronised = ground.isClockSynchronised();
  if (synchronised === undefined) return unknown("clock", `${now}; whether it is synchronised the kernel does not say`);
  return synchronised
    ? ok("clock", `${now}, synchronised`)
    : notice("clock", `${now}, and nobody synchronises it`, REMEDY);
}
