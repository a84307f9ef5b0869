/**
 * The rate of requests per key (nginx: ngx_http_limit_req_module). All limits of a route must let a request pass; only
 * then is it counted in each. Above rate and burst: `status` (429) with Retry-After. What is ahead of its rate by more
 * than `delay` waits until its turn comes, unread and unanswered; a client that leaves meanwhile costs nothing.
 */
import { liveMs, monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { Fields } from "../protocol/http/fields.ts";
import { answer } from "./canned.ts";
import type { Exchange, Handler } from "./exchange.ts";
import { type RateMemory, RateTable } from "./rate-table.ts";
import { Waiting } from "./waiting.ts";

export interface LimitOptions {
  readonly name: string;
  readonly intervalUs: number;
  readonly burst: number;
  /** Requests ahead of the rate that need not wait; undefined: none waits. */
  readonly delay: number | undefined;
  readonly status: number;
  /** What is counted apart; "" is not limited. */
  readonly key: (exchange: Exchange) => string;
  /** Counts a refusal. */
  readonly refused?: () => void;
}

/** A flood must not flood the log. */
const LOG_INTERVAL_MS = 1000;

/** One [limit.NAME] in one front. */
export class RateLimit {
  readonly options: LimitOptions;
  private readonly table: RateTable;
  /** CLOCK_MONOTONIC − monotonicMs() of this thread: fronts must read one clock. */
  private readonly clockOffsetMs: number;
  private readonly log: Log;
  private loggedMs = -Infinity;
  private unlogged = 0;

  constructor(options: LimitOptions, memory: RateMemory, clockOffsetMs: number, log: Log) {
    this.options = options;
    this.table = new RateTable(memory, options);
    this.clockOffsetMs = clockOffsetMs;
    this.log = log;
  }

  /** See RateTable.take; `count` false: asks without counting. */
  ask(exchange: Exchange, count: boolean): number {
    const key = this.options.key(exchange);
    if (key === "") return 0;
    // Live: two fronts whose turns began at different times must not count against each other.
    const nowUs = (liveMs() + this.clockOffsetMs) * 1000;
    return count ? this.table.take(key, nowUs) : this.table.peek(key, nowUs);
  }

  /** How long a request waits that is `aheadUs` ahead of its rate; milliseconds. */
  delayMs(aheadUs: number): number {
    const { delay, intervalUs } = this.options;
    return delay === undefined ? 0 : Math.max(0, (aheadUs - delay * intervalUs) / 1000);
  }

  refuse(exchange: Exchange, untilUs: number): void {
    this.options.refused?.();
    this.tell(exchange);
    // Never more than an interval, but for what the fronts' clocks differ.
    const seconds = String(Math.max(1, Math.ceil(Math.min(untilUs, this.options.intervalUs) / 1e6)));
    answer(exchange, this.options.status, Fields.of([["Retry-After", seconds]]));
  }

  private tell(exchange: Exchange): void {
    const nowMs = monotonicMs();
    this.unlogged++;
    if (nowMs - this.loggedMs < LOG_INTERVAL_MS) return;
    const more = this.unlogged > 1 ? ` (${this.unlogged} since the last such line)` : "";
    this.loggedMs = nowMs;
    this.unlogged = 0;
    this.log.warn(
      `limit ${this.options.name}: ${exchange.peer.remoteAddress} is refused with ${this.options.status}${more}`,
    );
  }
}

export function withLimits(limits: readonly RateLimit[], next: Handler): Handler {
  return (exchange) => {
    // What the server asks of itself was counted when the client asked.
    if (exchange.depth > 0) return next(exchange);
    const delayMs = passAll(limits, exchange);
    if (delayMs === 0) return next(exchange);
    if (delayMs > 0) delayed(exchange, delayMs, next);
  };
}

/** How long it has to wait; -1: it was refused. */
function passAll(limits: readonly RateLimit[], exchange: Exchange): number {
  if (limits.length > 1) {
    for (const limit of limits) {
      const verdict = limit.ask(exchange, false);
      if (verdict < 0) return refused(limit, exchange, verdict);
    }
  }
  let delayMs = 0;
  for (const limit of limits) {
    const verdict = limit.ask(exchange, true);
    if (verdict < 0) return refused(limit, exchange, verdict);
    delayMs = Math.max(delayMs, limit.delayMs(verdict));
  }
  return delayMs;
}

function refused(limit: RateLimit, exchange: Exchange, verdict: number): number {
  limit.refuse(exchange, -verdict);
  return -1;
}

function delayed(exchange: Exchange, delayMs: number, next: Handler): void {
  const waiting = new Waiting(exchange, () => clearTimeout(timer));
  const timer = setTimeout(() => waiting.goOn(next), delayMs);
}
