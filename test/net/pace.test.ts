import { describe, expect, test } from "bun:test";
import { Pace } from "../../src/net/pace.ts";

const KIB = 1024;

/** The client has `bytes` taken at `nowMs`, after which there is no room for `waitMs`: has `isFast` changed, and what is it? */
function step(pace: Pace, bytes: number, nowMs: number, waitMs: number): [boolean, boolean] {
  const hasChanged = pace.took(bytes, nowMs);
  pace.hasRoom(nowMs + waitMs);
  return [hasChanged, pace.isFast];
}

describe("Pace", () => {
  test("is slow until a client has taken enough within the time, and again when it takes too long", () => {
    const pace = new Pace();
    expect(pace.isFast).toBe(false);
    expect(step(pace, 800 * KIB, 0, 1_000)).toEqual([false, false]);
    expect(step(pace, 224 * KIB, 1_000, 400)).toEqual([true, true]);
    expect(step(pace, 1024 * KIB, 1_400, 1_000)).toEqual([false, true]);
    expect(step(pace, 400 * KIB, 2_400, 1)).toEqual([false, true]);
    expect(step(pace, 1, 2_401, 100)).toEqual([true, false]);
    expect(step(pace, 1023 * KIB, 2_501, 0)).toEqual([false, false]);
    expect(step(pace, KIB, 2_502, 0)).toEqual([true, true]);
  });

  test("time in which nothing was to be sent does not count", () => {
    const pace = new Pace();
    for (let i = 0; i < 20; i++) step(pace, 400 * KIB, i * 60_000, 100);
    expect(pace.isFast).toBe(true);
  });

  test("one long wait makes a fast client a slow one, however much it takes then", () => {
    const pace = new Pace();
    expect(step(pace, 1024 * KIB, 0, 60_000)).toEqual([true, true]);
    expect(step(pace, 10_000 * KIB, 60_000, 0)).toEqual([true, false]);
  });

  test.each([4, 100, 500])("of %d KiB a second stays slow", (rate) => {
    const pace = new Pace();
    for (let ms = 0; ms < 20_000; ms += 100) expect(step(pace, (rate * KIB) / 10, ms, 100)).toEqual([false, false]);
  });
});
