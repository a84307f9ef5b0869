/** A request that waits for the reply that another one fetches, or for what another front knows of it. */
import { answer } from "../exchange/canned.ts";
import type { CacheStatus, Exchange } from "../exchange/exchange.ts";
import type { Producer } from "../exchange/reply.ts";
import type { Fields } from "../protocol/http/fields.ts";
import { type CacheEntry, give } from "./entry.ts";

/** What requests wait for in a cache. */
export interface WaitedFor {
  readonly waiters: Set<Waiter>;
  /** Host and target. */
  readonly place: string;
  /** The URL was changed meanwhile. */
  outdated: boolean;
  /** The client of this one has left. */
  leave(waiter: Waiter): void;
}

export class Waiter implements Producer {
  readonly exchange: Exchange;
  readonly untilMs: number;
  private readonly target: WaitedFor;
  private readonly now: () => number;

  constructor(exchange: Exchange, target: WaitedFor, untilMs: number, now: () => number) {
    this.exchange = exchange;
    this.target = target;
    this.untilMs = untilMs;
    this.now = now;
    exchange.reply.producer = this;
    target.waiters.add(this);
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
    this.target.leave(this);
  }
}
