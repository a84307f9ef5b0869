/**
 * Which requests of a front have waited or run for too long, told by the scoreboard. What becomes of them is the channel's
 * business. A request counts as waiting until a Python thread has begun it: one that a thread has taken may have to wait
 * for the GIL, or be with a worker that was stopped that very moment.
 */
import type { AppRequest } from "./request.ts";
import { timeIsOverMs } from "./request-timeout.ts";
import type { Running } from "./scoreboard.ts";

type RunningById = ReadonlyMap<number, Running>;

/** What is asked of an AppRequest here. */
type Asked = Pick<AppRequest, "id" | "state" | "queuedMs" | "missed" | "timedOut">;

/** Answers those that have run for longer than they may; their worker is the master's business. `nowMs`: CLOCK_MONOTONIC. */
export function timeOut(sent: ReadonlyMap<number, Asked>, running: RunningById, nowMs: number): void {
  for (const each of running.values()) {
    if (each.begunMs === undefined) continue;
    const overMs = timeIsOverMs(each, each.begunMs);
    if (overMs !== undefined && overMs <= nowMs) sent.get(each.id)?.timedOut(nowMs - each.begunMs);
  }
}

/** Those that came before `oldestMs` and that no thread has begun, as far as one can see: they wait, and will be refused
 *  by whoever comes to them, or they have been run and the reply is not read yet. */
export function* passedOver<R extends Asked>(sent: Iterable<R>, running: RunningById, oldestMs: number): Generator<R> {
  for (const request of sent) {
    if (request.state !== "sent" || request.queuedMs > oldestMs) continue;
    if (hasBegun(request, running)) request.missed = false;
    else yield request;
  }
}

/** Of those that no thread has begun; what was sent is older than what is in the list. */
export function oldest<R extends Asked>(sent: Iterable<R>, list: Iterable<R>, running: RunningById): R | undefined {
  for (const each of sent) if (each.state === "sent" && !hasBegun(each, running)) return each;
  for (const each of list) return each;
  return undefined;
}

function hasBegun({ id }: Asked, running: RunningById): boolean {
  return running.get(id)?.begunMs !== undefined;
}
