import { expect, test } from "bun:test";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AccessLog, formatLogTime, quoted } from "../../src/front/access-log.ts";
import { fakeExchange } from "../support/exchange.ts";

function logged(write: (log: AccessLog) => void): string {
  const folder = mkdtempSync(join(tmpdir(), "server-log-"));
  const path = join(folder, "access.log");
  const log = new AccessLog(openSync(path, "a"));
  write(log);
  log.flush();
  const text = readFileSync(path, "latin1");
  rmSync(folder, { recursive: true });
  return text;
}

test("writes nginx's combined format", () => {
  const { exchange } = fakeExchange({
    target: "/a?b=c",
    fields: [
      ["Referer", "http://x/"],
      ["User-Agent", "curl/8"],
    ],
  });
  const line = logged((log) => log.finished(exchange, 200, 12));
  expect(line).toMatch(
    /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET \/a\?b=c HTTP\/1\.1" 200 12 "http:\/\/x\/" "curl\/8"\n$/,
  );
});

test("what a client sends cannot end its quotes or start a line", () => {
  expect(quoted('a"b\\c\n\x7f\xe9')).toBe("a\\x22b\\x5Cc\\x0A\\x7F\\xE9");
  expect(quoted(undefined)).toBe("-");
});

test("a refused request is a line without one", () => {
  expect(logged((log) => log.refused("192.0.2.1", 400))).toMatch(/^192\.0\.2\.1 - - \[.*\] "" 400 0 "-" "-"\n$/);
});

test("many and long lines all arrive, in order", () => {
  const text = logged((log) => {
    for (let i = 0; i < 500; i++) log.finished(fakeExchange({ target: `/${i}` }).exchange, 200, i);
    log.finished(fakeExchange({ target: `/${"x".repeat(10_000)}` }).exchange, 200, 0);
    log.finished(fakeExchange({ target: "/last" }).exchange, 200, 0);
  });
  const targets = text
    .trimEnd()
    .split("\n")
    .map((line) => line.split('"')[1]?.split(" ")[1] as string);
  expect(targets).toHaveLength(502);
  expect(targets[499]).toBe("/499");
  expect(targets[500]).toHaveLength(10_001);
  expect(targets[501]).toBe("/last");
});

test("a log that cannot be written loses lines and says how many", () => {
  const log = new AccessLog(openSync("/dev/full", "w"));
  log.refused("192.0.2.1", 400);
  log.flush();
  expect(log.lost).toBe(1);
});

test("the time is local, with its zone", () => {
  expect(formatLogTime(new Date(2026, 0, 2, 3, 4, 5))).toMatch(/^02\/Jan\/2026:03:04:05 [+-]\d{4}$/);
});
