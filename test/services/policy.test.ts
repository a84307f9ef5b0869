import { expect, test } from "bun:test";
import { afterEnd, type RestartRule } from "../../src/services/policy.ts";

const CASES: readonly (readonly [rule: RestartRule, code: number | undefined, restarts: boolean])[] = [
  ["always", 0, true],
  ["always", 1, true],
  ["always", undefined, true],
  ["on-failure", 0, false],
  ["on-failure", 1, true],
  ["on-failure", undefined, true],
  ["never", 0, false],
  ["never", 1, false],
  ["never", undefined, false],
];

test.each(CASES)("restart = %p, exit code %p: again? %p", (rule, code, restarts) => {
  const verdict = afterEnd(rule, { code, ranMs: 100, failures: 0 });
  expect(verdict.kind).toBe(restarts ? "restart" : "stay");
});

test("pauses double up to a minute while it ends soon after its start", () => {
  let failures = 0;
  const delays = Array.from({ length: 9 }, () => {
    const verdict = afterEnd("always", { code: 1, ranMs: 100, failures });
    failures = verdict.failures;
    return verdict.kind === "restart" ? verdict.delayMs : NaN;
  });
  expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test("a long life forgives what was before", () => {
  expect(afterEnd("always", { code: 1, ranMs: 10_000, failures: 8 })).toEqual({
    kind: "restart",
    delayMs: 1000,
    failures: 1,
  });
});

test("staying ended is a failure unless the code was 0", () => {
  expect(afterEnd("never", { code: 0, ranMs: 5, failures: 3 })).toEqual({ kind: "stay", failures: 0 });
  expect(afterEnd("never", { code: 2, ranMs: 5, failures: 0 })).toEqual({ kind: "stay", failures: 1 });
});
