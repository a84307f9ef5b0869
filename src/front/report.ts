/**
 * What a connection tells of itself: its number and what it has used, for the variables of its exchanges ($connection,
 * $connection_requests, $request_length, $bytes_sent); its finished and refused requests; the limits it hit. One for each
 * session, of either protocol; it decides nothing.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { ConnectionFacts, Exchange, Peer } from "../exchange/exchange.ts";
import type { LimitName } from "../exchange/usage.ts";
import type { Outbox } from "../net/outbox.ts";
import type { HeadFailure } from "../protocol/http1/failure.ts";
import { OVERDUE } from "./deadlines.ts";
import type { SessionObserver } from "./options.ts";
import type { PersistenceLimit } from "./persistence.ts";
import { describeExchange } from "./session.ts";
import { unreadExchange } from "./unread-exchange.ts";

/** Failures of the codec that are limits of the configuration. */
const LIMITS: Readonly<Record<string, LimitName>> = {
  target_too_long: "max_target_size",
  head_too_large: "max_header_size",
  too_many_fields: "max_header_fields",
};

export class Report implements ConnectionFacts {
  readonly number: number;
  readonly openedMs = monotonicMs();
  requests = 0;
  private readonly observer: SessionObserver;
  private readonly log: Log;
  private readonly peer: Peer;
  private readonly outbox: Outbox;
  /** Bytes that have come in all, and of them those before the current request. */
  private received = 0;
  private before = 0;

  constructor(options: { readonly observer: SessionObserver; readonly log: Log }, peer: Peer, outbox: Outbox) {
    this.observer = options.observer;
    this.log = options.log;
    this.peer = peer;
    this.outbox = outbox;
    this.number = options.observer.nextConnection();
  }

  arrived(bytes: number): void {
    this.received += bytes;
  }

  /** The request is over; `ahead`: bytes that have come and belong to the next ones. */
  requestOver(ahead: number): void {
    this.before = this.received - ahead;
  }

  /** `ahead`: see requestOver. */
  finished(exchange: Exchange, status: number, contentBytes: number, ahead: number): void {
    exchange.requestBytes = this.received - this.before - ahead;
    exchange.bytesSent = this.outbox.given;
    this.observer.finished(exchange, status, contentBytes);
  }

  /** What came was no request; it is told as one of which nothing is known but what there is of its first line. */
  refused(status: number, contentBytes: number, line = ""): void {
    const exchange = unreadExchange(this.peer, this, line);
    exchange.requestBytes = this.received - this.before;
    exchange.bytesSent = this.outbox.given;
    this.observer.refused(exchange, status, contentBytes);
  }

  /** The codec refused a head; its message names the largest field where that is what is wrong. */
  malformed({ status, code, message }: HeadFailure): void {
    this.log.info(`${this.peer.remoteAddress}: ${status} ${code}: ${message}`);
    const limit = LIMITS[code];
    if (limit !== undefined) this.observer.counted(limit);
  }

  /** An idle connection ends in the usual way; of everything else somebody suffers. */
  overdue(overdue: "idle" | keyof typeof OVERDUE, exchange: Exchange | undefined): void {
    if (overdue === "idle") this.observer.counted(this.requests === 0 ? "header_timeout" : "keepalive_timeout");
    else this.limited(overdue, exchange, OVERDUE[overdue]);
  }

  /** More of a body came than its route takes. */
  tooLarge(exchange: Exchange | undefined): void {
    this.limited("max_body_size", exchange, `more than ${exchange?.bodyBytesMax ?? 0} bytes of body came`);
  }

  /** The connection closes after this reply. */
  outlived(limit: PersistenceLimit, exchange: Exchange | undefined): void {
    if (limit === "max_pipelined_requests") this.limited(limit, exchange, "the connection is closed");
    else this.observer.counted(limit);
  }

  private limited(limit: LimitName, exchange: Exchange | undefined, what: string): void {
    this.observer.limited(limit, `${this.describe(exchange)}: ${what}`);
  }

  broken(exchange: Exchange | undefined, why: string): void {
    this.log.error(`${this.describe(exchange)}: ${why}`);
  }

  private describe(exchange: Exchange | undefined): string {
    return describeExchange(exchange?.peer.remoteAddress ?? this.peer.remoteAddress, exchange);
  }
}
