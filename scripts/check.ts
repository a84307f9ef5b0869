/** `make check`: types, lint, format, structure, and whether the generated docs are current. All of them are run, whatever the first one says; 1 if any failed. */
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const bun = process.execPath;

const STEPS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["types", [bun, "run", "--silent", "check"]],
  ["lint", [bun, "run", "--silent", "lint"]],
  ["format", [bun, "run", "--silent", "format", "--check"]],
  ["structure", [bun, "run", "--silent", "tidy"]],
  ["docs", [bun, "scripts/docs.ts", "--check"]],
];

const BUN_FIRST = `${join(ROOT, ".build/bin")}:${process.env["PATH"] ?? ""}`;

const failed = STEPS.filter(([name, command]) => {
  console.log(`check: ${name}`);
  // The scripts of package.json say `bun`: that is to be ours, not one that happens to be on PATH.
  const env = { ...process.env, PATH: BUN_FIRST };
  return Bun.spawnSync([...command], { cwd: ROOT, env, stdio: ["ignore", "inherit", "inherit"] }).exitCode !== 0;
}).map(([name]) => name);

console.log(failed.length === 0 ? "check: all good" : `check: failed: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
