/**
 * What may take how long on an HTTP/1 connection, asked at each sweep: the time since what is awaited now began, and the
 * minimum rates. It says what is overdue; what then becomes of the connection is the session's to decide.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Outbox } from "../net/outbox.ts";
import type { ServerConnection } from "../protocol/http1/connection.ts";
import type { Http1Body } from "./http1-body.ts";
import { FRESH_MS, LINGER_MS, LINGER_TOTAL_MS, type RateLimits, type SessionTimeouts } from "./options.ts";
import { Pace } from "./pace.ts";
import type { Persistence } from "./persistence.ts";

/** Limits that were hit, for the log. */
export const OVERDUE = {
  header_timeout: "the request head does not come to its end",
  body_timeout: "the request body does not come",
  min_body_rate: "the request body comes too slowly",
  send_timeout: "the client does not read",
  min_send_rate: "the client reads too slowly",
} as const;

/** `linger` and `idle` are the usual ends of a connection; `left`: the client has said all that it had to say, and nothing has
 *  been sent to it for so long that it may as well be gone. */
export type Overdue = "none" | "linger" | "idle" | "left" | keyof typeof OVERDUE;

/** Silence in the middle of a reply after the client has half-closed. Most who do so are gone, and nothing tells which: nginx takes
 *  all of them for gone, at once. */
const LEFT_MS = 2_000;

/** Where the session stands; see its head. */
export type Phase = "idle" | "exchange" | "flushing" | "lingering" | "closed";

interface Parts {
  readonly options: RateLimits & { readonly timeouts: SessionTimeouts };
  readonly connection: ServerConnection;
  readonly outbox: Outbox;
  readonly body: Http1Body;
  readonly persistence: Persistence;
}

export class Deadlines {
  /** When what is awaited now began; base/clock monotonicMs. */
  sinceMs = monotonicMs();
  private turnMs = this.sinceMs;
  private readonly parts: Parts;
  private readonly sendPace = new Pace();
  private lingeringSinceMs = 0;
  /** Since nothing was sent to a client that has half-closed, and how much had been sent by then. */
  private silentSinceMs = 0;
  private sentBytes = -1;

  constructor(parts: Parts) {
    this.parts = parts;
  }

  restart(): void {
    this.sinceMs = monotonicMs();
  }

  /** The session goes to work: the clock is read once for all that it does now. */
  beginTurn(restarts: boolean): void {
    this.turnMs = monotonicMs();
    if (restarts) this.sinceMs = this.turnMs;
  }

  /** `inTurn`: in the one that began it; else a turn begins now. */
  exchangeOver(inTurn: boolean): void {
    if (!inTurn) this.turnMs = monotonicMs();
    this.sinceMs = this.turnMs;
  }

  beginExchange(): void {
    this.sinceMs = this.turnMs;
    this.sendPace.reset();
    this.sentBytes = -1;
    this.parts.outbox.beginCount();
  }

  beginLingering(): void {
    this.restart();
    this.lingeringSinceMs = this.sinceMs;
  }

  /** Bytes came that nobody wants: who still sends has not yet read the answer. */
  discarded(phase: Phase): void {
    if (phase === "lingering") this.restart();
  }

  overdue(phase: Phase, nowMs: number): Overdue {
    const { options, outbox, body, connection } = this.parts;
    const waitedMs = nowMs - this.sinceMs;
    if (phase === "lingering") {
      return waitedMs > LINGER_MS || nowMs - this.lingeringSinceMs > LINGER_TOTAL_MS ? "linger" : "none";
    }
    if (this.sendPace.isTooSlow(nowMs, outbox.taken, !outbox.empty, options.sendRateMin)) return "min_send_rate";
    if (!outbox.empty) return waitedMs > options.timeouts.sendMs ? "send_timeout" : "none";
    if (phase === "idle") return this.overdueIdle(waitedMs);
    if (body.isTooSlow(nowMs, options.bodyRateMin)) return "min_body_rate";
    if (connection.ended && this.isSilent(nowMs)) return "left";
    return body.awaited && waitedMs > options.timeouts.bodyMs ? "body_timeout" : "none";
  }

  private isSilent(nowMs: number): boolean {
    const { taken } = this.parts.outbox;
    if (taken !== this.sentBytes) {
      this.sentBytes = taken;
      this.silentSinceMs = nowMs;
    }
    return nowMs - this.silentSinceMs > LEFT_MS;
  }

  /** Of a session between requests; see Session. */
  idleSinceMs(nowMs: number): number {
    const { connection, persistence } = this.parts;
    if (connection.requestBegun) return -1;
    return persistence.served > 0 || nowMs - this.sinceMs > FRESH_MS ? this.sinceMs : -1;
  }

  private overdueIdle(waitedMs: number): Overdue {
    const { connection, options, persistence } = this.parts;
    const { headerMs, keepaliveMs } = options.timeouts;
    if (connection.requestBegun) return waitedMs > headerMs ? "header_timeout" : "none";
    return waitedMs > (persistence.served === 0 ? headerMs : keepaliveMs) ? "idle" : "none";
  }
}
