/** How often upstreams are asked for their deadlines, and that those who have short ones cost the others nothing. */
import { afterEach, expect, jest, test } from "bun:test";
import { SILENT } from "../../src/base/log.ts";
import { SHORT_SWEEP_MS, UpstreamSweeps } from "../../src/front/upstream-sweeps.ts";
import type { UpstreamOptions } from "../../src/proxy/options.ts";
import { Upstream } from "../../src/proxy/upstream.ts";
import { UPSTREAM } from "../support/scripted-upstream.ts";

afterEach(() => {
  jest.useRealTimers();
});

function fake(hasShortTimes: boolean) {
  const each = {
    hasShortTimes,
    ticks: 0,
    between: 0,
    tick: () => void each.ticks++,
    tickBetween: () => void each.between++,
  };
  return each;
}

test("those with short times are asked between two sweeps, the others are not", () => {
  jest.useFakeTimers();
  const [short, long] = [fake(true), fake(false)];
  const sweeps = new UpstreamSweeps(() => [short, long]);
  sweeps.look();
  jest.advanceTimersByTime(10 * SHORT_SWEEP_MS);
  sweeps.sweep(500);
  expect([short.ticks, short.between, long.ticks, long.between]).toEqual([1, 10, 1, 0]);
});

test("the timer comes and goes with them", () => {
  jest.useFakeTimers();
  let upstreams = [fake(false)];
  const sweeps = new UpstreamSweeps(() => upstreams);
  sweeps.sweep(0);
  expect(jest.getTimerCount()).toBe(0);
  upstreams = [fake(true)];
  sweeps.look();
  sweeps.sweep(1000);
  expect(jest.getTimerCount()).toBe(1);
  upstreams = [fake(false)];
  sweeps.sweep(1500);
  expect(jest.getTimerCount()).toBe(0);
});

const HEALTH = { path: "/", intervalMs: 5000, timeoutMs: 3000, statusMin: 200, statusMax: 399, rise: 2, fall: 3 };
const LONG = { connectTimeoutMs: 10_000, sendTimeoutMs: 60_000, readTimeoutMs: 60_000, keepaliveTimeoutMs: 60_000 };

test.each([
  [false, {}],
  [false, { health: HEALTH, headTimeoutMs: 2000 }],
  [false, { keepalive: 0, keepaliveTimeoutMs: 100 }],
  [true, { keepaliveTimeoutMs: 100 }],
  [true, { connectTimeoutMs: 1999 }],
  [true, { sendTimeoutMs: 500 }],
  [true, { readTimeoutMs: 500 }],
  [true, { headTimeoutMs: 500 }],
  [true, { health: { ...HEALTH, intervalMs: 100 } }],
  [true, { health: { ...HEALTH, timeoutMs: 1000 } }],
] as const)("has it short times? %p: %j", (expected: boolean, options: Partial<UpstreamOptions>) => {
  const servers = [{ address: { kind: "unix", path: "/nonexistent" }, weight: 1 }] as const;
  expect(new Upstream({ ...UPSTREAM, ...LONG, servers, ...options }, SILENT).hasShortTimes).toBe(expected);
});
