import { expect, test } from "bun:test";
import { formatLogLine, journalLines, lineOf, makeLog } from "../../src/base/log.ts";

test("a line names time, level, process and source", () => {
  const line = formatLogLine(new Date(2026, 10, 22, 7, 4, 9), "warn", "front-1", "something");
  expect(line).toBe(`2026/11/22 07:04:09 [warn] ${process.pid} front-1: something\n`);
});

test("what is below the level is dropped", () => {
  const lines: string[] = [];
  const log = makeLog("x", "warn", (line) => lines.push(line));
  log.info("no");
  log.warn("yes");
  log.crit("yes");
  expect(lines).toHaveLength(2);
});

test("control characters cannot start a line or move a terminal's cursor", () => {
  const line = formatLogLine(new Date(), "error", "x", "a\r\x1b[2Jb\nc");
  expect(line).toEndWith("x: a\\x0d\\x1b[2Jb\n\tc\n");
});

test("short lines are for who watches: what a worker prints stands as it printed it", () => {
  const line = lineOf("short");
  const when = new Date(2026, 10, 22, 7, 4, 9);
  expect(line(when, "error", "app shop", 'worker 1:   File "x.py"')).toBe('07:04:09   File "x.py"\n');
  expect(line(when, "notice", "app shop", "reload done")).toBe("07:04:09 notice app shop: reload done\n");
  expect(line(when, "error", "app shop", "worker 1: a\x1b[2Jb")).toBe("07:04:09 a\\x1b[2Jb\n");
});

test("the journal gets a priority for each line, no time and no process", () => {
  const line = formatLogLine(new Date(), "warn", "app a", "Traceback:\n  x.py");
  expect(journalLines(line, "warn")).toBe("<4>[warn] app a: Traceback:\n<4>\t  x.py\n");
  expect(journalLines("12:00:01 hello\n", "notice")).toBe("<5>hello\n");
  expect(journalLines('{"level":"crit"}\n', "crit")).toBe('<2>{"level":"crit"}\n');
});

test("what is below may change while the log is written", () => {
  const lines: string[] = [];
  const threshold: { level: "warn" | "debug" } = { level: "warn" };
  const log = makeLog("master", threshold, (line) => void lines.push(line));
  log.debug("one");
  threshold.level = "debug";
  log.debug("two");
  expect(lines.map((line) => line.slice(20))).toEqual([`[debug] ${process.pid} master: two\n`]);
  expect(log.level).toBe("debug");
});
