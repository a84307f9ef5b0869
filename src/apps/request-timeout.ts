/**
 * request_timeout (uWSGI: harakiri): when the time of a request is over. Two look at it, each by the scoreboard and by
 * its own tick: the front that sent it answers 504 (channel.ts), and the master, a moment later, ends a worker whose
 * thread has not come back by then (overdue-workers.ts). Pure.
 *
 * The clock runs from when a Python thread began the request: the upload is over by then (it is collected first), and
 * what it waited is queue_timeout's business, also with a thread that has taken it and does not come to it. It runs until
 * the reply is complete; uWSGI's does too.
 */
import type { Running } from "./scoreboard.ts";

/** No honest page takes longer, and a thread that hangs is not lost for good. nginx: 60 s between two reads of the
 *  reply, uWSGI: none, gunicorn: 30 s. */
export const REQUEST_TIMEOUT_MS = 300_000;

/** Between the answer of the front and the end of the worker. A thread that is only held up by a slow client, or that
 *  goes on giving content, is told that nobody takes it, and is free: it costs no worker. The front looks every 400 ms. */
export const RELEASE_MS = 1_500;

/** When the time of a request is over that has run since `begunMs`, on the clock of `Running`; undefined: never. */
export function timeIsOverMs({ limitMs, ownDeadlineMs }: Running, begunMs: number): number | undefined {
  if (limitMs === 0) return ownDeadlineMs;
  return ownDeadlineMs === undefined ? begunMs + limitMs : Math.min(begunMs + limitMs, ownDeadlineMs);
}
