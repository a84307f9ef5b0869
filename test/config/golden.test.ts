/**
 * Golden configurations: each file of test/cases/config ends with the problems it has, as comments after `# problems:`,
 * in the form in which people read them, without the file name. `$FOLDER` stands for the folder of the cases.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblems } from "../../src/config/problems.ts";

const FOLDER = join(import.meta.dir, "../cases/config");
const MARK = "# problems:\n";

let bin = "";

beforeAll(() => {
  bin = mkdtempSync(join(tmpdir(), "server-golden-"));
  writeFileSync(join(bin, "python3"), "#!/bin/sh\n");
  chmodSync(join(bin, "python3"), 0o755);
});

afterAll(() => rmSync(bin, { recursive: true }));

function load(name: string) {
  const environment = { PATH: bin, PROJECT: "project", THREADS: "3", EMPTY: "", TRICK: '"]\n$ENV{PROJECT}' };
  return loadConfig(join(FOLDER, name), environment, { cores: 4, ipv6: true });
}

function problemsOf(name: string): string {
  const { problems } = load(name);
  const text = formatProblems(
    problems.map((problem) => ({ ...problem, file: "" })),
    { colour: false },
  );
  return text
    .replaceAll(FOLDER, "$FOLDER")
    .replace(/^:(?=.)/gm, "")
    .replace(/^(?=.)/gm, "# ");
}

function expectationOf(name: string): string {
  const text = readFileSync(join(FOLDER, name), "utf8");
  const start = text.lastIndexOf(MARK);
  if (start === -1) throw new Error(`${name} does not say which problems it has`);
  return text.slice(start + MARK.length);
}

const names = readdirSync(FOLDER).filter((name) => name.endsWith(".toml"));

describe("each case has exactly the problems that it says", () => {
  test.each(names)("%s", (name) => {
    const problems = problemsOf(name);
    expect(problems).toBe(expectationOf(name));
    const isGood = load(name).config !== undefined;
    expect({ name, isGood }).toEqual({ name, isGood: !name.startsWith("bad_") });
    if (name.startsWith("ok_")) expect(problems).toBe("");
  });
});
