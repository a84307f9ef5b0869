import { expect, test } from "bun:test";
import { monotonicMs } from "../../src/base/clock.ts";
import { Booking, count, LATENCY_BOUNDS_MS, noCounts, RouteCounters } from "../../src/exchange/route-counts.ts";
import { beginAttempt } from "../../src/exchange/upstream-attempt.ts";
import { fakeExchange } from "../support/exchange.ts";

const KEY = { site: "s", route: "/", target: "app:x" };

function over(status: number, tookMs = 0) {
  const { exchange } = fakeExchange();
  Object.assign(exchange, { finalStatus: status, bytesSent: 10, requestBytes: 3, startedMs: monotonicMs() - tookMs });
  return exchange;
}

test("requests are counted by class of status, with their bytes and their time", () => {
  const counts = noCounts(KEY);
  for (const status of [200, 204, 302, 404, 499, 503]) count(counts, over(status, 20));
  expect(counts.statuses).toEqual([0, 2, 1, 2, 1]);
  expect([counts.bytesSent, counts.bytesReceived]).toEqual([60, 18]);
  expect(counts.ms).toBeGreaterThanOrEqual(120);
  expect(counts.latencies.reduce((sum, number) => sum + number, 0)).toBe(6);
});

test("what took longer than every bound is in the last bucket; a tunnel is in none", () => {
  const counts = noCounts(KEY);
  count(counts, over(200, 1e6));
  count(counts, over(101, 1e6));
  expect(counts.latencies[LATENCY_BOUNDS_MS.length]).toBe(1);
  expect(counts.ms).toBeLessThan(2e6);
  expect(counts.statuses[0]).toBe(1);
});

test("of an app the time in its queue is told from that with Python", () => {
  const counts = noCounts(KEY);
  const exchange = over(200);
  exchange.upstreamAttempts = [{ ...beginAttempt("app:x", 0), connectMs: 30, responseMs: 100 }];
  count(counts, exchange);
  expect([counts.waitMs, counts.workMs, counts.worked]).toEqual([30, 70, 1]);
});

test("a route has one counter, through whatever configurations, and many of them end as one", () => {
  const counters = new RouteCounters();
  expect(counters.of(KEY)).toBe(counters.of({ ...KEY }));
  for (let i = 0; i < 6000; i++) counters.of({ ...KEY, route: `/${i}` }).statuses[1] = 1;
  expect(counters.all.length).toBeLessThanOrEqual(5001);
});

test("an exchange is counted before its line is written", () => {
  const counts = noCounts(KEY);
  const seen: number[] = [];
  new Booking(counts, { finished: () => void seen.push(counts.statuses[1] ?? 0) }).finished(over(200));
  expect(seen).toEqual([1]);
});
