import { expect, test } from "bun:test";
import { Moments } from "../../src/net/moments.ts";

test("the first moment comes first, in whatever order they were added", () => {
  const moments = new Moments();
  expect(moments.first).toBe(Infinity);
  let seed = 7;
  const added = Array.from({ length: 500 }, () => (seed = (seed * 16807) % 2147483647) % 1000);
  for (const moment of added) moments.add(moment);
  const seen: number[] = [];
  while (moments.first !== Infinity) {
    const { first } = moments;
    seen.push(first);
    moments.drop(first);
  }
  expect(seen).toEqual([...new Set(added)].toSorted((a, b) => a - b));
});

test("what is dropped is all that is due, and nothing else", () => {
  const moments = new Moments();
  for (const moment of [5, 1, 9, 3]) moments.add(moment);
  moments.drop(4);
  expect(moments.first).toBe(5);
  moments.drop(4);
  expect(moments.first).toBe(5);
});
