/** Files and functions above their bound are found; the list of known sizes can only shrink. */
import { describe, expect, test } from "bun:test";
import { checkSizes, functionsOf, pythonFunctions } from "../../scripts/tidy/sizes.ts";
import { makeSource } from "../../scripts/tidy/source.ts";

const lines = (count: number, line = "  f();\n") => line.repeat(count);
const messages = (text: string, known = {}, path = "src/a/a.ts") =>
  checkSizes([makeSource(path, text)], known).map((finding) => `${finding.line}: ${finding.message}`);

describe("files", () => {
  test("400 lines are taken, 401 are not", () => {
    expect(messages(lines(400, "a;\n"))).toEqual([]);
    expect(messages(lines(401, "a;\n"))).toEqual(["1: src/a/a.ts has 401 lines, more than 400; split it by role"]);
  });

  test("the Python worker is one file whatever its length, its functions are bound", () => {
    const path = "src/a/worker.py";
    expect(messages(lines(401, "a\n"), {}, path)).toEqual([]);
    expect(messages(`def f():\n${lines(70, "    a\n")}`, {}, path)).toHaveLength(1);
  });
});

describe("functions", () => {
  const forms: readonly (readonly [name: string, open: string, close: string])[] = [
    ["plain", "export async function plain<T>(a: T): Promise<{ b: T }> {\n", "}\n"],
    ["method", "class C {\n  private override method(a = { b: 1 }): void {\n", "}\n}\n"],
    ["arrow", "export const arrow = (a: number) => {\n", "};\n"],
    ["typed", "const typed: (a: number) => void = (a) => {\n", "};\n"],
    ["guarded", "function guarded(a: unknown): asserts a is { b: 1 } {\n", "}\n"],
  ];
  test.each(forms)("%s: 70 lines are taken, 71 are not", (name, open, close) => {
    expect(messages(open + lines(68) + close)).toEqual([]);
    const found = messages(open + lines(69) + close);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`src/a/a.ts#${name} has 71 lines`);
  });

  test("a block, a class, a literal and a type are no functions", () => {
    const big = `class C {\n${lines(80, "  a = 1;\n")}}\nif (a) {\n${lines(80)}}\nconst b = {\n${lines(80, "  c: 1,\n")}};\n`;
    expect(messages(`${big}interface I {\n${lines(80, "  c: { d: 1 };\n")}}\n`)).toEqual([]);
  });

  test("braces in strings, comments, templates and regular expressions do not count", () => {
    const text = 'function f() {\n  a = "}"; // }\n  b = `}${c({ d: "}" })}}`;\n  e = /[}/]}/;\n}\n';
    expect(functionsOf(makeSource("a.ts", text))).toEqual([{ name: "f", line: 1, lines: 5 }]);
  });

  test("the tests' describe blocks may be long", () => {
    expect(messages(`describe("a", () => {\n${lines(100)}});\n`, {}, "test/a.test.ts")).toEqual([]);
  });

  test("a Python function reaches to its last indented line", () => {
    const text = "class A:\n    def f(\n        self,\n    ):\n        a\n\n        b\n\n    def g(self):\n        c\n";
    expect(pythonFunctions(makeSource("a.py", text))).toEqual([
      { name: "f", line: 2, lines: 6 },
      { name: "g", line: 9, lines: 2 },
    ]);
  });
});

describe("the ratchet", () => {
  const text = lines(410, "a;\n");
  test("a granted size passes", () => expect(messages(text, { "src/a/a.ts": 410 })).toEqual([]));
  test("growing is refused", () => expect(messages(text, { "src/a/a.ts": 405 })[0]).toContain("more than the 405"));
  test("shrinking has to be entered", () =>
    expect(messages(text, { "src/a/a.ts": 420 })[0]).toContain("lower its 420"));
  test("a grant that is not needed has to go", () => {
    expect(messages("a;\n", { "src/a/a.ts": 420 })[0]).toContain("take it out of the list");
  });
});
