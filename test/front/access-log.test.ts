import { expect, test } from "bun:test";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatLogTime } from "../../src/exchange/time-text.ts";
import { AccessLog, quoted } from "../../src/front/access-log.ts";
import type { Peer } from "../../src/exchange/exchange.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";
import { type LogLine, makeLogLine } from "../../src/front/log-format.ts";
import { unreadExchange } from "../../src/front/unread-exchange.ts";
import { fakeExchange } from "../support/exchange.ts";
import { template } from "../support/template.ts";

const CLIENT: Peer = {
  remoteAddress: "192.0.2.1",
  remotePort: 1,
  localAddress: "192.0.2.2",
  localPort: 80,
  secure: false,
};

function logged(write: (log: AccessLog) => void, line?: LogLine): string {
  const folder = mkdtempSync(join(tmpdir(), "server-log-"));
  const path = join(folder, "access.log");
  const log = new AccessLog(openSync(path, "a"), line);
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

test("a refused request is a line without one, but with the bytes of its answer", () => {
  const line = logged((log) => log.refused(unreadExchange(CLIENT), 400, 111));
  expect(line).toMatch(/^192\.0\.2\.1 - - \[.*\] "" 400 111 "-" "-"\n$/);
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
  log.refused(unreadExchange(CLIENT), 400, 0);
  log.flush();
  expect(log.lost).toBe(1);
});

test("the time is local, with its zone", () => {
  expect(formatLogTime(new Date(2026, 0, 2, 3, 4, 5))).toMatch(/^02\/Jan\/2026:03:04:05 [+-]\d{4}$/);
});

const FORMAT = '{"a":"$remote_addr","r":"$request","s":$status,"b":$body_bytes_sent,"u":"$http_user_agent","p":"$uri"}';

test("a format of one's own, escaped for JSON", () => {
  const agent = 'a"b\\c\xc3\xa9';
  const { exchange } = fakeExchange({ path: "/a\r\n\0", target: "/a", fields: [["User-Agent", agent]] });
  const line = makeLogLine(template(FORMAT, BUILT_IN, "log"), "json");
  const text = logged((log) => (log.finished(exchange, 499, 7), log.refused(unreadExchange(CLIENT), 400, 0)), line);
  const [first = "", second = "", rest] = Buffer.from(text, "latin1").toString().split("\n");
  const request = "GET /a HTTP/1.1";
  expect(JSON.parse(first)).toEqual({ a: "127.0.0.1", r: request, s: 499, b: 7, u: 'a"b\\cé', p: "/a\r\n\0" });
  expect(JSON.parse(second)).toEqual({ a: "192.0.2.1", r: "", s: 400, b: 0, u: "", p: "" });
  expect(rest).toBe("");
});

test("a format of one's own, escaped as nginx does", () => {
  const { exchange } = fakeExchange({ path: '/a"\n', fields: [["User-Agent", "\xe9"]] });
  const line = makeLogLine(template('$$ $uri "$http_user_agent" $http_none', BUILT_IN, "log"), "default");
  expect(logged((log) => log.finished(exchange, 200, 0), line)).toBe('$ /a\\x22\\x0A "\\xE9" -\n');
});
