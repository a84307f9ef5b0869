import { describe, expect, test } from "bun:test";
import { isPressing, nextAttempt, pauseMs, renewAtMs } from "../../src/certificates/policy.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const NINETY_DAYS = { fromMs: 0, toMs: 90 * DAY_MS };

describe("a certificate is renewed", () => {
  test("when a third of its life is left, or up to a thirtieth of it before", () => {
    expect(renewAtMs(NINETY_DAYS, undefined, 0)).toBe(60 * DAY_MS);
    expect(renewAtMs(NINETY_DAYS, undefined, 1)).toBe(57 * DAY_MS);
    // Six days.
    expect(renewAtMs({ fromMs: 0, toMs: 6 * DAY_MS }, undefined, 0)).toBe(4 * DAY_MS);
  });

  test("somewhere in the window that its authority suggests, be that earlier or later", () => {
    const window = { fromMs: 10 * DAY_MS, toMs: 12 * DAY_MS };
    expect(renewAtMs(NINETY_DAYS, window, 0)).toBe(10 * DAY_MS);
    expect(renewAtMs(NINETY_DAYS, window, 0.5)).toBe(11 * DAY_MS);
    // Revoked: the window is over, and it is due at once.
    expect(renewAtMs(NINETY_DAYS, { fromMs: -2, toMs: -1 }, 1)).toBe(-1);
    // Nobody is made to outlive his certificate.
    expect(renewAtMs(NINETY_DAYS, { fromMs: 95 * DAY_MS, toMs: 96 * DAY_MS }, 0)).toBe(87 * DAY_MS);
  });

  test("and its end is pressing when a sixth is left", () => {
    expect(isPressing(NINETY_DAYS, 74 * DAY_MS)).toBe(false);
    expect(isPressing(NINETY_DAYS, 76 * DAY_MS)).toBe(true);
  });
});

describe("after a failure", () => {
  test("pauses double up to a day, with chance in them", () => {
    expect([1, 2, 3, 4].map((failures) => pauseMs(failures, [], 0.5) / MINUTE_MS)).toEqual([2, 4, 8, 16]);
    expect([pauseMs(1, [], 0), pauseMs(1, [], 1)].map((ms) => ms / MINUTE_MS)).toEqual([1.5, 2.5]);
    for (const failures of [12, 50, 5000]) expect(pauseMs(failures, [], 0.5)).toBe(DAY_MS);
  });

  test("nobody comes before an authority said, and to none as long as there is another", () => {
    expect(pauseMs(1, [3 * DAY_MS], 0.5)).toBe(3 * DAY_MS);
    expect(pauseMs(1, [3 * DAY_MS, 0], 0.5)).toBe(2 * MINUTE_MS);
    expect(pauseMs(1, [3 * DAY_MS, 2 * DAY_MS], 0.5)).toBe(2 * DAY_MS);
  });

  const FREE = { hasSecond: true, hasStaging: true, isFirstBarred: false, isSecondBarred: false };

  test("it is tried out where failures are free; the second authority gets every other turn after three", () => {
    const plan = [0, 1, 2, 3, 4, 5].map((failures) => nextAttempt(failures, FREE));
    expect(plan.map(({ authority }) => authority)).toEqual(["first", "first", "first", "second", "first", "second"]);
    expect(plan.map(({ rehearsed }) => rehearsed)).toEqual([false, true, true, false, true, false]);
    const alone = { ...FREE, hasSecond: false, hasStaging: false };
    expect(nextAttempt(9, alone)).toEqual({ authority: "first", rehearsed: false });
  });

  test("an authority that bars us is passed over", () => {
    const turn = (failures: number, isFirstBarred: boolean, isSecondBarred: boolean) =>
      nextAttempt(failures, { ...FREE, isFirstBarred, isSecondBarred }).authority;
    expect([turn(1, true, false), turn(3, false, true), turn(1, true, true)]).toEqual(["second", "first", "first"]);
  });
});
