/** What every session of a front thread shares: limits, the clock of the sweep, and where finished requests are told. */
import type { Log } from "../base/log.ts";
import type { ErrorAnswers, Exchange, Handler } from "../exchange/exchange.ts";
import type { HeadMemo } from "../protocol/http1/head-memo.ts";
import type { HeaderRules } from "../exchange/reply-headers.ts";
import type { HeadLimits } from "../protocol/http1/limits.ts";
import type { Session } from "./session.ts";
import type { LimitName } from "../exchange/usage.ts";

/** How often sessions are asked whether a deadline has passed; timeouts are late by this much at most. */
export const SWEEP_INTERVAL_MS = 500;

/** Unread request content that is still received and thrown away to keep the connection; beyond it the connection
 *  closes. nginx reads on for lingering_time (30 s) whatever the amount. */
export const DISCARD_BYTES_MAX = 1024 * 1024;

/** Bytes received and not yet asked for (pipelined requests, a body whose reader is busy) before receiving stops. */
export const RECEIVE_BYTES_MAX = 64 * 1024;

/** After the last reply of a broken or refused request: how long the client may take to read it and close, since it last
 *  sent something and in all, before the connection is dropped. nginx: lingering_timeout, lingering_time. */
export const LINGER_MS = 5_000;
export const LINGER_TOTAL_MS = 30_000;

/** A connection that was accepted no longer ago is not taken for idle: its first request is in the kernel's buffer or in the
 *  network, and to close it would lose that. Of a kept connection clients know that it may close (RFC 9112 section 9.3.1). */
export const FRESH_MS = 1_000;

/** Steps of one connection per wake-up: pipelined requests cannot keep the others waiting. */
export const TURNS_PER_WAKE_MAX = 64;

export interface SessionTimeouts {
  /** From the first byte of a request to the end of its head, in all. */
  readonly headerMs: number;
  /** Between two reads of a request body. */
  readonly bodyMs: number;
  /** Between two writes that the client takes. */
  readonly sendMs: number;
  /** Between two requests. */
  readonly keepaliveMs: number;
}

export interface PersistenceLimits {
  readonly keepaliveRequestsMax: number;
  /** Since the connection was accepted. */
  readonly keepaliveAgeMaxMs: number;
  /** Requests in a row that a client may send ahead of the replies. Their bytes are bounded too (RECEIVE_BYTES_MAX). */
  readonly pipelinedMax: number;
}

/** Bytes per second that a client must keep up on average (pace.ts); 0 for none. */
export interface RateLimits {
  readonly bodyRateMin: number;
  readonly sendRateMin: number;
}

/** Fields and pages of answers to what never became a request; see refused-reply.ts. */
export interface RefusalOptions {
  readonly refusalRules?: HeaderRules | undefined;
  /** Those that answer at once. */
  readonly refusalPages?: ErrorAnswers | undefined;
}

export interface SessionOptions extends PersistenceLimits, RateLimits, RefusalOptions {
  readonly handler: Handler;
  readonly headLimits: HeadLimits;
  readonly headMemo: HeadMemo;
  readonly timeouts: SessionTimeouts;
  /** How long what is in flight may take when the server stops; for tunnels. */
  readonly drainTimeoutMs: number;
  readonly log: Log;
  /** One for all sessions of the thread; see Scratch. */
  readonly scratch: Buffer;
  readonly observer: SessionObserver;
}

export interface SessionObserver {
  /** A number that names a request in this front. */
  nextId(): number;
  /** A number that names a connection in this server. */
  nextConnection(): number;
  /** The exchange is over: its last byte was taken by the kernel, or the client left (status 499 if nothing was sent). */
  finished(exchange: Exchange, status: number, contentBytes: number): void;
  /** Refused before there was an exchange: this one shows what is known (unread-exchange.ts). */
  refused(exchange: Exchange, status: number, contentBytes: number): void;
  /** A limit was hit; `detail` says whom it hit and what was done. */
  limited(limit: LimitName, detail: string): void;
  /** The same without a line in the log: it was written already, or nothing is wrong. */
  counted(limit: LimitName): void;
  /** Another one goes on with its connection. */
  replaced(session: Session, by: Session): void;
  /** The session's last word. */
  closed(session: Session): void;
}
