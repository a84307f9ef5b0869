import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { monotonicMs } from "../../src/base/clock.ts";
import { Exchange, type Peer } from "../../src/exchange/exchange.ts";
import { makeTerminalLine } from "../../src/front/terminal-line.ts";
import { NAMED_LOG_FORMATS } from "../../src/exchange/log-formats.ts";
import { Masking, maskedScope } from "../../src/exchange/masking.ts";
import { formatLogTime } from "../../src/exchange/time-text.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";
import { AccessLog, type LogCondition, makeCombinedLine } from "../../src/front/access-log.ts";
import { LogBuffer } from "../../src/front/log-buffer.ts";
import { type LogLine, makeLogLine, quoted, wholeLine } from "../../src/front/log-format.ts";
import { unreadExchange } from "../../src/front/unread-exchange.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { template } from "../support/template.ts";

const CLIENT: Peer = {
  remoteAddress: "192.0.2.1",
  remotePort: 1,
  localAddress: "192.0.2.2",
  localPort: 80,
  secure: false,
};

const MASKING = new Masking(["token"]);
const COMBINED = makeCombinedLine(MASKING);
const ALL: LogCondition = { statuses: [], slowMs: undefined };

let folder = "";
let logs = 0;
beforeEach(() => void (folder = makeFolder("access-log")));
afterEach(() => removeFolder(folder));

function over(exchange: Exchange, status: number, contentBytes = 0): Exchange {
  exchange.finalStatus = status;
  exchange.contentBytes = contentBytes;
  return exchange;
}

const textOf = (line: LogLine, exchange: Exchange) => line.begin(exchange) + line.end(exchange);

const asked = (request: FakeRequest, status = 200, bytes = 0) => over(fakeExchange(request).exchange, status, bytes);

function logged(exchanges: readonly Exchange[], line: LogLine = COMBINED, condition = ALL): string {
  const path = join(folder, `access-${logs++}.log`);
  const fd = openSync(path, "a");
  const buffer = new LogBuffer(fd, { losing: () => {}, recovered: () => {} });
  const log = new AccessLog(buffer, line, condition);
  for (const exchange of exchanges) log.finished(exchange);
  buffer.flush();
  closeSync(fd);
  return readFileSync(path, "latin1");
}

test("writes nginx's combined format", () => {
  const exchange = asked(
    {
      target: "/a?b=c",
      fields: [
        ["Referer", "http://x/"],
        ["User-Agent", "curl/8"],
      ],
    },
    200,
    12,
  );
  expect(logged([exchange])).toMatch(
    /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET \/a\?b=c HTTP\/1\.1" 200 12 "http:\/\/x\/" "curl\/8"\n$/,
  );
});

test("the combined line that is made by hand is the one that its template makes", () => {
  const { template: text, escape } = NAMED_LOG_FORMATS["combined"] ?? { template: "", escape: "json" };
  const byTemplate = makeLogLine(template(text, maskedScope(BUILT_IN, MASKING), "log"), escape);
  const requests: FakeRequest[] = [
    {},
    { target: '/"\\\x7f?token=1&x', fields: [["User-Agent", '"\xe9']] },
    { target: "/?token=1", query: "token=1", fields: [["Referer", "http://x/?token=2"]] },
  ];
  const user = asked({}, 401, 7);
  user.remoteUser = "anna";
  for (const exchange of [...requests.map((request) => asked(request)), user])
    expect(textOf(COMBINED, exchange)).toBe(textOf(byTemplate, exchange));
});

test("of lines that have much in common each says what is its own", () => {
  const combined = makeCombinedLine(MASKING);
  const { template: text, escape } = NAMED_LOG_FORMATS["combined"] ?? { template: "", escape: "json" };
  const byTemplate = makeLogLine(template(text, maskedScope(BUILT_IN, MASKING), "log"), escape);
  const [one, other] = [asked({ target: "/one" }), asked({ target: "/?token=1" })].map(({ head }) => head);
  const client = (remoteAddress: string) => ({ ...CLIENT, remoteAddress });
  const met = (change: Partial<Exchange>) => Object.assign(asked({}), change, { clientHead: change.head });
  const repeated = { head: { ...one, repeats: true } } as Partial<Exchange>;
  const all = [
    met(repeated),
    met(repeated),
    met({ ...repeated, finalStatus: 304 }),
    met({ ...repeated, contentBytes: 7 }),
    met({ ...repeated, contentBytes: 7, peer: client("192.0.2.7") }),
    met({ ...repeated, contentBytes: 7, peer: client("192.0.2.8") }),
    met({ ...repeated, peer: client("192.0.2.8"), remoteUser: "anna" }),
    met({ head: { ...other, repeats: true } } as Partial<Exchange>),
    met(repeated),
  ];
  for (const exchange of all) expect(textOf(combined, exchange)).toBe(textOf(byTemplate, exchange));
});

test("a line bears the second in which it was written, also for a client that was there before", () => {
  const combined = makeCombinedLine(MASKING);
  const exchange = asked({});
  const clock = spyOn(Date, "now");
  try {
    const written = [1_000_000, 1_000_999, 1_001_000].map((ms) => {
      clock.mockReturnValue(ms);
      return combined.begin(exchange);
    });
    expect(written[1]).toBe(written[0] as string);
    expect(written[2]).toContain(formatLogTime(new Date(1_001_000)));
    expect(written[2]).not.toBe(written[0] as string);
  } finally {
    clock.mockRestore();
  }
});

test("what a client sends cannot end its quotes or start a line", () => {
  expect(quoted('a"b\\c\n\x7f\xe9')).toBe("a\\x22b\\x5Cc\\x0A\\x7F\\xE9");
  expect(quoted(undefined)).toBe("-");
});

test("masked arguments are not shown, of the request and of the referer", () => {
  const line = logged([asked({ target: "/r?token=s3&a=1", fields: [["Referer", "http://x/?token=s3"]] })]);
  expect(line).toContain('"GET /r?token=***&a=1 HTTP/1.1"');
  expect(line).not.toContain("s3");
});

test("a refused request is a line without one, but with the bytes of its answer", () => {
  const line = logged([over(unreadExchange(CLIENT), 400, 111)]);
  expect(line).toMatch(/^192\.0\.2\.1 - - \[.*\] "" 400 111 "-" "-"\n$/);
});

test.each([
  ["GET /x?token=s3 HTTP/1.1", '"GET /x?token=*** HTTP/1.1" 400'],
  ["GET /x?token=s3", '"GET /x?token=***" 400'],
  ['\x16\x03\x01"', '"\\x16\\x03\\x01\\x22" 400'],
])("… and as much of its first line as there is, masked and escaped: %j", (sent, shown) => {
  expect(logged([over(unreadExchange(CLIENT, undefined, sent), 400, 111)])).toContain(shown);
});

test("many and long lines all arrive, in order", () => {
  const many = Array.from({ length: 500 }, (_, i) => asked({ target: `/${i}` }, 200, i));
  const long = asked({ target: `/${"x".repeat(100_000)}` });
  const targets = logged([...many, long, asked({ target: "/last" })])
    .trimEnd()
    .split("\n")
    .map((line) => line.split('"')[1]?.split(" ")[1] as string);
  expect(targets).toHaveLength(502);
  expect(targets[499]).toBe("/499");
  expect(targets[500]).toHaveLength(100_001);
  expect(targets[501]).toBe("/last");
});

test("a log that cannot be written loses lines, counts them, and says so once", () => {
  const fd = openSync("/dev/full", "w");
  const told: string[] = [];
  const buffer = new LogBuffer(fd, { losing: (why) => told.push(why), recovered: () => {} });
  const log = new AccessLog(buffer, COMBINED, ALL);
  for (let i = 0; i < 3; i++) {
    log.finished(asked({}));
    buffer.flush();
  }
  closeSync(fd);
  expect(buffer.lost).toBe(3);
  expect(told).toHaveLength(1);
});

test("only what has one of the statuses or was slow gets a line", () => {
  const slow = asked({ target: "/slow" });
  Object.assign(slow, { startedMs: monotonicMs() - 5000 });
  const all = [asked({ target: "/ok" }), asked({ target: "/404" }, 404), asked({ target: "/503" }, 503), slow];
  const shown = (condition: LogCondition) =>
    logged(
      all,
      wholeLine(({ head }) => `${head.target}\n`),
      condition,
    )
      .trimEnd()
      .split("\n");
  expect(shown(ALL)).toEqual(["/ok", "/404", "/503", "/slow"]);
  expect(shown({ statuses: ["404"], slowMs: undefined })).toEqual(["/404"]);
  expect(shown({ statuses: ["5xx"], slowMs: 1000 })).toEqual(["/503", "/slow"]);
  expect(shown({ statuses: [], slowMs: 1000 })).toEqual(["/slow"]);
});

test("the time is local, with its zone", () => {
  expect(formatLogTime(new Date(2026, 0, 2, 3, 4, 5))).toMatch(/^02\/Jan\/2026:03:04:05 [+-]\d{4}$/);
});

const FORMAT = '{"a":"$remote_addr","r":"$request","s":$status,"b":$body_bytes_sent,"u":"$http_user_agent","p":"$uri"}';

test("a format of one's own, escaped for JSON", () => {
  const agent = 'a"b\\c\xc3\xa9';
  const exchange = asked({ path: "/a\r\n\0", target: "/a", fields: [["User-Agent", agent]] }, 499, 7);
  const line = makeLogLine(template(FORMAT, BUILT_IN, "log"), "json");
  const text = logged([exchange, over(unreadExchange(CLIENT), 400)], line);
  const [first = "", second = "", rest] = Buffer.from(text, "latin1").toString().split("\n");
  const request = "GET /a HTTP/1.1";
  expect(JSON.parse(first)).toEqual({ a: "127.0.0.1", r: request, s: 499, b: 7, u: 'a"b\\cé', p: "/a\r\n\0" });
  expect(JSON.parse(second)).toEqual({ a: "192.0.2.1", r: "", s: 400, b: 0, u: "", p: "" });
  expect(rest).toBe("");
});

test("a format of one's own, escaped as nginx does", () => {
  const exchange = asked({ path: '/a"\n', fields: [["User-Agent", "\xe9"]] });
  const line = makeLogLine(template('$$ $uri "$http_user_agent" $http_none', BUILT_IN, "log"), "default");
  expect(logged([exchange], line)).toBe('$ /a\\x22\\x0A "\\xE9" -\n');
});

test("json is JSON whatever a client sends, of every exchange", () => {
  const { template: text, escape } = NAMED_LOG_FORMATS["json"] ?? { template: "", escape: "default" };
  const line = makeLogLine(template(text, BUILT_IN, "log"), escape);
  const hostile = asked(
    { target: '/"\\\x01', fields: [["User-Agent", "\xff\xfe not UTF-8"]], host: "\xc3\xa9" },
    200,
    3,
  );
  for (const exchange of [hostile, over(unreadExchange(CLIENT), 400), asked({}, 499)]) {
    const bytes = Buffer.from(textOf(line, exchange), "latin1");
    const parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as Record<string, unknown>;
    expect(parsed).toMatchObject({ status: exchange.finalStatus, bytes: exchange.contentBytes });
    expect(typeof parsed["request_time"]).toBe("number");
    expect(parsed["request_id"]).toMatch(/^[0-9a-f]{32}$/);
  }
});

test("on a terminal the short format has columns, and a colour that says how it went", () => {
  const plain = (exchange: Exchange) => textOf(makeTerminalLine(MASKING, false), exchange);
  expect(plain(asked({ target: "/r?token=s3&a=1", fields: [] }, 200, 1234))).toMatch(
    /^\d\d:\d\d:\d\d 200 +\d+(\.\d)? ms +1\.2 KiB GET \/r\?token=\*\*\*&a=1\n$/,
  );
  const coloured = (exchange: Exchange) => textOf(makeTerminalLine(MASKING, true), exchange);
  expect(coloured(asked({}, 500, 0))).toContain("\x1b[31m500\x1b[0m");
  expect(coloured(asked({}, 304, 0))).toContain("\x1b[36m304\x1b[0m");
  expect(plain(asked({ target: "/\x1b[2J" }))).toContain("/\\x1B[2J");
});
