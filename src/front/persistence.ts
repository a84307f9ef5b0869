/**
 * Whether a connection goes on after the reply that begins now (RFC 9112 section 9.3 and 9.6): the client's wish, and the
 * server's bounds on requests, age and pipelining. Once it is not to go on it never will.
 */
import type { RequestHead } from "../protocol/http/message.ts";
import type { PersistenceLimits } from "./options.ts";

export class Persistence {
  /** May there be a further request? */
  stays = true;
  /** Requests begun. */
  served = 0;
  /** Requests in a row that had come before the reply to the one before them was finished. */
  private ahead = 0;
  private readonly limits: PersistenceLimits;
  private readonly openedMs: number;

  constructor(limits: PersistenceLimits, openedMs: number) {
    this.limits = limits;
    this.openedMs = openedMs;
  }

  begun(): void {
    this.served++;
  }

  /** The reply is finished; `buffered`: bytes that have come behind its request. */
  finished(buffered: number): void {
    this.ahead = buffered === 0 ? 0 : this.ahead + 1;
  }

  get tooFarAhead(): boolean {
    return this.ahead >= this.limits.pipelinedMax;
  }

  end(): void {
    this.stays = false;
  }

  /** `possible`: nothing in the way of this very request stands against it. */
  decide(head: RequestHead, possible: boolean, nowMs: number): boolean {
    const { keepaliveRequestsMax, keepaliveAgeMaxMs } = this.limits;
    const young = nowMs - this.openedMs < keepaliveAgeMaxMs;
    const bounded = this.served < keepaliveRequestsMax && young && !this.tooFarAhead;
    this.stays = this.stays && head.persistent && possible && bounded;
    return this.stays;
  }
}
