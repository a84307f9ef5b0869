/** The attempts of one transaction as the variables $upstream_* tell them, and how long they have gone on. */
import { monotonicMs } from "../base/clock.ts";
import type { Exchange } from "../exchange/exchange.ts";
import {
  attemptConnected,
  attemptFailed,
  beginAttempt,
  firstAttempt,
  headCame,
  replyEnded,
  type UpstreamAttempt,
} from "../exchange/upstream-attempt.ts";
import type { Fields } from "../protocol/http/fields.ts";

export class Attempts {
  private exchange: Exchange;
  /** The last one. */
  current: UpstreamAttempt | undefined = undefined;
  private firstMs = 0;
  /** When the head came, if that was in this wake-up: the clock is read once for a reply that is here in whole. */
  private headMs = 0;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  /** Of another transaction. */
  reset(exchange: Exchange): void {
    this.exchange = exchange;
    this.current = undefined;
    this.firstMs = 0;
  }

  /** `kept`: on a connection that was there already. */
  begin(server: string, kept: boolean): void {
    const nowMs = monotonicMs();
    if (this.firstMs === 0) this.firstMs = nowMs;
    this.current = this.add(server, nowMs);
    if (kept) this.current.connectMs = 0;
  }

  private add(server: string, nowMs: number): UpstreamAttempt {
    const { exchange } = this;
    if (exchange.upstreamAttempts === undefined) return (exchange.upstreamAttempts = firstAttempt(server, nowMs))[0];
    const attempt = beginAttempt(server, nowMs);
    exchange.upstreamAttempts.push(attempt);
    return attempt;
  }

  connected(): void {
    if (this.current !== undefined) attemptConnected(this.current, monotonicMs());
  }

  /** Since the first began. */
  get elapsedMs(): number {
    return monotonicMs() - this.firstMs;
  }

  wokenUp(): void {
    this.headMs = 0;
  }

  headCame(status: number, fields: Fields): void {
    this.headMs = monotonicMs();
    if (this.current !== undefined) headCame(this.current, status, fields, this.headMs);
  }

  contentCame(bytes: number): void {
    if (this.current !== undefined) this.current.contentBytes += bytes;
  }

  ended(): void {
    if (this.current !== undefined) replyEnded(this.current, this.headMs === 0 ? monotonicMs() : this.headMs);
  }

  failed(status: number): void {
    if (this.current !== undefined) attemptFailed(this.current, status, monotonicMs());
  }
}
