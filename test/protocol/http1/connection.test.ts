import { describe, expect, test } from "bun:test";
import { ServerConnection } from "../../../src/protocol/http1/connection.ts";
import { DEFAULT_HEAD_LIMITS } from "../../../src/protocol/http1/limits.ts";
import { type Cut, everyByte, randomCuts, serverTrace, whole } from "../../support/http1.ts";
import { MORE_ACCEPTED } from "../../cases/http1/accepted.ts";
import { MORE_REFUSED } from "../../cases/http1/refused.ts";
import { ACCEPTED } from "./accepted-cases.ts";
import { REFUSED_BODIES, TRUNCATED } from "./refused-body-cases.ts";
import { REFUSED_HEADS } from "./refused-head-cases.ts";
import type { RefusedCase } from "./request-wires.ts";

const CUTS: readonly (readonly [string, Cut])[] = [
  ["whole", whole],
  ["byte by byte", everyByte],
  ["cut at random 1", randomCuts(1)],
  ["cut at random 2", randomCuts(2, 20)],
  ["cut at random 3", randomCuts(3, 2)],
];

const GOOD = "POST /good HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\nok";
const GOOD_TRACE = ["head POST /good host=g length=2 keep", "data 2 ok", "end"];

/** Feeds `wire` in every cut, alone and after a good request; each must give the same. */
function expectTrace(wire: string, trace: readonly string[], ends: boolean, limits = DEFAULT_HEAD_LIMITS): void {
  for (const [label, cut] of CUTS) {
    expect([label, ...serverTrace(wire, { cut, ends, limits })]).toEqual([label, ...trace]);
    const after = serverTrace(GOOD + wire, { cut, ends, limits });
    expect([label, ...after]).toEqual([label, ...GOOD_TRACE, ...trace]);
  }
}

const traceOf = (refused: RefusedCase) => [...(refused.before ?? []), `failed ${refused.failure}`];

describe("requests that are accepted give the same events however they are cut", () => {
  test.each([...ACCEPTED, ...MORE_ACCEPTED].map((accepted) => [accepted.name, accepted] as const))(
    "%s",
    (_, { wire, trace }) => {
      expectTrace(wire, trace, false);
      expectTrace(wire, trace, true);
      const closes = trace.findLast((line) => line.startsWith("head "))?.includes(" close");
      if (closes !== true) expectTrace(wire + GOOD, [...trace, ...GOOD_TRACE], false);
    },
  );
});

describe("requests that are refused fail the same way however they are cut", () => {
  test.each([...REFUSED_HEADS, ...REFUSED_BODIES, ...MORE_REFUSED].map((refused) => [refused.name, refused] as const))(
    "%s",
    (_, refused) => {
      expectTrace(refused.wire, traceOf(refused), false, refused.limits);
      expectTrace(refused.wire, traceOf(refused), true, refused.limits);
      expectTrace(refused.wire + GOOD, traceOf(refused), false, refused.limits);
    },
  );
});

describe("requests that the peer leaves unfinished fail when it half-closes", () => {
  test.each(TRUNCATED.map((refused) => [refused.name, refused] as const))("%s", (_, refused) => {
    expectTrace(refused.wire, traceOf(refused), true);
    expectTrace(refused.wire, refused.before ?? [], false);
  });
});

const open = () => new ServerConnection(DEFAULT_HEAD_LIMITS);
const bytes = (text: string) => Buffer.from(text, "latin1");
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

test("a connection on which nothing came needs data, also after the peer has half-closed", () => {
  const connection = open();
  expect(connection.next()).toBe("need-data");
  connection.receivedEnd();
  expect([connection.next(), connection.ended, connection.requestBegun]).toEqual(["need-data", true, false]);
});

test("after the end it is paused, keeps what comes, and goes on with nextRequest", () => {
  const connection = open();
  connection.receive(bytes(GET + GET));
  expect([connection.next(), connection.next(), connection.next(), connection.next()]).toEqual([
    "head",
    "end",
    "paused",
    "paused",
  ]);
  expect([connection.stream, connection.bufferedBytes]).toEqual([1, GET.length]);
  connection.receive(bytes(GET));
  expect(connection.bufferedBytes).toBe(2 * GET.length);
  connection.nextRequest();
  expect([connection.stream, connection.requestBegun, connection.next(), connection.bufferedBytes]).toEqual([
    2,
    true,
    "head",
    GET.length,
  ]);
});

test("requests that came whole before a half-close are still told", () => {
  const connection = open();
  connection.receive(bytes(GET + GET));
  connection.receivedEnd();
  expect([connection.next(), connection.next()]).toEqual(["head", "end"]);
  connection.nextRequest();
  expect([connection.next(), connection.next()]).toEqual(["head", "end"]);
  connection.nextRequest();
  expect(connection.next()).toBe("need-data");
});

test("requestBegun is true from the first byte of a request to its end, and empty lines are none", () => {
  const connection = open();
  const seen: boolean[] = [];
  for (const piece of ["\r", "\n", "\r\n", "G", "ET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"]) {
    connection.receive(bytes(piece));
    seen.push(connection.requestBegun);
  }
  expect(seen).toEqual([false, false, false, true, true]);
  expect([connection.next(), connection.requestBegun, connection.next()]).toEqual(["head", true, "need-data"]);
  connection.receive(bytes("x"));
  expect([connection.next(), connection.requestBegun, connection.next(), connection.requestBegun]).toEqual([
    "data",
    true,
    "end",
    false,
  ]);
});

test("a request after one that closes the connection is a bug of the caller", () => {
  const connection = open();
  connection.receive(bytes("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  while (connection.next() !== "end");
  expect(() => connection.nextRequest()).toThrow("9.6");
});

test("after a failure it stays failed and holds nothing", () => {
  const connection = open();
  connection.receive(bytes("GET / HTTP/1.1\nHost: a\n\n"));
  expect(connection.next()).toBe("failed");
  connection.receive(bytes(GET));
  expect([connection.next(), connection.bufferedBytes, connection.failure.code]).toEqual(["failed", 0, "bare_lf"]);
});

test("what came behind an upgrade request is handed over, byte for byte", () => {
  const connection = open();
  connection.receive(bytes("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n\x81\x00tail"));
  expect([connection.next(), connection.next(), connection.head.upgrade]).toEqual(["head", "end", "x"]);
  expect(Buffer.from(connection.takeBuffered()).toString("latin1")).toBe("\x81\x00tail");
  expect(connection.bufferedBytes).toBe(0);
});

test("fields keep names, order and repetition as sent", () => {
  const connection = open();
  connection.receive(bytes("GET / HTTP/1.1\r\nhOsT: a\r\nCookie: b\r\nX-Y:  c d \r\ncookie: e\r\n\r\n"));
  connection.next();
  expect(connection.head.fields.pairs()).toEqual([
    ["hOsT", "a"],
    ["Cookie", "b"],
    ["X-Y", "c d"],
    ["cookie", "e"],
  ]);
});

test("the authority of an absolute target replaces the Host field (rfc9112 3.2.2)", () => {
  const connection = open();
  connection.receive(bytes("GET http://b:81/p?q HTTP/1.1\r\nhost: a\r\nX: y\r\n\r\n"));
  connection.next();
  const { head } = connection;
  expect(head.fields.pairs()).toEqual([
    ["Host", "b:81"],
    ["X", "y"],
  ]);
  expect([head.target, head.rawPath, head.path]).toEqual(["http://b:81/p?q", "/p", "/p"]);
});

test("the message of a head that is too large names its largest field", () => {
  const connection = open();
  connection.receive(
    bytes(`GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nCookie: ${"c".repeat(60_000)}\r\nY: ${"y".repeat(9000)}\r\n\r\n`),
  );
  expect(connection.next()).toBe("failed");
  expect(connection.failure.message).toBe(
    "the head has more than 65536 bytes; the largest field is Cookie (60010 bytes)",
  );
});

test("chunks that came in one packet are told as one event, and large ones apart", () => {
  const connection = open();
  const large = "z".repeat(3000);
  connection.receive(
    bytes(
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${"1\r\na\r\n".repeat(500)}bb8\r\n${large}\r\n0\r\n\r\n`,
    ),
  );
  expect(connection.next()).toBe("head");
  expect([connection.next(), Buffer.from(connection.data).toString()]).toEqual(["data", "a".repeat(500)]);
  expect([connection.next(), Buffer.from(connection.data).toString()]).toEqual(["data", large]);
  expect(connection.next()).toBe("end");
});

test("the content of a length body is a view of the packet, not a copy", () => {
  const connection = open();
  connection.receive(bytes("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n"));
  connection.next();
  const packet = bytes("abc");
  connection.receive(packet);
  expect(connection.next()).toBe("data");
  expect(connection.data).toBe(packet);
});

test("of a refused head its first line is kept, as far as it came and within a bound", () => {
  const refused = (wire: string) => {
    const connection = new ServerConnection(DEFAULT_HEAD_LIMITS);
    connection.receive(Buffer.from(wire, "latin1"));
    expect(connection.next()).toBe("failed");
    return connection.unreadLine;
  };
  expect(refused("GET /a HTTP/1.1\r\nBad Name: x\r\n\r\n")).toBe("GET /a HTTP/1.1");
  expect(refused("\x16\x03\x01\xff\r\n\r\n")).toBe("\x16\x03\x01\xff");
  expect(refused(`GET /${"x".repeat(DEFAULT_HEAD_LIMITS.targetBytesMax + 10)} HTTP/1.1\r\n`)).toHaveLength(1024);
  // Of the second request, not of the first.
  const connection = new ServerConnection(DEFAULT_HEAD_LIMITS);
  connection.receive(Buffer.from(`${GOOD}GET /b\r\n\r\n`));
  while (connection.next() !== "end");
  connection.nextRequest();
  expect([connection.next(), connection.unreadLine]).toEqual(["failed", "GET /b"]);
});
