/**
 * Makes the sample project ready to be served: database, static files, demo admin, in a data folder outside the sources.
 * A step is repeated only when what it depends on has changed, so a second start takes no time.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Django } from "./django.ts";
import { ROOT, run } from "./run.ts";

export const PROJECT = join(ROOT, "test/projects/mysite");
const STAMPS = "prepared.json";

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** Files of the project whose change asks for the step again. */
  readonly inputs: RegExp;
  /** What it leaves behind in the data folder. */
  readonly output: string;
}

const STEPS: readonly Step[] = [
  {
    name: "migrate",
    command: ["migrate", "--no-input", "--verbosity", "0"],
    inputs: /(settings|models|migrations\/.*)\.py$/,
    output: "db.sqlite3",
  },
  {
    name: "demo_admin",
    command: ["demo_admin"],
    inputs: /(settings|demo_admin|migrations\/.*)\.py$/,
    output: "db.sqlite3",
  },
  {
    name: "collectstatic",
    command: ["collectstatic", "--no-input", "--clear", "--verbosity", "0"],
    inputs: /(settings\.py|static\/.*)$/,
    output: "static",
  },
];

/** Throws when a step fails, with what Django said. */
export function prepareProject(django: Django, data: string, say: (line: string) => void): void {
  mkdirSync(join(data, "media"), { recursive: true });
  const stamps = readStamps(data);
  for (const step of STEPS) {
    const stamp = stampOf(step, django);
    if (stamps[step.name] === stamp && existsSync(join(data, step.output))) continue;
    say(`mysite: ${step.name}`);
    manage(django, data, step.command);
    stamps[step.name] = stamp;
    writeFileSync(join(data, STAMPS), JSON.stringify(stamps, undefined, 2));
  }
}

function manage(django: Django, data: string, command: readonly string[]): void {
  const ran = run([django.python, "manage.py", ...command], { cwd: PROJECT, env: { MYSITE_DATA: data } });
  if (ran.code !== 0) throw new Error(`manage.py ${command.join(" ")} ended with ${ran.code}:\n${ran.stderr}`);
}

function readStamps(data: string): Record<string, string> {
  const path = join(data, STAMPS);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Record<string, string>) : {};
}

function stampOf(step: Step, django: Django): string {
  const hash = createHash("sha256").update(JSON.stringify([django, step.command]));
  for (const file of filesOf(PROJECT)) {
    if (step.inputs.test(file)) hash.update(file).update(readFileSync(file));
  }
  return hash.digest("hex");
}

function filesOf(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.sort();
}
