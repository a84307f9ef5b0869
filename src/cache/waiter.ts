/** A request that waits for the reply that another one fetches. */
import { answer } from "../exchange/canned.ts";
import type { CacheStatus, Exchange } from "../exchange/exchange.ts";
import type { Producer } from "../exchange/reply.ts";
import type { Fields } from "../protocol/http/fields.ts";
import { type CacheEntry, give } from "./entry.ts";
import type { Fill } from "./fill.ts";

export class Waiter implements Producer {
  readonly exchange: Exchange;
  readonly untilMs: number;
  private readonly fill: Fill;
  private readonly now: () => number;

  constructor(exchange: Exchange, fill: Fill, untilMs: number, now: () => number) {
    this.exchange = exchange;
    this.fill = fill;
    this.untilMs = untilMs;
    this.now = now;
    exchange.reply.producer = this;
    fill.waiters.add(this);
  }

  /** Lets go of the exchange, which is gone on with otherwise. False when its client is gone. */
  release(): boolean {
    const { reply } = this.exchange;
    if (reply.producer === this) reply.producer = undefined;
    return reply.state === "waiting";
  }

  give(entry: CacheEntry, status: CacheStatus): void {
    if (!this.release()) return;
    this.exchange.cacheStatus = status;
    give(entry, this.exchange, this.now());
  }

  answer(status: number, extra: Fields | undefined): void {
    if (this.release()) answer(this.exchange, status, extra);
  }

  // ── Producer ──────────────────────────────────────────────────────────────────────────────────────────────────

  drained(): void {}

  gone(): void {
    this.fill.leave(this);
  }
}
