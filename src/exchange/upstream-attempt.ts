/** One attempt at an upstream server, for the variables `$upstream_*`. The proxy writes it; logs and headers read it. */

export interface UpstreamAttempt {
  /** As in messages: `127.0.0.1:8000`, `unix:/run/x.sock`. */
  readonly address: string;
  /** base/clock monotonicMs. */
  readonly startedMs: number;
  /** Of its reply; 502 or 504 when there was none, 0 while it is awaited. */
  status: number;
  /** From the start to the reply's head and to its last byte; -1 before. */
  headerMs: number;
  responseMs: number;
}

export function beginAttempt(address: string, startedMs: number): UpstreamAttempt {
  return { address, startedMs, status: 0, headerMs: -1, responseMs: -1 };
}

export function headCame(attempt: UpstreamAttempt, status: number, nowMs: number): void {
  attempt.status = status;
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
