/** Reads the sources of the project: TypeScript and Python of src, test and scripts. Declarations (.d.ts) are no code. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { KnownSizes } from "./sizes.ts";
import { makeSource, type Source } from "./source.ts";

const ROOT = join(import.meta.dir, "../..");
const FOLDERS = ["src", "test", "scripts"];

export function readSources(): Source[] {
  return FOLDERS.flatMap((folder) => {
    const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).sort();
    return files
      .filter((file) => /(?<!\.d)\.(?:ts|py)$/.test(file))
      .map((file) => `${folder}/${file}`)
      .map((path) => makeSource(path, readFileSync(join(ROOT, path), "utf8")));
  });
}

/** Of what is committed or staged; undefined where git is not, or this is no checkout. */
export function readTop(): string[] | undefined {
  const { status, stdout } = spawnSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) return undefined;
  const names = stdout.split("\0").map((path) => path.split("/", 1)[0] ?? "");
  return [...new Set(names)].filter((name) => name !== "").sort();
}

export function readKnownSizes(): KnownSizes {
  return JSON.parse(readFileSync(join(ROOT, "scripts/tidy/known-sizes.json"), "utf8")) as KnownSizes;
}
