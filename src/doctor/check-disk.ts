/** Disks: what logs, temporary files, certificates and kept replies are written to. */
import { dirname } from "node:path";
import type { Config } from "../config/config.ts";
import { formatSize } from "../base/units.ts";
import { type Finding, notice, ok, problem, unknown } from "./finding.ts";
import type { Space } from "./ground.ts";
import type { Check, Patient } from "./patient.ts";

const MIB = 1024 * 1024;

/** Below, something will not be written today; and soon. */
const FULL_BYTES = 100 * MIB;
const FULL_PART = 0.01;
const TIGHT_PART = 0.05;

export const DISK: Check = {
  name: "disk",
  run: ({ config, ground }) => {
    const paths = [...new Set(foldersOf(config).map((path) => nearest(path, ground)))];
    const spaces = paths.map((path) => ({ path, space: ground.space(path) }));
    // Folders of one disk say the same.
    const seen = new Map(spaces.map((each) => [JSON.stringify(each.space), each]));
    return [...seen.values()].map(({ path, space }) => judge(path, space));
  },
};

function foldersOf({ server, sites }: Config): string[] {
  const logs = [server.errorLog, server.accessLog.path, ...sites.map(({ accessLog }) => accessLog.path)];
  return [
    server.temporaryDirectory,
    server.stateDirectory,
    ...logs.filter((path) => path.startsWith("/")).map(dirname),
  ];
}

function nearest(path: string, ground: Patient["ground"]): string {
  return ground.state(path) === undefined && dirname(path) !== path ? nearest(dirname(path), ground) : path;
}

function judge(path: string, space: Space | undefined): Finding {
  const subject = `disk of ${path}`;
  if (space === undefined) return unknown(subject, "cannot be asked");
  const { freeBytes, totalBytes, freeFiles, totalFiles } = space;
  const says = `${rounded(freeBytes)} of ${rounded(totalBytes)} free`;
  const files = freeFiles === undefined || totalFiles === undefined || totalFiles === 0 ? 1 : freeFiles / totalFiles;
  const remedy = "du -xh --max-depth=2 / | sort -h shows what fills it; log_total_size and log_keep bound our logs";
  if (freeBytes < FULL_BYTES || freeBytes < totalBytes * FULL_PART) return problem(subject, says, remedy);
  if (files < FULL_PART)
    return problem(
      subject,
      `${freeFiles} of ${totalFiles} files (inodes) free`,
      "many small files fill it, often sessions or caches: df -i; find -xdev -type f | cut -d/ -f2-4 | sort | uniq -c",
    );
  return freeBytes < totalBytes * TIGHT_PART ? notice(subject, says, remedy) : ok(subject, says);
}

function rounded(bytes: number): string {
  const whole = bytes >= 1024 * MIB ? Math.round(bytes / MIB / 1024) * 1024 * MIB : Math.round(bytes / MIB) * MIB;
  return formatSize(whole);
}
