import { describe, expect, test } from "bun:test";
import { type LoadSample, Scale } from "../../src/apps/scale.ts";

const IDLE = 1000;

function makeScale(min: number, max: number, threads = 2): Scale {
  return new Scale({ min, max, threads, idleMs: IDLE });
}

function load(more: Partial<LoadSample>): LoadSample {
  return { ready: 1, starting: 0, running: 0, waiting: 0, served: false, ...more };
}

describe("growth", () => {
  const cases: [string, Partial<LoadSample>, number][] = [
    ["not while a thread is idle", { running: 1, waiting: 9 }, 1],
    ["not while nobody waits", { running: 2 }, 1],
    ["by as many as those that wait need", { running: 2, waiting: 1 }, 2],
    ["at most to twice as many", { ready: 2, running: 4, waiting: 100 }, 4],
    ["never above max", { ready: 5, running: 10, waiting: 100 }, 6],
    ["not while others start", { ready: 1, starting: 1, running: 2, waiting: 9 }, 1],
  ];
  test.each(cases)("%s", (_, seen, expected) => {
    const scale = makeScale(1, 6);
    scale.sample(load(seen), 1);
    scale.sample(load(seen), 2);
    expect(scale.desired(3)).toBe(expected);
  });

  test("not for a burst that is over at the next glance", () => {
    const scale = makeScale(1, 4);
    const burst = load({ running: 2, waiting: 5 });
    for (const [now, seen] of [burst, load({}), burst, load({})].entries()) scale.sample(seen, now);
    expect(scale.desired(5)).toBe(1);
  });
});

describe("shrinking", () => {
  test("goes level by level, each when it was not needed for the idle time", () => {
    const scale = makeScale(1, 4);
    scale.need(4, 0);
    scale.sample(load({ ready: 4, running: 5 }), 500);
    expect([scale.desired(999), scale.desired(1000), scale.desired(1499), scale.desired(1500)]).toEqual([4, 3, 3, 1]);
  });

  test("says when it will", () => {
    const scale = makeScale(1, 4);
    expect(scale.shrinksMs(0)).toBeUndefined();
    scale.need(3, 100);
    expect(scale.shrinksMs(200)).toBe(100 + IDLE);
  });

  test.each([
    ["is answered between two samples", { served: true }, 1],
    ["runs", { running: 1 }, 1],
    ["waits", { waiting: 1 }, 1],
    ["was there", {}, 0],
  ])("to zero not while a request %s", (_, seen, expected) => {
    const scale = makeScale(0, 4);
    scale.need(1, 0);
    scale.sample(load(seen), 900);
    expect(scale.desired(1500)).toBe(expected);
  });
});

test("an app of fixed size has it whatever happens", () => {
  const scale = makeScale(3, 3);
  scale.need(9, 0);
  expect([scale.isFixed, scale.desired(0), scale.desired(99_999), scale.shrinksMs(0)]).toEqual([true, 3, 3, undefined]);
});
