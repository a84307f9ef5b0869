import { expect, test } from "bun:test";
import { ClientConnection } from "../../../src/protocol/http1/client.ts";
import { DEFAULT_HEAD_LIMITS } from "../../../src/protocol/http1/limits.ts";
import { ResponseMemo } from "../../../src/protocol/http1/response-memo.ts";

const OK = "HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 2\r\n\r\n";

function read(memo: ResponseMemo, wire: string, method = "GET") {
  const connection = new ClientConnection(DEFAULT_HEAD_LIMITS, memo);
  connection.expect(method);
  connection.receive(Buffer.from(wire, "latin1"));
  expect(connection.next()).toBe("head");
  return { connection, head: connection.head };
}

test("the same bytes are the same head, whatever content is behind them", () => {
  const memo = new ResponseMemo();
  const first = read(memo, `${OK}ab`);
  expect(first.head.repeats).toBe(false);
  const second = read(memo, `${OK}cd`);
  expect(second.head).toBe(first.head);
  expect(second.head.repeats).toBe(true);
  expect(second.connection.next()).toBe("data");
  expect(Buffer.from(second.connection.data).toString()).toBe("cd");
  expect([second.connection.next(), second.connection.next()]).toEqual(["end", "need-data"]);
});

test("a head that differs in one byte is another one", () => {
  const memo = new ResponseMemo();
  for (let at = "HTTP/1.1 ".length; at < OK.length - 4; at++) {
    read(memo, OK);
    const byte = OK.charAt(at);
    if (!/[a-z0-9]/i.test(byte)) continue;
    const wire = OK.slice(0, at) + (byte === "2" ? "3" : byte === "0" ? "1" : "t") + OK.slice(at + 1);
    if (wire === OK || !/^HTTP\/1\.1 [23]\d\d .*\nContent-Length: \d/s.test(wire)) continue;
    const { head } = read(memo, wire);
    expect(`HTTP/1.1 ${head.status} ${head.reason}\r\n${lines(head.fields.pairs())}\r\n`).toBe(wire);
  }
});

function lines(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([name, value]) => `${name}: ${value}\r\n`).join("");
}

test("a HEAD has nothing behind its head, though a GET was answered with the same bytes", () => {
  const memo = new ResponseMemo();
  read(memo, OK);
  read(memo, OK);
  const { connection } = read(memo, OK, "HEAD");
  expect(connection.next()).toBe("end");
  const after = read(memo, `${OK}ab`);
  expect(after.connection.next()).toBe("data");
});

test("interim heads and large ones are read anew", () => {
  const memo = new ResponseMemo();
  for (let round = 0; round < 2; round++) {
    const connection = new ClientConnection(DEFAULT_HEAD_LIMITS, memo);
    connection.expect("GET");
    connection.receive(Buffer.from(`HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}`));
    expect([connection.next(), connection.next()]).toEqual(["interim", "head"]);
  }
  const large = `HTTP/1.1 200 OK\r\nX: ${"x".repeat(2000)}\r\nContent-Length: 0\r\n\r\n`;
  expect(read(memo, large).head).not.toBe(read(memo, large).head);
});

test("a head that comes in pieces is found too, and what came before it is no part of it", () => {
  const memo = new ResponseMemo();
  const { head } = read(memo, OK);
  const connection = new ClientConnection(DEFAULT_HEAD_LIMITS, memo);
  connection.expect("GET");
  for (const byte of `HTTP/1.1 103 Early Hints\r\n\r\n${OK}`) connection.receive(Buffer.from(byte));
  expect([connection.next(), connection.next()]).toEqual(["interim", "head"]);
  expect(connection.head).toBe(head);
});

test("what the upstream says of its connection is told of a known head, too", () => {
  const memo = new ResponseMemo();
  const wire = OK.replace("Server: a", "Keep-Alive: timeout=5");
  const heads = [OK, wire, OK, wire, wire].map((one) => read(memo, one).head.keepAlive);
  expect(heads).toEqual([undefined, "timeout=5", undefined, "timeout=5", "timeout=5"]);
});
