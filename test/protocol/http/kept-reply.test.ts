import { expect, test } from "bun:test";
import { KEPT_HEAD_BYTES_MAX, KeptReply } from "../../../src/protocol/http/kept-reply.ts";

function make(text: string): KeptReply {
  const { room, content } = KeptReply.makeRoom(text.length);
  content.set(Buffer.from(text));
  return new KeptReply(room);
}

const wireOf = (kept: KeptReply) => kept.bytes.toString("latin1", kept.start, kept.start + kept.length);

test("the head stands right before the content, whatever its length, and is replaced by the next", () => {
  const kept = make("content");
  for (const head of ["a long head|", "short|", "the longest head of all|"]) {
    expect(kept.put(Buffer.from(`${head}garbage`), head.length, head)).toBe(true);
    expect([wireOf(kept), kept.date]).toEqual([`${head}content`, head]);
  }
});

test("a head that does not fit, or could not be written, is refused and changes nothing", () => {
  const kept = make("content");
  kept.put(Buffer.from("head|"), 5, "now");
  expect(kept.put(Buffer.alloc(5000), KEPT_HEAD_BYTES_MAX + 1, "later")).toBe(false);
  expect(kept.put(Buffer.alloc(10), -1, "later")).toBe(false);
  expect([wireOf(kept), kept.date]).toEqual(["head|content", "now"]);
  expect(kept.put(Buffer.alloc(KEPT_HEAD_BYTES_MAX, "h"), KEPT_HEAD_BYTES_MAX, "later")).toBe(true);
  expect(kept.length).toBe(KEPT_HEAD_BYTES_MAX + 7);
});
