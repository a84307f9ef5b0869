import { expect, test } from "bun:test";
import { Outbox } from "../../src/net/outbox.ts";
import { MemoryWire } from "../support/memory-wire.ts";

function limited(room: number): { wire: MemoryWire; outbox: Outbox } {
  const wire = new MemoryWire();
  wire.room = room;
  return { wire, outbox: new Outbox(wire) };
}

test("writes through while the wire takes it", () => {
  const { wire, outbox } = limited(10);
  expect(outbox.write(Buffer.from("abc"))).toBe(true);
  expect(outbox.empty).toBe(true);
  expect(wire.output).toBe("abc");
});

test("keeps the rest in order until there is room", () => {
  const { wire, outbox } = limited(4);
  expect(outbox.write(Buffer.from("abcdef"))).toBe(false);
  expect(outbox.write(Buffer.from("ghi"))).toBe(false);
  expect(outbox.pending).toBe(5);
  wire.room = 3;
  expect(outbox.flush()).toBe(false);
  wire.room = 100;
  expect(outbox.flush()).toBe(true);
  expect(wire.output).toBe("abcdefghi");
  expect(outbox.pending).toBe(0);
});

test("a part of a buffer is written by offset and length", () => {
  const { wire, outbox } = limited(1);
  outbox.write(Buffer.from("abcdef"), 1, 3);
  wire.room = 100;
  outbox.flush();
  expect(wire.output).toBe("bcd");
});

test("writeCopying lets the buffer be used again at once", () => {
  const { wire, outbox } = limited(2);
  const scratch = Buffer.from("abcdef");
  expect(outbox.writeCopying(scratch, 4)).toBe(false);
  scratch.fill("x");
  wire.room = 100;
  outbox.flush();
  expect(wire.output).toBe("abcd");
});

test("nothing new overtakes what waits", () => {
  const { wire, outbox } = limited(1);
  outbox.write(Buffer.from("ab"));
  wire.room = 100;
  expect(outbox.write(Buffer.from("c"))).toBe(false);
  outbox.flush();
  expect(wire.output).toBe("abc");
});

test("clear forgets what waits", () => {
  const { wire, outbox } = limited(1);
  outbox.write(Buffer.from("abc"));
  outbox.clear();
  wire.room = 100;
  expect(outbox.flush()).toBe(true);
  expect(wire.output).toBe("a");
});

test.each([
  ["write", (outbox: Outbox) => outbox.write(Buffer.from("xabcx"), 1, 3)],
  ["writeCopying", (outbox: Outbox) => outbox.writeCopying(Buffer.from("xabc"), 3, 1)],
])("what was written ahead is left out of the next %s, and of no other", (_, next) => {
  const { wire, outbox } = limited(100);
  outbox.writeAhead(Buffer.from("a"));
  outbox.writeAhead(Buffer.from("a"));
  expect(wire.output).toBe("a");
  next(outbox);
  next(outbox);
  expect(wire.output).toBe("abcabc");
});

test("nothing is written ahead of what waits, or into a full wire", () => {
  const { wire, outbox } = limited(0);
  outbox.writeAhead(Buffer.from("a"));
  wire.room = 1;
  outbox.write(Buffer.from("abc"));
  outbox.writeAhead(Buffer.from("d"));
  wire.room = 100;
  outbox.flush();
  outbox.write(Buffer.from("def"));
  expect(wire.output).toBe("abcdef");
});

test("offer keeps nothing, is not empty while it was refused, and does not overtake", () => {
  const { wire, outbox } = limited(2);
  expect(outbox.offer(Buffer.from("abcdef"), 1, 4)).toBe(2);
  expect([outbox.pending, outbox.empty, wire.output]).toEqual([0, false, "bc"]);
  wire.room = 1;
  expect(outbox.flush()).toBe(true);
  expect(outbox.empty).toBe(true);
  outbox.write(Buffer.from("gh"));
  expect(outbox.offer(Buffer.from("x"), 0, 1)).toBe(0);
  wire.room = 100;
  outbox.flush();
  expect([wire.output, outbox.taken]).toEqual(["bcgh", 4]);
});
