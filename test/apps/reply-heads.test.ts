import { describe, expect, test } from "bun:test";
import { parseReplyHead } from "../../src/apps/frames.ts";
import { ReplyHeads } from "../../src/apps/reply-heads.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");

const HELLO = "200 OK\nContent-Type:text/plain\nContent-Length:5\nX-A:b\n";

function facts({ status, reason, fields, length }: ReturnType<typeof parseReplyHead>) {
  return { status, reason, fields: fields.pairs(), length };
}

test("the same bytes are the same head, as parsing would give it", () => {
  const heads = new ReplyHeads();
  const first = heads.parse(bytes(HELLO), -1);
  expect(facts(first)).toEqual(facts(parseReplyHead(bytes(HELLO), -1)));
  expect(heads.parse(bytes(HELLO), -1)).toBe(first);
  expect(first.prepared).toBeDefined();
});

test("what was kept does not change with the buffer that it came in", () => {
  const heads = new ReplyHeads();
  const buffer = bytes(HELLO);
  const first = heads.parse(buffer, -1);
  buffer.fill(0x20);
  expect(heads.parse(bytes(HELLO), -1)).toBe(first);
});

test("heads that differ in one byte are told apart", () => {
  const heads = new ReplyHeads();
  for (const other of [
    HELLO.replace("5", "6"),
    HELLO.replace("200 OK", "404 No"),
    HELLO.replace("X-A", "X-B"),
    HELLO,
  ]) {
    expect(facts(heads.parse(bytes(other), -1))).toEqual(facts(parseReplyHead(bytes(other), -1)));
  }
});

describe("is not kept", () => {
  test.each([
    ["a head without length", "200 OK\nContent-Type:text/plain\n"],
    ["one that names a file", "200 OK\nX-Accel-Redirect:/a\nContent-Length:0\n"],
    ["one that names a file in another way", "200 OK\nContent-Length:0\nx-sendfile:/a\n"],
    ["a large one", `200 OK\nContent-Length:0\nX-Large:${"x".repeat(2000)}\n`],
  ])("%s", (_, text) => {
    const heads = new ReplyHeads();
    expect(heads.parse(bytes(text), 3)).not.toBe(heads.parse(bytes(text), 3));
    expect(heads.parse(bytes(text), 3).prepared).toBeUndefined();
    expect(heads.parse(bytes(text), 4).length).toBe(parseReplyHead(bytes(text), 4).length);
  });
});
