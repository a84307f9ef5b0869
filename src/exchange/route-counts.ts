/**
 * What each route has had: requests by class of status, bytes, time. Counted by each front for itself, from its start on,
 * whatever configuration is served; the master adds up what the fronts tell (master/traffic-totals.ts). There are as
 * many counters as sites and routes, so nothing that a client sends makes one.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Account, Exchange } from "./exchange.ts";

/** Upper bounds of the latency histogram, milliseconds; from a file in memory to a report. */
export const LATENCY_BOUNDS_MS = [
  0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000,
] as const;

/** Over many reloads with other routes: beyond it they are counted as one. */
const ROUTES_MAX = 5000;

export interface RouteKey {
  /** "" for what reached no site. */
  readonly site: string;
  /** As written; "" for what reached no route. */
  readonly route: string;
  /** Who answers: `app:mysite`, `upstream:legacy`, `files`, …; "" for nobody. */
  readonly target: string;
}

/** Plain data; all of it only grows. */
export interface RouteCounts extends RouteKey {
  /** Of 1xx to 5xx. */
  readonly statuses: number[];
  bytesSent: number;
  bytesReceived: number;
  /** From the first byte of a request to the last of its reply; tunnels are not counted. */
  ms: number;
  /** Requests up to each bound, and one more for those beyond; not cumulative. */
  readonly latencies: number[];
  /** Of an app: in its queue. Of an upstream: until it was connected. */
  waitMs: number;
  /** With Python, or with the upstream. */
  workMs: number;
  /** How many asked an app or an upstream. */
  worked: number;
}

export function noCounts(key: RouteKey): RouteCounts {
  const { site, route, target } = key;
  const latencies = Array.from({ length: LATENCY_BOUNDS_MS.length + 1 }, () => 0);
  const sums = { bytesSent: 0, bytesReceived: 0, ms: 0, waitMs: 0, workMs: 0, worked: 0 };
  return { site, route, target, statuses: [0, 0, 0, 0, 0], latencies, ...sums };
}

const SWITCHING_PROTOCOLS = 101;

export function count(counts: RouteCounts, exchange: Exchange): void {
  const { finalStatus, upstreamAttempts } = exchange;
  const family = Math.floor(finalStatus / 100) - 1;
  counts.statuses[family] = (counts.statuses[family] ?? 0) + 1;
  counts.bytesSent += exchange.bytesSent;
  counts.bytesReceived += exchange.requestBytes;
  if (finalStatus === SWITCHING_PROTOCOLS) return;
  const ms = monotonicMs() - exchange.startedMs;
  counts.ms += ms;
  const bucket = bucketOf(ms);
  counts.latencies[bucket] = (counts.latencies[bucket] ?? 0) + 1;
  const last = upstreamAttempts?.at(-1);
  if (last === undefined || last.responseMs < 0) return;
  const waitMs = Math.max(0, last.connectMs);
  counts.waitMs += waitMs;
  counts.workMs += last.responseMs - waitMs;
  counts.worked++;
}

function bucketOf(ms: number): number {
  let bucket = 0;
  while (bucket < LATENCY_BOUNDS_MS.length && ms > (LATENCY_BOUNDS_MS[bucket] as number)) bucket++;
  return bucket;
}

export class RouteCounters {
  private readonly counters = new Map<string, RouteCounts>();
  private readonly others = noCounts({ site: "", route: "others", target: "" });

  /** The same for the same route, whatever configuration it is in. */
  of(key: RouteKey): RouteCounts {
    const text = `${key.site}\0${key.route}\0${key.target}`;
    const known = this.counters.get(text);
    if (known !== undefined) return known;
    if (this.counters.size >= ROUTES_MAX) return this.others;
    const made = noCounts(key);
    this.counters.set(text, made);
    return made;
  }

  /** Of routes that were asked for. */
  get all(): readonly RouteCounts[] {
    return [...this.counters.values(), this.others].filter(({ statuses }) => statuses.some((number) => number > 0));
  }
}

/** An exchange that is over is counted, then logged. */
export class Booking implements Account {
  private readonly counts: RouteCounts;
  private readonly log: Account;

  constructor(counts: RouteCounts, log: Account) {
    this.counts = counts;
    this.log = log;
  }

  finished(exchange: Exchange): void {
    count(this.counts, exchange);
    this.log.finished(exchange);
  }
}
