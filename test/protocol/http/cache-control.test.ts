import { expect, test } from "bun:test";
import { parseCacheControl } from "../../../src/protocol/http/cache-control.ts";
import { Fields } from "../../../src/protocol/http/fields.ts";

const parse = (...values: string[]) =>
  parseCacheControl(Fields.of(values.map((value) => ["Cache-Control", value] as const)));

test("no field says nothing", () => {
  expect(parse()).toBeUndefined();
});

test.each([
  ["max-age=60", { maxAge: 60 }],
  ["MAX-AGE = 60", { maxAge: 60 }],
  ['max-age="60"', { maxAge: 60 }],
  ["max-age=60, max-age=5", { maxAge: 60 }],
  ["max-age=-1", { maxAge: 0 }],
  ["max-age", { maxAge: 0 }],
  ["max-age=1.5", { maxAge: 0 }],
  ["max-age=99999999999999", { maxAge: 2_147_483_648 }],
  ["s-maxage=7,stale-while-revalidate=8,stale-if-error=9", { sMaxage: 7, staleWhileRevalidate: 8, staleIfError: 9 }],
  ["private", { isPrivate: true }],
  ['private="set-cookie"', { isPrivate: true }],
  ['no-cache="a, no-store"', { noCache: true, noStore: false }],
  ["no-store", { noStore: true }],
  ["public", { isPublic: true }],
  ["proxy-revalidate", { mustRevalidate: true }],
  ["must-revalidate", { mustRevalidate: true }],
  ['x="no-store", y', { noStore: false }],
  ["no-storex, xno-cache", { noStore: false, noCache: false }],
])("%s", (value, expected) => {
  expect(parse(value)).toMatchObject(expected);
});

test("several fields are one list", () => {
  expect(parse("max-age=60", "private")).toMatchObject({ maxAge: 60, isPrivate: true });
});
