/** Every key of the schema, by the schema: whoever adds one gets these tests for it. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Key, type Schema, table } from "../../src/config/keys.ts";
import { readKind } from "../../src/config/kinds.ts";
import { Place } from "../../src/config/place.ts";
import { findPositions } from "../../src/config/positions.ts";
import { Report } from "../../src/config/problems.ts";
import { referenceMarkdown, SECTIONS } from "../../src/config/reference.ts";
import { parse } from "smol-toml";

const KEYS = SECTIONS.flatMap(({ title, schema }) =>
  Object.entries(schema).map(([name, key]) => ({ title, schema, name, key })),
);

/** The problems of `toml`, read as a table of this schema; without those of keys that are missing. */
function problemsOf(schema: Schema, toml: string): string[] {
  const report = new Report("x.toml");
  report.positions = findPositions(toml);
  table(schema).read(new Place(report, [], parse(toml, { integersAsBigInt: "asNeeded" })));
  return report
    .sorted()
    .filter((problem) => problem.what !== "is missing" && problem.what !== "has no meaning here")
    .map((problem) => `${problem.line}:${problem.column} ${problem.key}: ${problem.what}`);
}

describe.each(KEYS)("$title $name", ({ schema, name, key }) => {
  test("refuses a value of the wrong type, at its place", () => {
    const column = name.length + 4;
    const isDay = isTakenFor(key, new Date("1979-05-27"));
    if (!isDay)
      expect(problemsOf(schema, `\n${name} = 1979-05-27`)).toEqual([`2:${column} ${name}: is the date 1979-05-27`]);
    const wrong = isTakenFor(key, true) ? "1" : "true";
    expect(problemsOf(schema, `${name} = ${wrong}`)).toEqual([`1:${column} ${name}: is ${wrong}`]);
  });

  test("a misspelt key is refused, and the right one is offered", () => {
    const report = new Report("x.toml");
    const toml = `${name}x = 1`;
    report.positions = findPositions(toml);
    table(schema).read(new Place(report, [], parse(toml)));
    expect(report.sorted().find((problem) => problem.key === `${name}x`)).toMatchObject({
      what: "is not a known key",
      suggestion: name,
      line: 1,
      column: 1,
    });
  });

  test("is documented", () => {
    expect(key.doc).toMatch(/^[A-Z`].*\.$/s);
    expect(key.kind.expected).not.toBe("");
  });

  const { bounds } = key.kind;
  if (bounds !== undefined) {
    test("takes its bounds and nothing beyond them", () => {
      const accepts = (value: number) => readBase(key, value) === value;
      expect([accepts(bounds[0]), accepts(bounds[1])]).toEqual([true, true]);
      expect([accepts(bounds[0] - 1), accepts(bounds[1] + 1)]).toEqual([false, false]);
      if (typeof key.fallback === "number") expect(accepts(key.fallback)).toBe(true);
    });
  }
});

function isTakenFor(key: Key<unknown>, value: unknown): boolean {
  const report = new Report("x.toml");
  readKind(key.kind, new Place(report, ["k"], value));
  return !report.failed;
}

/** Reads a number in the kind's own unit: milliseconds are written as such, the others are plain. */
function readBase(key: Key<unknown>, value: number): unknown {
  const text = key.kind.expected.startsWith("a duration") ? `${value}ms` : String(value);
  return readKind(key.kind, new Place(new Report("x.toml"), ["k"], text));
}

test("a required key that is not written is reported, each one", () => {
  for (const { schema, name, key } of KEYS) {
    const report = new Report("x.toml");
    table(schema).read(new Place(report, [], {}));
    const isReported = report.sorted().some((problem) => problem.key === name && problem.what === "is missing");
    expect({ name, isReported }).toEqual({ name, isReported: key.fallbackText === undefined });
  }
});

test("docs/config.md is what the schema says (the head of src/config/reference.ts tells how to make it)", () => {
  const written = readFileSync(join(import.meta.dir, "../../docs/config.md"), "utf8");
  expect(written).toBe(referenceMarkdown());
});
