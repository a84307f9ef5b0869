/** The attempts of one transaction as the variables $upstream_* tell them, and how long they have gone on. */
import { monotonicMs } from "../base/clock.ts";
import type { Exchange } from "../exchange/exchange.ts";
import {
  attemptFailed,
  beginAttempt,
  headCame,
  replyEnded,
  type UpstreamAttempt,
} from "../exchange/upstream-attempt.ts";

export class Attempts {
  private readonly exchange: Exchange;
  /** The last one. */
  current: UpstreamAttempt | undefined = undefined;
  private firstMs = 0;
  /** When the head came, if that was in this wake-up: the clock is read once for a reply that is here in whole. */
  private headMs = 0;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  begin(server: string): void {
    const nowMs = monotonicMs();
    if (this.firstMs === 0) this.firstMs = nowMs;
    this.current = beginAttempt(server, nowMs);
    (this.exchange.upstreamAttempts ??= []).push(this.current);
  }

  /** Since the first began. */
  get elapsedMs(): number {
    return monotonicMs() - this.firstMs;
  }

  wokenUp(): void {
    this.headMs = 0;
  }

  headCame(status: number): void {
    this.headMs = monotonicMs();
    if (this.current !== undefined) headCame(this.current, status, this.headMs);
  }

  ended(): void {
    if (this.current !== undefined) replyEnded(this.current, this.headMs === 0 ? monotonicMs() : this.headMs);
  }

  failed(status: number): void {
    if (this.current !== undefined) attemptFailed(this.current, status, monotonicMs());
  }
}
