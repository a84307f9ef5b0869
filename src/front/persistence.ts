/**
 * Whether a connection goes on after the reply that begins now (RFC 9112 section 9.3 and 9.6): the client's wish, and the
 * server's bounds on requests, age and pipelining. Once it is not to go on it never will.
 */
import type { RequestHead } from "../protocol/http/message.ts";
import type { PersistenceLimits } from "./options.ts";

export type PersistenceLimit = "max_pipelined_requests" | "keepalive_requests" | "keepalive_max_age";

export class Persistence {
  /** The limit that ended it. */
  reached: PersistenceLimit | undefined = undefined;
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

  private get tooFarAhead(): boolean {
    return this.ahead >= this.limits.pipelinedMax;
  }

  end(): void {
    this.stays = false;
  }

  /** `possible`: nothing in the way of this very request stands against it. */
  decide(head: RequestHead, possible: boolean, nowMs: number): boolean {
    if (this.stays && head.persistent && possible) {
      this.reached = this.reachedLimit(nowMs);
      this.stays = this.reached === undefined;
    } else {
      this.stays = false;
    }
    return this.stays;
  }

  private reachedLimit(nowMs: number): PersistenceLimit | undefined {
    const { keepaliveRequestsMax, keepaliveAgeMaxMs } = this.limits;
    if (this.tooFarAhead) return "max_pipelined_requests";
    if (this.served >= keepaliveRequestsMax) return "keepalive_requests";
    return nowMs - this.openedMs < keepaliveAgeMaxMs ? undefined : "keepalive_max_age";
  }
}
