import { expect, test } from "bun:test";
import { formatProblems, type Problem, showPath } from "../../src/config/problems.ts";

const PROBLEM: Problem = {
  severity: "error",
  file: "server.toml",
  line: 3,
  column: 11,
  key: "server.fronts",
  what: 'is "many"',
  should: "should be an integer",
  suggestion: undefined,
  frame: undefined,
};

test("a problem is one line: place, key, what it is, what it should be, what was meant", () => {
  const text = formatProblems([PROBLEM, { ...PROBLEM, suggestion: "front", should: undefined }], { colour: false });
  expect(text).toBe(
    'server.toml:3:11: server.fronts: is "many"; should be an integer\n' +
      'server.toml:3:11: server.fronts: is "many"; did you mean "front"?\n',
  );
});

test("a warning says that it is one, a problem of the whole file has no line", () => {
  const whole: Problem = {
    ...PROBLEM,
    severity: "warning",
    line: 0,
    column: 0,
    key: "",
    what: "is old",
    should: undefined,
  };
  expect(formatProblems([whole], { colour: false })).toBe("server.toml: warning: is old\n");
});

test("colours are only around words, and only when asked for", () => {
  const coloured = formatProblems([PROBLEM], { colour: true });
  expect(coloured).toContain("\x1b[31mserver.fronts\x1b[0m");
  expect(Bun.stripANSI(coloured)).toBe(formatProblems([PROBLEM], { colour: false }));
});

test("no problems are no text", () => expect(formatProblems([], { colour: true })).toBe(""));

test("a key is shown as it is written", () => {
  expect(showPath(["site", 0, "routes", "= /x", "files"])).toBe('site.routes."= /x".files');
});
