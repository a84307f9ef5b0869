/**
 * May a request that failed go to another server? Pure (nginx: proxy_next_upstream and its bounds).
 *
 * What was never sent has had no effect and may always be sent. What was sent is sent again only if running it twice is
 * running it once (RFC 9110 section 9.2.2), or if the configuration takes that upon itself.
 */
import { RETRY_ON, RETRY_TIMEOUT_MS, type RetryReason, TRIES_MAX, type UpstreamOptions } from "./options.ts";

/** RFC 9110 section 9.2.2: running them twice is running them once. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

export function isIdempotent(method: string): boolean {
  return method === "GET" || IDEMPOTENT.has(method);
}

export interface Failure {
  readonly reason: RetryReason;
  readonly method: string;
  /** A byte of the request may have reached the server. */
  readonly sent: boolean;
  /** Is the body here still, from its first byte? */
  readonly repeatable: boolean;
  /** Servers that were asked, and how long ago the first was. */
  readonly tries: number;
  readonly elapsedMs: number;
}

export function mayRetry(options: UpstreamOptions, failure: Failure): boolean {
  const { triesMax = TRIES_MAX, retryTimeoutMs = RETRY_TIMEOUT_MS, retryOn = RETRY_ON, retryUnsafe = false } = options;
  if (!failure.repeatable || failure.tries >= triesMax || failure.elapsedMs >= retryTimeoutMs) return false;
  if (!failure.sent) return true;
  return retryOn.includes(failure.reason) && (retryUnsafe || isIdempotent(failure.method));
}

/** Statuses that say more of the server than of the request count as its failure. */
export function isServersFault(status: number): boolean {
  return status === 500 || (status >= 502 && status <= 504);
}
