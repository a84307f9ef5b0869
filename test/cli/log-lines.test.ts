import { describe, expect, test } from "bun:test";
import { formatLogLine, lineOf } from "../../src/base/log.ts";
import { readFilter } from "../../src/cli/log-filter.ts";
import { accessLineReader, errorLineReader, type LineFilter, matches } from "../../src/cli/log-lines.ts";
import { inOrder } from "../../src/cli/logs.ts";
import { NAMED_LOG_FORMATS } from "../../src/exchange/log-formats.ts";

const AT = Date.UTC(2026, 10, 22, 16, 41, 43);
const ANYTHING: LineFilter = { statuses: [], site: undefined, app: undefined, level: undefined, sinceMs: undefined };

const template = (name: string) => NAMED_LOG_FORMATS[name]?.template ?? "";

describe("lines of access logs are read by the template that made them", () => {
  test("combined and common", () => {
    const combined = '1.2.3.4 - anna [22/Nov/2026:17:41:43 +0100] "GET /\\x22 404 HTTP/1.1" 503 12 "-" "x"';
    expect(accessLineReader(template("combined"))(combined)).toMatchObject({ status: "503", atMs: AT });
    const common = '1.2.3.4 - - [22/Nov/2026:17:41:43 +0100] "" 400 0';
    expect(accessLineReader(template("common"))(common)).toMatchObject({ status: "400", atMs: AT });
  });

  test("json, with its site", () => {
    const line = template("json")
      .replace("$time_iso8601", "2026-11-22T17:41:43+01:00")
      .replace("$server_name", "www.example.org")
      .replace("$status", "201")
      .replace(/\$\w+/g, "1");
    expect(accessLineReader(template("json"))(line)).toEqual({ status: "201", site: "www.example.org", atMs: AT });
  });

  test("one's own, with characters that mean something in expressions, and a variable twice", () => {
    const read = accessLineReader("($status) [$msec] $status* $uri");
    expect(read("(200) [1795365703.000] 200* /x")).toMatchObject({ status: "200", atMs: 1795365703000 });
    expect(read("something else")).toEqual({ status: undefined, site: undefined, atMs: undefined });
  });
});

describe("lines of the error log", () => {
  test.each(["text", "json"] as const)("%s", (format) => {
    const when = new Date(AT);
    const line = lineOf(format)(when, "warn", "app mysite", "worker 1: x\ny").trimEnd().split("\n")[0] as string;
    expect(errorLineReader(format)(line)).toEqual({ atMs: AT, level: "warn", source: "app mysite" });
    expect(errorLineReader(format)(line.replace(` ${process.pid} `, " "))).toMatchObject({ source: "app mysite" });
    expect(errorLineReader(format)("nothing of ours").level).toBeUndefined();
  });
});

test("a filter wants what it names; what a line does not say it is not", () => {
  const at = (filter: Partial<LineFilter>) => ({ ...ANYTHING, ...filter });
  const facts = { atMs: AT, status: "503", site: "a" };
  expect(matches(facts, ANYTHING)).toBe(true);
  expect(matches(facts, at({ statuses: ["404", "5xx"] }))).toBe(true);
  expect(matches(facts, at({ statuses: ["404"] }))).toBe(false);
  expect(matches({ atMs: AT }, at({ statuses: ["5xx"] }))).toBe(false);
  expect([matches(facts, at({ site: "a" })), matches(facts, at({ site: "b" }))]).toEqual([true, false]);
  expect([matches(facts, at({ sinceMs: AT })), matches(facts, at({ sinceMs: AT + 1 }))]).toEqual([true, false]);
  const error = { atMs: AT, level: "warn", source: "app shop" } as const;
  expect([matches(error, at({ level: "notice" })), matches(error, at({ level: "error" }))]).toEqual([true, false]);
  expect([matches(error, at({ app: "shop" })), matches(error, at({ app: "sho" }))]).toEqual([true, false]);
});

describe("options", () => {
  const read = (options: Record<string, string>, status: string[] = []) =>
    readFilter({ options, lists: { status } }, AT);

  test("are read", () => {
    const filter = read({ level: "warn", since: "10m", lines: "5" }, ["404,5xx", "200"]);
    expect(filter).toMatchObject({ statuses: ["404", "5xx", "200"], level: "warn", sinceMs: AT - 600_000 });
    expect(read({ since: "2026-11-22T16:41:43Z" })).toMatchObject({ sinceMs: AT });
  });

  test("that are wrong say what they should be", () => {
    expect(read({ level: "warm" })).toBe('--level is "warm"; did you mean warn?');
    expect(read({ since: "soon" })).toMatch(/^--since is "soon"; should be/);
    expect(read({ lines: "x" })).toMatch(/^--lines is "x"/);
    expect(read({}, ["6xx"])).toMatch(/^--status is "6xx"/);
  });
});

test("events of several logs are shown in the order of their time; what has none stays where it was", () => {
  const events = [{ atMs: 2 }, { atMs: undefined }, { atMs: 5 }, { atMs: 1 }, { atMs: 3 }];
  expect(inOrder(events)).toEqual([{ atMs: 1 }, { atMs: 2 }, { atMs: undefined }, { atMs: 3 }, { atMs: 5 }]);
  expect(formatLogLine(new Date(AT), "warn", "x", "a\nb")).toContain("\n\tb");
});
