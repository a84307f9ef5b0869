import { expect, test } from "bun:test";
import { chooseRange, RANGES_MAX } from "../../../src/protocol/http/range.ts";

const part = (first: number, last: number) => ({ kind: "part", first, last }) as const;
const parts = (...ranges: [number, number][]) => ({
  kind: "parts" as const,
  ranges: ranges.map(([first, last]) => ({ first, last })),
});
const WHOLE = { kind: "whole" } as const;
const UNSATISFIABLE = { kind: "unsatisfiable" } as const;
const HUGE = "9".repeat(400);

test.each([
  ["bytes=0-0", 10, part(0, 0)],
  ["bytes=0-9", 10, part(0, 9)],
  ["bytes=0-", 10, part(0, 9)],
  ["bytes=9-", 10, part(9, 9)],
  ["bytes=2-100", 10, part(2, 9)],
  [`bytes=2-${HUGE}`, 10, part(2, 9)],
  ["bytes=-3", 10, part(7, 9)],
  ["bytes=-10", 10, part(0, 9)],
  [`bytes=-${HUGE}`, 10, part(0, 9)],
  ["BYTES=1-2", 10, part(1, 2)],
  ["bytes= 1-2 ", 10, part(1, 2)],
  ["bytes=1-2,", 10, part(1, 2)],
  ["bytes=5368709110-", 5 * 2 ** 30, part(5368709110, 5 * 2 ** 30 - 1)],
  // RFC 9110 section 14.1.2: unsatisfiable
  ["bytes=10-", 10, UNSATISFIABLE],
  ["bytes=10-12", 10, UNSATISFIABLE],
  [`bytes=${HUGE}-`, 10, UNSATISFIABLE],
  ["bytes=-0", 10, UNSATISFIABLE],
  // of nothing there are no parts
  ["bytes=0-", 0, WHOLE],
  ["bytes=0-0,3-4", 0, WHOLE],
  ["bytes=-5", 0, WHOLE],
  ["bytes=-0", 0, WHOLE],
  // section 14.2: invalid or unknown is ignored
  ["bytes=2-1", 10, WHOLE],
  ["bytes=", 10, WHOLE],
  ["bytes=,", 10, WHOLE],
  ["bytes=-", 10, WHOLE],
  ["bytes=a-b", 10, WHOLE],
  ["bytes=+1-2", 10, WHOLE],
  ["bytes=1-2-3", 10, WHOLE],
  ["bytes=0x1-2", 10, WHOLE],
  ["bytes=1 -2", 10, WHOLE],
  ["bytes 1-2", 10, WHOLE],
  ["bytes:1-2", 10, WHOLE],
  ["lines=1-2", 10, WHOLE],
  ["=1-2", 10, WHOLE],
  ["", 10, WHOLE],
  // several
  ["bytes=0-1,3-4", 10, parts([0, 1], [3, 4])],
  ["bytes=8-9, 0-0 ,-2", 10, parts([8, 9], [0, 0], [8, 9])],
  ["bytes=3-4,,0-1", 10, parts([3, 4], [0, 1])],
  ["bytes=0-1,-2", 10, parts([0, 1], [8, 9])],
  // what is left of them is one, or none
  ["bytes=0-1,10-", 10, part(0, 1)],
  ["bytes=-0,5-6,11-12", 10, part(5, 6)],
  ["bytes=10-,-0", 10, UNSATISFIABLE],
  // one that is invalid makes the field invalid
  ["bytes=0-1,x", 10, WHOLE],
  ["bytes=0-1,4-3", 10, WHOLE],
  // more bytes than the file has, as nginx
  ["bytes=0-5,4-9", 10, WHOLE],
  ["bytes=0-9,0-0", 10, WHOLE],
  // two that overlap, and one more
  ["bytes=0-1,1-2,5-5", 10, parts([0, 1], [1, 2], [5, 5])],
  ["bytes=0-1,0-1,0-1", 10, WHOLE],
  ["bytes=0-5,1-1,3-3", 10, WHOLE],
] as const)("rfc9110_14_2 %s of %d bytes", (field, size, choice) => {
  expect(chooseRange(field, size)).toEqual(choice);
});

const spread = (count: number) => `bytes=${Array.from({ length: count }, (_, i) => `${i * 3}-${i * 3}`).join(",")}`;

test.each([
  [RANGES_MAX, undefined, "parts"],
  [RANGES_MAX + 1, undefined, "whole"],
  [2, 1, "whole"],
  [1, 1, "part"],
  [1, 0, "whole"],
] as const)("%d ranges where %p are allowed", (count, rangesMax, kind) => {
  expect(chooseRange(spread(count), 1_000_000, rangesMax).kind).toBe(kind);
});

// Quadratic work would take minutes here and run into the time limit of every test.
test("a hostile field is read in linear time", () => {
  const blanks = " ".repeat(600_000);
  for (const field of [
    `bytes=1${blanks}2`,
    `bytes=${blanks}x`,
    `bytes=1-${"1".repeat(600_000)}x`,
    `bytes=${",".repeat(600_000)}`,
  ]) {
    expect(chooseRange(field, 10)).toEqual(WHOLE);
  }
});
