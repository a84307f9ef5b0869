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
