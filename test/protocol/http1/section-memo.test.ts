import { expect, test } from "bun:test";
import { ServerConnection } from "../../../src/protocol/http1/connection.ts";
import { HeadMemo } from "../../../src/protocol/http1/head-memo.ts";
import { DEFAULT_HEAD_LIMITS } from "../../../src/protocol/http1/limits.ts";

const FIELDS = "Host: a.example\r\nUser-Agent: test\r\nCookie: id=1\r\n\r\n";

function headOf(memo: HeadMemo, wire: string) {
  const connection = new ServerConnection(DEFAULT_HEAD_LIMITS, memo);
  connection.receive(Buffer.from(wire, "latin1"));
  expect(connection.next()).toBe("head");
  return connection.head;
}

test("the same field lines behind another target are the same fields", () => {
  const memo = new HeadMemo();
  const first = headOf(memo, `GET /a HTTP/1.1\r\n${FIELDS}`);
  const second = headOf(memo, `GET /b?c HTTP/1.1\r\n${FIELDS}`);
  expect(second.fields).toBe(first.fields);
  expect([second.method, second.target, second.host]).toEqual(["GET", "/b?c", "a.example"]);
});

test("what hangs on the request line is decided anew", () => {
  const memo = new HeadMemo();
  expect(headOf(memo, `GET /a HTTP/1.1\r\n${FIELDS}`).persistent).toBe(true);
  expect(headOf(memo, `GET /b HTTP/1.0\r\n${FIELDS}`).persistent).toBe(false);
  expect(headOf(memo, `HEAD /c HTTP/1.1\r\n${FIELDS}`).method).toBe("HEAD");
});

test("the authority of a target changes its own request, and no other", () => {
  const memo = new HeadMemo();
  headOf(memo, `GET /a HTTP/1.1\r\n${FIELDS}`);
  const absolute = headOf(memo, `GET http://other.example:81/b HTTP/1.1\r\n${FIELDS}`);
  expect([absolute.host, absolute.fields.get("host")]).toEqual(["other.example", "other.example:81"]);
  const origin = headOf(memo, `GET /c HTTP/1.1\r\n${FIELDS}`);
  expect([origin.host, origin.fields.get("host")]).toEqual(["a.example", "a.example"]);
});

test("fields that differ in any one byte are other fields", () => {
  const lines = FIELDS.slice(0, -2);
  for (let at = 0; at < lines.length; at++) {
    if (!/[a-z0-9]/.test(lines[at] as string)) continue; // `at` is inside
    const memo = new HeadMemo();
    headOf(memo, `GET /a HTTP/1.1\r\n${FIELDS}`);
    const other = `${lines.slice(0, at)}${lines[at] === "x" ? "y" : "x"}${lines.slice(at + 1)}`;
    const connection = new ServerConnection(DEFAULT_HEAD_LIMITS, memo);
    connection.receive(Buffer.from(`GET /b HTTP/1.1\r\n${other}\r\n`, "latin1"));
    if (connection.next() !== "head") continue; // no Host any more
    const written = connection.head.fields.pairs().map((pair) => `${pair.join(": ")}\r\n`);
    expect(written.join("")).toBe(other);
  }
});

test("a body is read by the length that its own fields say", () => {
  const memo = new HeadMemo();
  for (const [target, length] of [
    ["/a", 2],
    ["/b", 2],
    ["/c", 3],
  ] as const) {
    const connection = new ServerConnection(DEFAULT_HEAD_LIMITS, memo);
    connection.receive(Buffer.from(`POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\nxyz`));
    expect([connection.next(), connection.next(), connection.data.length]).toEqual(["head", "data", length]);
  }
});

test("faulty field lines are never known", () => {
  const memo = new HeadMemo();
  for (const target of ["/a", "/b"]) {
    const connection = new ServerConnection(DEFAULT_HEAD_LIMITS, memo);
    connection.receive(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n`));
    expect(connection.next()).toBe("failed");
    expect(connection.failure.status).toBe(400);
  }
});
