import { expect, test } from "bun:test";
import { KEPT_HEAD_BYTES_MAX, KeptReply } from "../../../src/protocol/http/kept-reply.ts";

const TODAY = "Sun, 22 Nov 2026 21:00:00 GMT";
const TOMORROW = "Mon, 23 Nov 2026 21:00:00 GMT";

function make(text: string): KeptReply {
  const { room, content } = KeptReply.makeRoom(text.length);
  content.set(Buffer.from(text));
  return new KeptReply(room);
}

const wireOf = (kept: KeptReply) => kept.bytes.toString("latin1", kept.start, kept.start + kept.length);

const headOf = (first: string, date = TODAY) => `${first}\r\nDate: ${date}\r\nA: b\r\n\r\n`;

test("the head stands right before the content, whatever its length, and is replaced by the next", () => {
  const kept = make("content");
  for (const first of ["a long status line", "short", "the longest status line of all"]) {
    const head = headOf(first);
    expect(kept.put(Buffer.from(`${head}garbage`), head.length, TODAY)).toBe(true);
    expect([wireOf(kept), kept.date]).toEqual([`${head}content`, TODAY]);
  }
});

test("another date changes nothing else, though the old one stands in other fields and in the content", () => {
  const kept = make(`content of ${TODAY}`);
  const head = headOf(`Last-Modified: ${TODAY}`);
  kept.put(Buffer.from(head), head.length, TODAY);
  kept.redate(TOMORROW);
  expect(kept.date).toBe(TOMORROW);
  expect(wireOf(kept)).toBe(`${headOf(`Last-Modified: ${TODAY}`, TOMORROW)}content of ${TODAY}`);
});

test("a head that does not fit, could not be written or has no date is refused and changes nothing", () => {
  const kept = make("content");
  const head = headOf("HTTP/1.1 200 OK");
  kept.put(Buffer.from(head), head.length, TODAY);
  expect(kept.put(Buffer.alloc(5000), KEPT_HEAD_BYTES_MAX + 1, TOMORROW)).toBe(false);
  expect(kept.put(Buffer.alloc(10), -1, TOMORROW)).toBe(false);
  expect(kept.put(Buffer.from(head), head.length, TOMORROW)).toBe(false);
  expect([wireOf(kept), kept.date]).toEqual([`${head}content`, TODAY]);
});
