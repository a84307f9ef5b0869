/** What a configuration of uWSGI can see of the machine and of the process that reads it. Tests pass their own. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism, hostname, userInfo } from "node:os";

export interface Surroundings {
  /** Of the process: relative paths are looked for from here, not from the file. */
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly cores: number;
  readonly user: { readonly id: number; readonly name: string };
  readonly group: { readonly id: number; readonly name: string };
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly executable: string;
  /** Is there such a program? */
  readonly hasProgram: (path: string) => boolean;
  /** What a command prints, for `exec://`; undefined: commands are named and not run. */
  readonly run: ((command: string) => string) | undefined;
}

/** Those of this process. `run`: whether commands of `@(exec://…)` may be run. */
export function thisSurroundings(
  process: { readonly cwd: string; readonly environment: Surroundings["environment"]; readonly executable: string },
  run: Surroundings["run"],
): Surroundings {
  const { uid, gid, username } = userInfo();
  return {
    ...process,
    hostname: hostname(),
    cores: availableParallelism(),
    user: { id: uid, name: username },
    group: { id: gid, name: groupName(gid) },
    now: Date.now(),
    hasProgram: existsSync,
    run,
  };
}

function groupName(gid: number): string {
  const { stdout } = spawnSync("getent", ["group", String(gid)], { encoding: "utf8" });
  return (stdout ?? "").split(":", 1)[0] || String(gid);
}

/** As uWSGI does it: by a shell, and everything it prints. */
export function runCommand(command: string): string {
  return spawnSync("/bin/sh", ["-c", command], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).stdout ?? "";
}
