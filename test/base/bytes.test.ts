import { expect, test } from "bun:test";
import { viewOf } from "../../src/base/bytes.ts";

test("a view shows the bytes at its place, also when they change, whatever was viewed before", () => {
  const buffers = Array.from({ length: 3 }, (_, i) => Buffer.alloc(i === 2 ? 4096 : 64, i + 1));
  for (let round = 0; round < 2; round++)
    for (const [i, buffer] of buffers.entries())
      for (let start = 0; start < 12; start++)
        for (let end = start; end < 40; end++) {
          buffer[start] = round * 100 + i;
          const view = viewOf(buffer, start, end);
          expect(view.equals(buffer.subarray(start, end))).toBe(true);
          if (end > start) expect([view.length, view[0]]).toEqual([end - start, round * 100 + i]);
        }
});

test("what is viewed again at the same place is the same object", () => {
  const [one, other] = [Buffer.alloc(64), Buffer.alloc(64)];
  const view = viewOf(one, 3, 9);
  expect(viewOf(one, 3, 9)).toBe(view);
  expect(viewOf(other, 3, 9)).not.toBe(view);
  expect(viewOf(other, 3, 9).buffer).toBe(other.buffer);
});
