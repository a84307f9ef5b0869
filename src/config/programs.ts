/** Programs that the file names, found as a shell finds them: when it is loaded, so that what is missing is said at once. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { isDirectory, isExecutableFile } from "./paths.ts";
import type { Place } from "./place.ts";

/** Of a command whose environment names none. */
export const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

/** Absolute; undefined after reporting that it is not there. `path`: as PATH has it. */
export function findProgram(place: Place, word: string, cwd: string, path = DEFAULT_PATH): string | undefined {
  const folders = path.split(":").filter(Boolean);
  const candidates = word.includes("/") ? [resolve(cwd, word)] : folders.map((folder) => resolve(cwd, folder, word));
  const found = candidates.find(isExecutableFile);
  if (found !== undefined) return found;
  const what = word.includes("/") ? missing(candidates[0] ?? word) : `${word}, which is not in ${folders.join(", ")}`;
  place.wrong({ what: `names ${what}`, should: "should begin with a program that can be executed" });
  return undefined;
}

function missing(path: string): string {
  if (isDirectory(path)) return `${path}, which is a directory`;
  return `${path}, which ${existsSync(path) ? "is not executable" : "does not exist"}`;
}
