import { describe, expect, test } from "bun:test";
import { Pace, PACE_GRACE_MS } from "../../src/front/pace.ts";

describe("the pace of a transfer", () => {
  /** The first sweep, in milliseconds, at which it is too slow; Infinity for never within five minutes. */
  function tooSlowAt(rateMin: number, bytesAt: (ms: number) => number, awaitedAt: (ms: number) => boolean): number {
    const pace = new Pace();
    pace.reset();
    for (let ms = 500; ms <= 300_000; ms += 500) {
      if (pace.isTooSlow(ms, bytesAt(ms), awaitedAt(ms), rateMin)) return ms - 500;
    }
    return Number.POSITIVE_INFINITY;
  }
  const always = () => true;

  test("counts after a grace", () => {
    expect(tooSlowAt(240, () => 0, always)).toBe(PACE_GRACE_MS + 500);
    expect(tooSlowAt(240, (ms) => ms / 1000, always)).toBe(PACE_GRACE_MS + 500);
  });

  test("is an average: what came early is credit, and is used up", () => {
    expect(tooSlowAt(100, () => 3000, always)).toBe(PACE_GRACE_MS + 30_500);
  });

  test("is kept by whoever keeps it, and by everyone when there is no bound", () => {
    expect(tooSlowAt(240, (ms) => (ms * 241) / 1000, always)).toBe(Number.POSITIVE_INFINITY);
    expect(tooSlowAt(0, () => 0, always)).toBe(Number.POSITIVE_INFINITY);
  });

  test("leaves out the time in which it is not the peer's turn", () => {
    expect(
      tooSlowAt(
        240,
        () => 0,
        () => false,
      ),
    ).toBe(Number.POSITIVE_INFINITY);
    expect(
      tooSlowAt(
        240,
        () => 0,
        (ms) => ms > 100_000,
      ),
    ).toBe(100_000 + PACE_GRACE_MS);
  });

  test("does not charge the peer for a sweep that came late", () => {
    const pace = new Pace();
    pace.reset();
    expect(pace.isTooSlow(500, 0, true, 240)).toBe(false);
    expect(pace.isTooSlow(3_600_000, 0, true, 240)).toBe(false);
  });
});
