/**
 * `for` and `if-*` blocks (core/config.c uwsgi_logic_opt_*): each option inside is added once, several times or not at all.
 * `%(_)` in its value stands for what is looped over or looked at.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Surroundings } from "./surroundings.ts";

/** What a condition may look at. */
export interface Known {
  readonly around: Surroundings;
  /** The first value of an option given so far. */
  valueOf(name: string): string | undefined;
}

export interface Block {
  /** Of the option that opened it: `if-env`. */
  readonly name: string;
  readonly argument: string;
  /** What `%(_)` stands for, once for each time that an option inside is added; undefined: it stays as it is. */
  readonly rounds: readonly (string | undefined)[];
}

const ENDS: ReadonlySet<string> = new Set(["end", "endfor", "endif", "end-if", "end-for"]);

export function endsBlock(key: string): boolean {
  return ENDS.has(key);
}

export function opensBlock(key: string): boolean {
  return LOOPS.has(key) || testOf(key) !== undefined;
}

export function openBlock(name: string, argument: string, known: Known): Block {
  const loop = LOOPS.get(name);
  if (loop !== undefined) return { name, argument, rounds: loop(argument, known.around) };
  const { test, negated } = testOf(name) as { test: Test; negated: boolean };
  const { holds, stands } = test(argument, known);
  return { name, argument, rounds: holds !== negated ? [stands] : [] };
}

type Loop = (argument: string, around: Surroundings) => readonly string[];

const words: Loop = (argument) => argument.split(" ").filter((word) => word !== "");

const LOOPS: ReadonlyMap<string, Loop> = new Map<string, Loop>([
  ["for", words],
  ["for-glob", (pattern, around) => glob(pattern, around.cwd)],
  ["for-readline", (file, around) => readFileSync(resolve(around.cwd, file), "utf8").trimEnd().split("\n")],
  [
    "for-times",
    (count) => Array.from({ length: Math.max(0, Number.parseInt(count, 10) || 0) }, (_, i) => String(i + 1)),
  ],
]);

interface Outcome {
  readonly holds: boolean;
  /** What `%(_)` is; undefined: it stays. */
  readonly stands: string | undefined;
}

type Test = (argument: string, known: Known) => Outcome;

const statOf = (path: string, { around }: Known) => statSync(resolve(around.cwd, path), { throwIfNoEntry: false });
const file: Test = (path, known) => ({ holds: statOf(path, known)?.isFile() === true, stands: path });
const directory: Test = (path, known) => ({ holds: statOf(path, known)?.isDirectory() === true, stands: path });
const exists: Test = (path, known) => ({ holds: statOf(path, known) !== undefined, stands: path });
const env: Test = (argument, { around }) => compare(argument, (name) => around.environment[name]);
const opt: Test = (argument, known) => compare(argument, (name) => known.valueOf(name));

/** `name` or `name=value` */
function compare(argument: string, lookUp: (name: string) => string | undefined): Outcome {
  const [name = "", ...rest] = argument.split("=");
  const value = lookUp(name);
  return { holds: value !== undefined && (rest.length === 0 || value === rest.join("=")), stands: value };
}

const TESTS: Readonly<Record<string, Test>> = {
  exists,
  file,
  dir: directory,
  directory,
  env,
  opt,
  hostname: (name, { around }) => ({ holds: around.hostname === name, stands: name }),
  "hostname-match": (pattern, { around }) => ({ holds: new RegExp(pattern).test(around.hostname), stands: pattern }),
  // What plugins do is built in here, and a start is a start.
  plugin: (name) => ({ holds: true, stands: name }),
  reload: () => ({ holds: false, stands: undefined }),
};

/** uWSGI's own spellings without a hyphen. */
const UNHYPHENATED: Readonly<Record<string, string>> = {
  ifenv: "if-env",
  ifexists: "if-exists",
  ifplugin: "if-plugin",
  ifdir: "if-dir",
};

function testOf(key: string): { test: Test; negated: boolean } | undefined {
  const [, not, name] = /^if-(not-)?(.+)$/.exec(UNHYPHENATED[key] ?? key) ?? [];
  const test = name !== undefined && Object.hasOwn(TESTS, name) ? TESTS[name] : undefined;
  return test && { test, negated: not !== undefined };
}

/** As glob(3) with GLOB_MARK and GLOB_NOCHECK: sorted, directories end in a slash, a pattern that fits nothing is itself. */
export function glob(pattern: string, cwd: string): string[] {
  const found = fitting(pattern, cwd);
  const marked = found.map((path) => (isDirectory(resolve(cwd, path)) ? `${path}/` : path));
  return marked.length === 0 ? [pattern] : marked;
}

/** A folder that is not there, or may not be read, has nothing that fits. */
function fitting(pattern: string, cwd: string): string[] {
  try {
    return [...new Bun.Glob(pattern).scanSync({ cwd, onlyFiles: false, absolute: false, dot: false })].sort();
  } catch {
    return [];
  }
}

function isDirectory(path: string): boolean {
  try {
    return readdirSync(path) !== undefined;
  } catch {
    return false;
  }
}
