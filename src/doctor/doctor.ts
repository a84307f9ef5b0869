/** All checks in their order; those that need what others have learnt come behind them. Not here: how findings are shown. */
import type { Problem } from "../config/problems.ts";
import { describe, refusalOf, remedyFor } from "./access.ts";
import { ownerName } from "./accounts.ts";
import { APPS } from "./check-apps.ts";
import { CERTIFICATES } from "./check-certificates.ts";
import { CLOCK } from "./check-clock.ts";
import { DISK } from "./check-disk.ts";
import { HOSTS } from "./check-hosts.ts";
import { LIMITS } from "./check-limits.ts";
import { MEMORY } from "./check-memory.ts";
import { NAMES } from "./check-names.ts";
import { PERMISSIONS } from "./check-permissions.ts";
import { PORTS } from "./check-ports.ts";
import { ROOT } from "./check-root.ts";
import { SECRETS } from "./check-secrets.ts";
import { SERVER } from "./check-server.ts";
import { STATIC } from "./check-static.ts";
import { UPSTREAMS } from "./check-upstreams.ts";
import { WRITTEN } from "./check-written.ts";
import { type Finding, notice, problem } from "./finding.ts";
import type { Ground, Serving } from "./ground.ts";
import type { Check, Patient } from "./patient.ts";

export const CHECKS: readonly Check[] = [
  SERVER,
  ROOT,
  PERMISSIONS,
  PORTS,
  UPSTREAMS,
  NAMES,
  CERTIFICATES,
  APPS,
  WRITTEN,
  STATIC,
  HOSTS,
  MEMORY,
  LIMITS,
  CLOCK,
  DISK,
  SECRETS,
];

export interface Found extends Finding {
  /** The name of its check. */
  readonly check: string;
}

/** Each check's findings as they come. A check that breaks is a finding, too: the others go on. */
export async function* examine(patient: Patient, checks: readonly Check[] = CHECKS): AsyncGenerator<Found> {
  for (const check of checks) {
    for (const finding of await findingsOf(check, patient)) yield { ...finding, check: check.name };
  }
}

async function findingsOf(check: Check, patient: Patient): Promise<readonly Finding[]> {
  try {
    return await check.run(patient);
  } catch (error) {
    const remedy = "this is a mistake of server's own: please report it with these lines";
    const lines = String((error as Error).stack ?? error).split("\n");
    return [problem(check.name, `the check itself failed: ${String(error)}`, remedy, { lines })];
  }
}

/** What can be said where the configuration cannot be used. */
export function withoutConfiguration({ running, ground }: Pick<Patient, "running" | "ground">): Found[] {
  const ofServer = running === undefined ? [] : SERVER.run({ running });
  return [
    ...ofServer.map((finding) => ({ ...finding, check: SERVER.name })),
    ...CLOCK.run({ ground }).map((finding) => ({ ...finding, check: CLOCK.name })),
  ];
}

const NO_FILE = "server setup, in the project's folder, writes one; -c FILE names another";

const NO_FOLDER = "make it, as manage.py collectstatic does with static files, or name what is there";

/** What is wrong with the configuration itself. */
export function configurationFindings(problems: readonly Problem[]): Found[] {
  return problems.map(({ severity, file, line, column, key, what, should, suggestion }) => {
    const place = line === 0 ? file : `${file}:${line}:${column}`;
    const offer = suggestion === undefined ? "" : `did you mean ${JSON.stringify(suggestion)}?`;
    const remedy = [should, offer].filter((each) => each !== undefined && each !== "").join("; ");
    const isGone = key === "" && what === "does not exist";
    const isUnmade = key.endsWith(".files") && what.endsWith(", which does not exist");
    const say = severity === "error" ? problem : notice;
    const finding = say(
      place,
      key === "" ? what : `${key}: ${what}`,
      isGone
        ? NO_FILE
        : isUnmade
          ? NO_FOLDER
          : remedy === ""
            ? "server config explain tells what may stand there"
            : remedy,
    );
    return { ...finding, check: "configuration" };
  });
}

/** The loader says that a path cannot be reached: here, which directory on the way refuses it, and how it would not. */
export async function withReasons(findings: readonly Found[], ground: Ground, who: Serving): Promise<Found[]> {
  return Promise.all(
    findings.map(async (finding) => {
      const path = /names (\/.*), which user \S+ (?:may not reach|cannot use)/.exec(finding.says)?.[1];
      const refused = path === undefined ? undefined : await refusalOf(ground, who, path, ["read"]);
      if (refused?.state === undefined) return finding;
      const owners = (uid: number, gid: number) => ownerName(ground.files, uid, gid);
      const says = `${finding.says}: ${refused.path} ${describe(refused, owners)}`;
      return { ...finding, says, remedy: remedyFor(refused, who) };
    }),
  );
}

/** Those that may be mended, mended; with what became of each. */
export async function mend(
  findings: readonly Found[],
): Promise<{ readonly finding: Found; readonly failure: string | undefined }[]> {
  const mended = [];
  for (const finding of findings) {
    if (finding.fix !== undefined) mended.push({ finding, failure: await finding.fix.run() });
  }
  return mended;
}
