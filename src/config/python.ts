/**
 * Which interpreter runs an app: a virtualenv, an executable, or a name on PATH. The path that is given is not
 * resolved through symbolic links: python finds its virtualenv by the path it was started by.
 */
import { dirname, join, resolve } from "node:path";
import { absolute, type Context } from "./context.ts";
import { isDirectory, isExecutableFile } from "./paths.ts";
import type { Place } from "./place.ts";

/** Where projects keep them, most usual first. */
const VIRTUALENV_NAMES = [".venv", "venv", "env"];

/** execvp(3) looks here when there is no PATH. */
const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

/** The interpreter for an app in `root`; undefined after reporting that there is none. */
export function findPython(
  place: Place,
  written: string | undefined,
  root: string,
  context: Context,
): string | undefined {
  const found = written === undefined ? presumed(root, context) : named(written, context);
  if (found !== undefined) return found;
  if (written === undefined) {
    const should = "should be a virtualenv or an interpreter, since python3 is not on PATH and there is no virtualenv";
    place.wrong({ what: "is missing", should });
  } else refuse(place, written, context);
  return undefined;
}

function presumed(root: string, context: Context): string | undefined {
  for (const folder of [root, dirname(root)]) {
    for (const name of VIRTUALENV_NAMES) {
      const python = inVirtualenv(join(folder, name));
      if (python !== undefined) return python;
    }
  }
  return onPath("python3", context);
}

function named(written: string, context: Context): string | undefined {
  const path = absolute(context, written);
  if (isDirectory(path)) return inVirtualenv(path);
  if (isExecutableFile(path)) return path;
  return written.includes("/") ? undefined : onPath(written, context);
}

function inVirtualenv(folder: string): string | undefined {
  return ["python", "python3"].map((name) => join(folder, "bin", name)).find(isExecutableFile);
}

function onPath(name: string, context: Context): string | undefined {
  const folders = (context.environment["PATH"] ?? DEFAULT_PATH).split(":").filter((folder) => folder !== "");
  return folders.map((folder) => resolve(folder, name)).find(isExecutableFile);
}

function refuse(place: Place, written: string, context: Context): void {
  const path = absolute(context, written);
  const should = "should be a virtualenv, an interpreter, or the name of one on PATH";
  if (isDirectory(path)) return place.wrong({ what: `names ${path}, which has no bin/python`, should });
  const looked = written.includes("/") ? "" : " nor on PATH";
  place.wrong({ what: `names ${path}, where there is no executable${looked}`, should });
}

/** Where the interpreter of a virtualenv finds installed modules: `lib/python3.11/site-packages` beside its `bin`. */
export function sitePackagesPattern(python: string): { folder: string; pattern: string } {
  return { folder: dirname(dirname(python)), pattern: "lib/python3*/site-packages" };
}
