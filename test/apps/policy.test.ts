import { describe, expect, test } from "bun:test";
import { afterExit, decide, type Pool, type Seat, startableMs, type WorkerState } from "../../src/apps/policy.ts";

const NOW = 100_000;
const START_TIMEOUT = 60_000;

interface Named {
  readonly name: string;
  readonly seat: number;
  readonly generation: number;
  readonly state: WorkerState;
  readonly outworn: string | undefined;
}

const READY: WorkerState = { kind: "ready", sinceMs: 1 };
const STARTING: WorkerState = { kind: "starting", sinceMs: NOW - 100 };
const FINISHING: WorkerState = { kind: "finishing", sinceMs: NOW, untilMs: NOW + 5000 };
const EMPTY: Seat = { failures: 0, untilMs: 0 };

/** `a0` sits on seat 0 and has code of generation 1; `b1` is the second on seat 1. */
function worker(name: string, state: WorkerState, more: Partial<Named> = {}): Named {
  return { name, seat: Number(name[1]), generation: 1, state, outworn: undefined, ...more };
}

function pool(workers: Named[], more: Partial<Pool<Named>> = {}): Pool<Named> {
  const seats = more.seats ?? Array.from({ length: 8 }, () => EMPTY);
  const desired = more.desired ?? seats.length;
  const startTimeoutMs = START_TIMEOUT;
  return { workers, generation: 1, proven: true, processesMax: 16, startTimeoutMs, ...more, seats, desired };
}

const names = (list: readonly Named[]) => list.map((each) => each.name);
const retired = (each: { worker: Named; why: string }) => `${each.worker.name}: ${each.why}`;

describe("what is started", () => {
  const four = ["a0", "a1", "a2", "a3"].map((name) => worker(name, READY));
  const old = { desired: 4, generation: 2 };
  const failing = (count: number): Seat[] =>
    Array.from({ length: 8 }, (_, i) => (i < count ? { failures: 2, untilMs: NOW + 2000 } : EMPTY));
  const worn = (...which: number[]) => four.map((each, i) => (which.includes(i) ? { ...each, outworn: "age" } : each));

  const cases: [string, Pool<Named>, number[]][] = [
    ["every wanted seat of a new pool", pool([], { desired: 3 }), [0, 1, 2]],
    [
      "the seat of one that died",
      pool(
        four.filter(({ name }) => name !== "a1"),
        { desired: 4 },
      ),
      [1],
    ],
    ["nothing where starts are under way", pool([worker("a0", STARTING)], { desired: 1 }), []],
    ["nothing before the pause of a failing seat is over", pool([], { desired: 1, seats: failing(1) }), []],
    ["no other seat in place of a failing one", pool([], { desired: 2, seats: failing(1) }), [1]],
    ["a worker beside one that leaves", pool([worker("a0", FINISHING)], { desired: 1 }), [0]],
    ["nothing when there are too many processes", pool([worker("a0", FINISHING)], { desired: 2, processesMax: 1 }), []],
    ["nothing for an app that nobody asks", pool([], { desired: 0 }), []],
    ["one that tries new code, of four", pool(four, { ...old, proven: false }), [0]],
    [
      "no second one that tries",
      pool([...four, worker("b0", STARTING, { generation: 2 })], { ...old, proven: false }),
      [],
    ],
    ["one that tries, when all seats are empty", pool([], { ...old, proven: false }), [0]],
    ["a quarter at a time of new code that is proven", pool(four, old), [0]],
    [
      "two at a time of eight",
      pool([...four, ...four.map((w) => ({ ...w, seat: w.seat + 4 }))], { generation: 2 }),
      [0, 1],
    ],
    ["no more while as many are replaced", pool([...four, worker("b0", STARTING, { generation: 2 })], old), []],
    ["one outworn worker at a time", pool(worn(1, 2), { desired: 4 }), [1]],
    [
      "new code before old age",
      pool(
        worn(1).map((w, i) => (i === 1 ? { ...w, generation: 2 } : w)),
        old,
      ),
      [0],
    ],
    ["no replacement whose start just failed", pool(worn(0), { desired: 4, seats: failing(1) }), []],
    ["no replacement for one that will not be missed", pool(worn(0), { desired: 0 }), []],
  ];
  test.each(cases)("%s", (_, before, expected) => {
    expect(decide(before, NOW).spawn as number[]).toEqual(expected);
  });
});

describe("who is told to finish", () => {
  const cases: [string, Pool<Named>, string[]][] = [
    ["nobody while the replacement starts", pool([worker("a0", READY), worker("b0", STARTING)], { desired: 1 }), []],
    [
      "the older when the replacement is ready",
      pool([worker("a0", READY), worker("b0", READY)], { desired: 1 }),
      ["a0: reload"],
    ],
    [
      "with the reason that it had",
      pool([worker("a0", READY, { outworn: "max_rss" }), worker("b0", READY)], { desired: 1 }),
      ["a0: max_rss"],
    ],
    [
      "the last of more than are wanted",
      pool([worker("a0", READY), worker("a1", READY)], { desired: 1 }),
      ["a1: idle"],
    ],
    [
      "not one that starts, before it is ready",
      pool([worker("a0", READY), worker("a1", STARTING)], { desired: 1 }),
      [],
    ],
    [
      "one with who starts in its place",
      pool([worker("a0", READY), worker("b0", STARTING)], { desired: 0 }),
      ["b0: idle", "a0: idle"],
    ],
    ["everybody when none is wanted", pool([worker("a0", READY)], { desired: 0 }), ["a0: idle"]],
    ["nobody twice", pool([worker("a0", FINISHING)], { desired: 0 }), []],
    [
      "nobody because of a seat in the middle that is empty",
      pool([worker("a0", READY), worker("a2", READY)], { desired: 2 }),
      [],
    ],
  ];
  test.each(cases)("%s", (_, before, expected) => {
    expect(decide(before, NOW).retire.map(retired)).toEqual(expected);
  });
});

describe("deadlines", () => {
  test("a start that takes too long is given up, and one that does not is looked at again in time", () => {
    const slow = worker("a0", { kind: "starting", sinceMs: NOW - START_TIMEOUT });
    const young = worker("a1", { kind: "starting", sinceMs: NOW - START_TIMEOUT + 7 });
    const plan = decide(pool([slow, young], { desired: 2 }), NOW);
    expect([names(plan.overdue), plan.nextMs]).toEqual([["a0"], NOW + 7]);
  });

  test("what does not finish is terminated, what does not end then is killed", () => {
    const at = (kind: "finishing" | "terminated", untilMs: number): WorkerState => ({ kind, sinceMs: 1, untilMs });
    const workers = [worker("a0", at("finishing", NOW)), worker("a1", at("terminated", NOW - 1))];
    const later = [worker("a2", at("finishing", NOW + 9)), worker("a3", at("terminated", NOW + 8))];
    const plan = decide(pool([...workers, ...later], { desired: 0 }), NOW);
    expect([names(plan.terminate), names(plan.kill), plan.nextMs]).toEqual([["a0"], ["a1"], NOW + 8]);
  });

  test("a failing seat is asked again when its pause is over", () => {
    const seats = [{ failures: 1, untilMs: NOW + 500 }];
    expect(decide(pool([], { seats }), NOW).nextMs).toBe(NOW + 500);
    expect(decide(pool([], { seats }), NOW + 500).spawn).toEqual([0]);
  });
});

describe("when a worker will be starting", () => {
  const paused: Seat = { failures: 1, untilMs: NOW + 500 };
  const cases: [string, Pool<Named>, number][] = [
    ["now, when one does", pool([worker("a0", STARTING)], { seats: [paused] }), NOW],
    ["now, when a start is due", pool([], { seats: [EMPTY, paused] }), NOW],
    ["after the pause, when all starts fail", pool([], { seats: [paused, paused] }), NOW + 500],
    ["now, when nobody asks and nothing failed", pool([], { desired: 0 }), NOW],
    ["after the pause, when nobody asks and starts failed", pool([], { desired: 0, seats: [paused] }), NOW + 500],
    [
      "never, when all that are wanted are there",
      pool([worker("a0", READY)], { desired: 1 }),
      Number.POSITIVE_INFINITY,
    ],
  ];
  test.each(cases)("%s", (_, before, expected) => {
    expect(startableMs(before, NOW)).toBe(expected);
  });
});

describe("after an exit", () => {
  const young: WorkerState = { kind: "ready", sinceMs: NOW - 100 };
  const grown: WorkerState = { kind: "ready", sinceMs: NOW - 1_000 };
  const cases: [string, WorkerState, number, number, { failures: number; delayMs: number }][] = [
    ["of a worker that lived, the next starts at once", grown, 0, 5, { failures: 0, delayMs: 0 }],
    ["of a worker that served, the next starts at once", young, 1, 5, { failures: 0, delayMs: 0 }],
    ["right after the start, the first time, too", young, 0, 0, { failures: 1, delayMs: 0 }],
    ["right after the start, the second time, not", young, 0, 1, { failures: 2, delayMs: 2_000 }],
    ["before it was ready: 1 s", STARTING, 0, 0, { failures: 1, delayMs: 1_000 }],
    ["and 2 s", STARTING, 0, 1, { failures: 2, delayMs: 2_000 }],
    ["up to a minute", STARTING, 0, 9, { failures: 10, delayMs: 60_000 }],
  ];
  test.each(cases)("%s", (_, state, begun, failures, expected) => {
    expect(afterExit(state, begun, failures, NOW)).toEqual(expected);
  });
});
