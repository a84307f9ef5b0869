import { describe, expect, test } from "bun:test";
import { lifetimeOf } from "../../src/cache/lifetime.ts";
import type { CacheOptions } from "../../src/cache/options.ts";
import { formatHttpDate } from "../../src/protocol/http/date.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { OPTIONS, type Pairs } from "./stage.ts";

const NOW = Date.UTC(2026, 0, 1);
const around = { accelExpires: undefined, sawCookies: false, wallMs: NOW, delayMs: 0 };

function of(pairs: Pairs, { status = 200, accel, options = {} }: Given = {}) {
  const head = { status, reason: undefined, fields: Fields.of(pairs), length: 0 };
  return lifetimeOf(head, { ...around, accelExpires: accel }, { ...OPTIONS, ...options });
}

interface Given {
  readonly status?: number;
  readonly accel?: string | undefined;
  readonly options?: Partial<CacheOptions>;
}

const date = (seconds: number) => formatHttpDate(NOW + seconds * 1000);

describe("freshness", () => {
  test.each<[string, Pairs, string | undefined, number]>([
    ["max-age", [["Cache-Control", "max-age=5"]], undefined, 5000],
    ["s-maxage before max-age", [["Cache-Control", "max-age=5, s-maxage=7"]], undefined, 7000],
    [
      "Expires by Date",
      [
        ["Expires", date(30)],
        ["Date", date(10)],
      ],
      undefined,
      20_000,
    ],
    ["Expires without Date", [["Expires", date(30)]], undefined, 30_000],
    [
      "max-age before Expires",
      [
        ["Expires", date(30)],
        ["Cache-Control", "max-age=5"],
      ],
      undefined,
      5000,
    ],
    ["X-Accel-Expires before all", [["Cache-Control", "max-age=5, private, no-store"]], "9", 9000],
    ["X-Accel-Expires of an app", [["X-Accel-Expires", "9"]], undefined, 9000],
    ["X-Accel-Expires as a time", [], `@${NOW / 1000 + 11}`, 11_000],
  ])("%s", (_, pairs, accel, freshMs) => {
    expect(of(pairs, { accel })?.freshMs).toBe(freshMs);
  });

  test.each<[string, Pairs, string | undefined]>([
    ["nothing", [], undefined],
    ["Expires: 0", [["Expires", "0"]], undefined],
    ["Expires in the past", [["Expires", date(-1)]], undefined],
    ["max-age=0", [["Cache-Control", "max-age=0"]], undefined],
    ["X-Accel-Expires: 0", [["Cache-Control", "max-age=5"]], "0"],
    [
      "older than it may be",
      [
        ["Cache-Control", "max-age=5"],
        ["Age", "5"],
      ],
      undefined,
    ],
  ])("%s is not kept", (_, pairs, accel) => {
    expect(of(pairs, { accel })).toBeUndefined();
  });

  test("what is stale at once is kept if it can be asked about, or may be given stale", () => {
    expect(
      of([
        ["Cache-Control", "max-age=0"],
        ["ETag", '"a"'],
      ])?.freshMs,
    ).toBe(0);
    expect(of([["Cache-Control", "max-age=0, stale-if-error=5"]])?.staleIfErrorMs).toBe(5000);
  });

  test("the age of a reply counts from where it was made", () => {
    expect(
      of([
        ["Cache-Control", "max-age=50"],
        ["Age", "20"],
      ])?.ageMs,
    ).toBe(20_000);
  });
});

describe("ttl", () => {
  const options = { ttlMs: 3000 };

  test.each([200, 203, 301, 308, 410])("speaks for %d", (status) => {
    expect(of([], { status, options })?.freshMs).toBe(3000);
  });

  test.each([302, 404, 500])("does not for %d", (status) => {
    expect(of([], { status, options })).toBeUndefined();
  });

  test("does not for a reply that speaks for itself", () => {
    expect(of([["Cache-Control", "max-age=5"]], { options })?.freshMs).toBe(5000);
    expect(of([["Cache-Control", "private"]], { options })).toBeUndefined();
    expect(of([["Cache-Control", "no-cache"]], { options })).toBeUndefined();
  });
});

test("stale periods of the configuration take the place of the reply's, unless it forbids them", () => {
  const options = { staleWhileRevalidateMs: 1000, staleIfErrorMs: 2000 };
  const said: Pairs = [["Cache-Control", "max-age=5, stale-while-revalidate=8, stale-if-error=9"]];
  expect(of(said)).toMatchObject({ staleWhileRevalidateMs: 8000, staleIfErrorMs: 9000 });
  expect(of(said, { options })).toMatchObject({ staleWhileRevalidateMs: 1000, staleIfErrorMs: 2000 });
  for (const forbids of ["must-revalidate", "proxy-revalidate", "s-maxage=5"]) {
    const lifetime = of([["Cache-Control", `max-age=5, ${forbids}`]], { options });
    expect(lifetime).toMatchObject({ staleWhileRevalidateMs: 0, staleIfErrorMs: 0 });
  }
});
