/**
 * Where this executable is found again, when a process of it as it is by then is to be started. To be asked for at the start,
 * which loading this file does: of one that was replaced meanwhile the kernel only says `/usr/bin/server (deleted)`. It goes by
 * the name that it was called by, so that a link may be put to another version (nginx goes by argv[0], too).
 */
import { realpathSync } from "node:fs";
import { basename, resolve } from "node:path";

/** Programs whose place it takes when it is called by their names. */
export const NAMES: ReadonlySet<string> = new Set(["nginx", "uwsgi"]);

const REPLACED = / \(deleted\)$/;

export const EXECUTABLE = executableOf(process.argv0, process.execPath);

/** argv[0] of a process of it that is told in words what to do: by its file's name it might take the place of another program. */
export const ARGV0 = NAMES.has(basename(EXECUTABLE)) ? "server" : EXECUTABLE;

/** `argv0`: as it was called, by a path or a name in $PATH. `running`: what the kernel says. */
export function executableOf(argv0: string, running: string): string {
  const called = argv0.includes("/") ? resolve(argv0) : Bun.which(argv0);
  const real = running.replace(REPLACED, "");
  const isOurs = called !== null && !NAMES.has(basename(called)) && realPath(called) === real;
  return isOurs ? called : real;
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
