import { describe, expect, test } from "bun:test";
import { formatHttpDate, httpDateNow, parseHttpDate } from "../../../src/protocol/http/date.ts";

const EXAMPLE_MS = 784_111_777_000;

describe("the three forms of rfc9110 5.6.7 are read", () => {
  test.each([
    ["Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE_MS],
    ["Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE_MS],
    ["Sun Nov  6 08:49:37 1994", EXAMPLE_MS],
    ["Wed Nov 16 08:49:37 1994", EXAMPLE_MS + 10 * 86_400_000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["Thu, 29 Feb 2024 23:59:59 GMT", Date.UTC(2024, 1, 29, 23, 59, 59)],
    ["Sat, 31 Dec 2016 23:59:60 GMT", Date.UTC(2017, 0, 1)],
  ])("%s", (text, ms) => {
    expect(parseHttpDate(text)).toBe(ms);
  });
});

describe("what is no HTTP-date is not guessed at", () => {
  test.each([
    "",
    "0",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 +0000",
    "06 Nov 1994 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 06 nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 94 08:49:37 GMT",
    "Sun, 31 Feb 1994 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Wed, 29 Feb 2023 00:00:00 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:00 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    " Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT; length=1",
    "1994-11-06T08:49:37Z",
  ])("%s", (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });
});

test("a two-digit year more than fifty years ahead lies in the past", () => {
  const now = Date.UTC(2026, 5, 1);
  const year = (digits: string) =>
    new Date(parseHttpDate(`Sunday, 06-Nov-${digits} 08:49:37 GMT`, now) ?? 0).getUTCFullYear();
  expect(["26", "76", "77", "99", "00"].map(year)).toEqual([2026, 2076, 1977, 1999, 2000]);
});

test("every second of a few days is written and read back the same", () => {
  for (let ms = Date.UTC(2027, 11, 30); ms < Date.UTC(2028, 0, 2); ms += 7001 * 1000) {
    expect(formatHttpDate(ms)).toBe(new Date(ms).toUTCString());
    expect(parseHttpDate(formatHttpDate(ms))).toBe(ms);
  }
});

test("the current date changes with the second, back as well as forth", () => {
  expect(httpDateNow(EXAMPLE_MS + 1)).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
  expect(httpDateNow(EXAMPLE_MS + 999)).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
  expect(httpDateNow(EXAMPLE_MS + 1000)).toBe("Sun, 06 Nov 1994 08:49:38 GMT");
  expect(httpDateNow(EXAMPLE_MS)).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
});
