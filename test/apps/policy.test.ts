import { describe, expect, test } from "bun:test";
import { afterExit, BACK_OFF_MAX_MS, decide, isStarting, type WorkerState, YOUNG_MS } from "../../src/apps/policy.ts";

const START_MS = 60_000;

describe("decide", () => {
  const cases: [string, WorkerState[], number, object][] = [
    ["spawns what is due", [{ kind: "down", untilMs: 5 }], 5, { spawn: [0], overdue: [], nextMs: undefined }],
    [
      "waits for what is not",
      [
        { kind: "down", untilMs: 5 },
        { kind: "down", untilMs: 3 },
      ],
      2,
      { spawn: [], nextMs: 3 },
    ],
    ["leaves ready workers alone", [{ kind: "ready", sinceMs: 0 }], 1e9, { spawn: [], overdue: [], nextMs: undefined }],
    [
      "never replaces a worker that is not gone",
      [{ kind: "stopping" }],
      1e9,
      { spawn: [], overdue: [], nextMs: undefined },
    ],
    ["gives up a start that takes too long", [{ kind: "starting", sinceMs: 10 }], START_MS + 10, { overdue: [0] }],
    [
      "waits for a start in time",
      [{ kind: "starting", sinceMs: 10 }],
      START_MS,
      { overdue: [], nextMs: START_MS + 10 },
    ],
  ];
  test.each(cases)("%s", (_, workers, now, plan) => {
    expect(decide(workers, START_MS, now)).toMatchObject(plan);
  });
});

describe("afterExit", () => {
  test("a worker that served long enough is replaced at once, and earlier failures are forgotten", () => {
    expect(afterExit({ kind: "ready", sinceMs: 0 }, 0, 5, YOUNG_MS)).toEqual({ failures: 0, delayMs: 0 });
  });

  test("a worker that answered one request is replaced at once, however young it was", () => {
    expect(afterExit({ kind: "ready", sinceMs: 0 }, 1, 5, 1)).toEqual({ failures: 0, delayMs: 0 });
  });

  /** The delays after nine exits in a row. */
  function delaysOf(state: WorkerState): number[] {
    let failures = 0;
    return Array.from({ length: 9 }, () => {
      const next = afterExit(state, 0, failures, 0);
      failures = next.failures;
      return next.delayMs;
    });
  }

  test("starts that fail in a row are 1, 2, 4 … 60 s apart", () => {
    const delays = [1000, 2000, 4000, 8000, 16000, 32000, BACK_OFF_MAX_MS, BACK_OFF_MAX_MS, BACK_OFF_MAX_MS];
    expect(delaysOf({ kind: "starting", sinceMs: 0 })).toEqual(delays);
  });

  test("one death right after the start is nothing; again and again, it counts as a failed start", () => {
    expect(delaysOf({ kind: "ready", sinceMs: 0 }).slice(0, 4)).toEqual([0, 2000, 4000, 8000]);
  });
});

describe("isStarting", () => {
  const cases: [string, WorkerState[], boolean][] = [
    [
      "an import is under way",
      [
        { kind: "down", untilMs: 9 },
        { kind: "starting", sinceMs: 0 },
      ],
      true,
    ],
    ["a start is due", [{ kind: "down", untilMs: 5 }], true],
    ["all are put off", [{ kind: "down", untilMs: 6 }], false],
    ["they only end", [{ kind: "stopping" }], false],
  ];
  test.each(cases)("when %s", (_, workers, expected) => {
    expect(isStarting(workers, 5)).toBe(expected);
  });
});
