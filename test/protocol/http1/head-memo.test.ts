import { expect, test } from "bun:test";
import { ServerConnection } from "../../../src/protocol/http1/connection.ts";
import { HeadMemo } from "../../../src/protocol/http1/head-memo.ts";
import { DEFAULT_HEAD_LIMITS } from "../../../src/protocol/http1/limits.ts";

const memo = () => new HeadMemo();

function open(shared: HeadMemo): ServerConnection {
  return new ServerConnection(DEFAULT_HEAD_LIMITS, shared);
}

function headOf(connection: ServerConnection, wire: string) {
  connection.receive(Buffer.from(wire, "latin1"));
  expect(connection.next()).toBe("head");
  return connection.head;
}

const GET = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

test("the same bytes are the same head, on any connection", () => {
  const shared = memo();
  const first = headOf(open(shared), GET);
  expect(headOf(open(shared), GET)).toBe(first);
});

test("a head that differs in one byte is another one", () => {
  const shared = memo();
  for (const [place, byte] of [
    ["/a", "/b"],
    ["GET", "PET"],
    [": a", ": b"],
    ["Host", "hOst"],
    ["1.1", "1.0"],
  ] as const) {
    headOf(open(shared), GET);
    const other = GET.replace(place, byte);
    const { method, target, minor, fields } = headOf(open(shared), other);
    expect(`${method} ${target} HTTP/1.${minor}\r\n${fields.pairs()[0]?.join(": ")}\r\n\r\n`).toBe(other);
  }
});

test("a request with a body is never answered from the memo", () => {
  const shared = memo();
  const wire = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
  for (const body of ["ab", "cd"]) {
    const connection = open(shared);
    headOf(connection, wire);
    connection.receive(Buffer.from(body));
    expect(connection.next()).toBe("data");
    expect(Buffer.from(connection.data).toString()).toBe(body);
    expect(connection.next()).toBe("end");
  }
});

test("what follows on the connection is read as if the head had been parsed", () => {
  const shared = memo();
  headOf(open(shared), GET);
  const connection = open(shared);
  headOf(connection, GET);
  expect([connection.next(), connection.next()]).toEqual(["end", "paused"]);
  connection.nextRequest();
  expect(connection.next()).toBe("need-data");
  expect(headOf(connection, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n").path).toBe("/b");
});

test("a head with more behind it, or one that came in pieces, is parsed", () => {
  const shared = memo();
  const known = headOf(open(shared), GET);
  const pipelined = open(shared);
  expect(headOf(pipelined, GET + GET)).not.toBe(known);
  const slow = open(shared);
  slow.receive(Buffer.from(GET.slice(0, 9)));
  expect(slow.next()).toBe("need-data");
  expect(headOf(slow, GET.slice(9))).not.toBe(known);
});

test("large heads are not kept", () => {
  const shared = memo();
  const wire = `GET /a HTTP/1.1\r\nHost: a\r\nCookie: ${"x".repeat(4000)}\r\n\r\n`;
  expect(headOf(open(shared), wire)).not.toBe(headOf(open(shared), wire));
});

test("a head that comes alone is read where it lies: the bytes may be written over at once, and still are known when they come again", () => {
  const shared = memo();
  const connection = open(shared);
  const lent = Buffer.from("GET /lent?q HTTP/1.1\r\nHost: a\r\nX-Field: value\r\n\r\n", "latin1");
  const wire = Buffer.from(lent);
  expect(connection.recognize(lent)).toBe(true);
  lent.fill("x");
  expect(connection.next()).toBe("head");
  const { head } = connection;
  expect([head.method, head.target, head.path, head.query]).toEqual(["GET", "/lent?q", "/lent", "q"]);
  expect(head.fields.pairs()).toEqual([
    ["Host", "a"],
    ["X-Field", "value"],
  ]);
  const next = open(shared);
  expect(next.recognize(wire)).toBe(true);
  next.next();
  expect(next.head).toBe(head);
});

test("a head that comes alone may announce a body", () => {
  const connection = open(memo());
  const wire = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
  expect(connection.recognize(Buffer.from(wire))).toBe(true);
  expect([connection.next(), connection.next()]).toEqual(["head", "need-data"]);
  connection.receive(Buffer.from("ab"));
  expect([connection.next(), connection.next()]).toEqual(["data", "end"]);
});

test("what is no whole faultless head alone is left to be received", () => {
  const rest = " HTTP/1.1\r\nHost: a\r\n\r\n";
  const long = `GET /${"x".repeat(DEFAULT_HEAD_LIMITS.headBytesMax)}${rest}`;
  for (const wire of ["", "\n", "GET", GET.slice(0, -1), `${GET}G`, GET + GET, `\r\n${GET}`, `GET /%${rest}`, long]) {
    const connection = open(memo());
    expect(`${wire.slice(0, 40)} ${connection.recognize(Buffer.from(wire))}`).toBe(`${wire.slice(0, 40)} false`);
    expect(connection.bufferedBytes).toBe(0);
  }
});
