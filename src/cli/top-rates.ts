/** From two measurements to what happened between them: rates and latencies of the whole, of apps, workers and servers. Pure. */
import type { Measured } from "../master/metrics.ts";
import { LATENCY_BOUNDS_MS, type RouteCounts } from "../exchange/route-counts.ts";

/** What the server says of itself at one moment. */
export interface Sample {
  /** Any clock that nobody sets, milliseconds. */
  readonly atMs: number;
  readonly measured: Measured;
}

export interface Rates {
  readonly requestsPerSecond: number;
  /** Of requests; undefined where there were none. */
  readonly failedShare: number | undefined;
  /** The times within which 50, 95 and 99 of a hundred were answered; undefined where there were none. */
  readonly percentilesMs: readonly [number, number, number] | undefined;
  readonly sentPerSecond: number;
  readonly receivedPerSecond: number;
}

const QUANTILES = [0.5, 0.95, 0.99] as const;

/** Of the routes that `isMeant`. */
export function ratesBetween(before: Sample, now: Sample, isMeant: (route: RouteCounts) => boolean): Rates {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
  const routes = now.measured.routes.filter(isMeant).map((route) => since(route, before.measured.routes));
  const sum = (value: (route: RouteCounts) => number) => routes.reduce((all, route) => all + value(route), 0);
  const requests = sum(({ statuses }) => total(statuses));
  const latencies = LATENCY_BOUNDS_MS.map((_, i) => sum((route) => route.latencies[i] ?? 0));
  latencies.push(sum((route) => route.latencies[LATENCY_BOUNDS_MS.length] ?? 0));
  return {
    requestsPerSecond: requests / seconds,
    failedShare: requests === 0 ? undefined : sum(({ statuses }) => statuses[4] ?? 0) / requests,
    percentilesMs: percentiles(latencies),
    sentPerSecond: sum(({ bytesSent }) => bytesSent) / seconds,
    receivedPerSecond: sum(({ bytesReceived }) => bytesReceived) / seconds,
  };
}

/** A server that began anew counts from zero. */
function since(route: RouteCounts, before: readonly RouteCounts[]): RouteCounts {
  const { site, route: pattern, target } = route;
  const old = before.find((each) => each.site === site && each.route === pattern && each.target === target);
  if (old === undefined || total(old.statuses) > total(route.statuses)) return route;
  const less = (one: readonly number[], other: readonly number[]) => one.map((each, i) => each - (other[i] ?? 0));
  return {
    ...route,
    statuses: less(route.statuses, old.statuses),
    latencies: less(route.latencies, old.latencies),
    bytesSent: route.bytesSent - old.bytesSent,
    bytesReceived: route.bytesReceived - old.bytesReceived,
  };
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}

function percentiles(latencies: readonly number[]): readonly [number, number, number] | undefined {
  const all = total(latencies);
  if (all === 0) return undefined;
  const [p50, p95, p99] = QUANTILES.map((quantile) => quantileOf(latencies, quantile * all));
  return [p50 as number, p95 as number, p99 as number];
}

/** Inside a class of the histogram they are taken to lie evenly; beyond the last bound there is only that. */
function quantileOf(latencies: readonly number[], rank: number): number {
  let below = 0;
  for (const [i, bound] of LATENCY_BOUNDS_MS.entries()) {
    const here = latencies[i] ?? 0;
    const lower = LATENCY_BOUNDS_MS[i - 1] ?? 0;
    if (below + here >= rank) return lower + ((bound - lower) * (rank - below)) / Math.max(1, here);
    below += here;
  }
  return LATENCY_BOUNDS_MS.at(-1) as number;
}

/** What a counter of the same thing grew by, per second; `before` undefined: it is new. */
export function growth(before: number | undefined, now: number, betweenMs: number): number {
  return Math.max(0, now - (before ?? 0)) / Math.max(0.001, betweenMs / 1000);
}
