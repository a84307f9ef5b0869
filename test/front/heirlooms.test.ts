import { expect, test } from "bun:test";
import { Heirlooms } from "../../src/front/heirlooms.ts";

test("the same settings find the same thing again, in one configuration and in the next; others are made", () => {
  let made = 0;
  const first = new Heirlooms<number>();
  const one = first.of({ a: 1 }, () => ++made);
  expect([first.of({ a: 1 }, () => ++made), first.of({ a: 2 }, () => ++made)]).toEqual([one, 2]);
  const second = new Heirlooms(first);
  expect([second.of({ a: 1 }, () => ++made), second.of({ a: 3 }, () => ++made)]).toEqual([one, 3]);
});

test("what the next has no use for is left, once; and one that was never settled takes nothing away", () => {
  const first = new Heirlooms<string>();
  first.of(1, () => "one");
  first.of(2, () => "two");
  new Heirlooms(first).of(1, () => "other");
  const second = new Heirlooms(first);
  second.of(2, () => "new");
  expect(second.settle()).toEqual(["one"]);
  expect(second.settle()).toEqual([]);
  expect(new Heirlooms(second).of(1, () => "made anew")).toBe("made anew");
});
