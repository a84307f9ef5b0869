import { expect, test } from "bun:test";
import { ByteQueue } from "../../src/exchange/byte-queue.ts";

function drain(queue: ByteQueue): Buffer {
  const parts: Uint8Array[] = [];
  for (let part = queue.shift(); part !== undefined; part = queue.shift()) parts.push(part);
  return Buffer.concat(parts);
}

test("keeps the order of small and large chunks and counts them", () => {
  const queue = new ByteQueue();
  const given: Buffer[] = [];
  for (let i = 0; i < 500; i++) {
    const bytes = Buffer.alloc(i % 7 === 0 ? 5000 : (i % 13) + 1, i);
    given.push(bytes);
    queue.push(bytes);
  }
  expect(queue.length).toBe(Buffer.concat(given).length);
  expect(drain(queue).equals(Buffer.concat(given))).toBe(true);
  expect(queue.length).toBe(0);
  expect(queue.shift()).toBeUndefined();
});

test("what is pushed between shifts comes after what was there, also into a block that is half read", () => {
  const queue = new ByteQueue();
  let text = "";
  for (let round = 0; round < 300; round++) {
    queue.push(Buffer.from(`a${round};`));
    queue.push(Buffer.from(`b${round};`));
    if (round % 3 === 0) text += Buffer.from(queue.shift() ?? []).toString();
  }
  text += drain(queue).toString();
  expect(text).toBe(Array.from({ length: 300 }, (_, i) => `a${i};b${i};`).join(""));
});

test("many tiny chunks cost few objects", () => {
  const queue = new ByteQueue();
  for (let i = 0; i < 10_000; i++) queue.push(Buffer.from("x"));
  let objects = 0;
  while (queue.shift() !== undefined) objects++;
  expect(objects).toBe(1);
});

test("a small window does not keep its large buffer alive", () => {
  const queue = new ByteQueue();
  const received = new Uint8Array(1024 * 1024);
  queue.push(received.subarray(0, 3000));
  expect(queue.shift()?.buffer).not.toBe(received.buffer);
  queue.push(received);
  expect(queue.shift()?.buffer).toBe(received.buffer);
});

test("takes over another queue whole and leaves it usable", () => {
  const from = new ByteQueue();
  const to = new ByteQueue();
  from.push(Buffer.from("one"));
  to.takeOver(from);
  from.push(Buffer.from("two"));
  to.push(Buffer.from("three"));
  expect(from.length).toBe(3);
  expect(drain(to).toString()).toBe("onethree");
  expect(drain(from).toString()).toBe("two");
});
