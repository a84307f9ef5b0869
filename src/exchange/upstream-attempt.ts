/**
 * One attempt at an upstream server or an app, for the variables `$upstream_*`. The proxy and the app channel write it;
 * logs and headers read it.
 */
import type { Fields } from "../protocol/http/fields.ts";

export interface UpstreamAttempt {
  /** As in messages: `127.0.0.1:8000`, `unix:/run/x.sock`; of an app its name and worker, `app:mysite#2`. */
  readonly address: string;
  /** base/clock monotonicMs. */
  readonly startedMs: number;
  /** Of its reply; 502 or 504 when there was none, 0 while it is awaited. */
  status: number;
  /** Until it was connected, 0 on a kept connection; of an app how long the request waited in the queue. -1 before. */
  connectMs: number;
  /** From the start to the reply's head and to its last byte; -1 before. */
  headerMs: number;
  responseMs: number;
  /** Of the reply's content, as far as it has come. */
  contentBytes: number;
  /** Of the reply as it came; undefined before. */
  fields: Fields | undefined;
}

/** Of a server of an upstream; an app's request is one itself. */
class ServerAttempt implements UpstreamAttempt {
  address: string;
  startedMs: number;
  status = 0;
  connectMs = -1;
  headerMs = -1;
  responseMs = -1;
  contentBytes = 0;
  fields: Fields | undefined = undefined;

  constructor(address: string, startedMs: number) {
    this.address = address;
    this.startedMs = startedMs;
  }

  renew(address: string, startedMs: number): void {
    this.address = address;
    this.startedMs = startedMs;
    this.status = 0;
    this.connectMs = -1;
    this.headerMs = -1;
    this.responseMs = -1;
    this.contentBytes = 0;
    this.fields = undefined;
  }
}

export function beginAttempt(address: string, startedMs: number): UpstreamAttempt {
  return new ServerAttempt(address, startedMs);
}

/** Each keeps the fields of its last reply until the next one. */
const SPARE_MAX = 64;

/** Lists of one attempt that nobody knows of any more. */
const spare: [ServerAttempt][] = [];

/** The first attempt of an exchange, in the list of its attempts. */
export function firstAttempt(address: string, startedMs: number): [UpstreamAttempt] {
  const list = spare.pop();
  if (list === undefined) return [new ServerAttempt(address, startedMs)];
  list[0].renew(address, startedMs);
  return list;
}

/** Nobody knows of the exchange any more that made them, nor of them. */
export function attemptsLeft(list: UpstreamAttempt[]): void {
  if (list.length === 1 && list[0] instanceof ServerAttempt && spare.length < SPARE_MAX) {
    spare.push(list as [ServerAttempt]);
  }
}

export function attemptConnected(attempt: UpstreamAttempt, nowMs: number): void {
  attempt.connectMs = nowMs - attempt.startedMs;
}

export function headCame(attempt: UpstreamAttempt, status: number, fields: Fields, nowMs: number): void {
  attempt.status = status;
  attempt.fields = fields;
  attempt.headerMs = nowMs - attempt.startedMs;
}

export function replyEnded(attempt: UpstreamAttempt, nowMs: number): void {
  attempt.responseMs = nowMs - attempt.startedMs;
}

/** A reply that broke off keeps the status that it had. */
export function attemptFailed(attempt: UpstreamAttempt, status: number, nowMs: number): void {
  if (attempt.status === 0) attempt.status = status;
  attempt.responseMs = nowMs - attempt.startedMs;
}
