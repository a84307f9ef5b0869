/**
 * When to start a worker, when to give one up: a pure function of what there is and what time it is. The supervisor
 * does what comes out of it.
 */

export type WorkerState =
  /** Spawned, importing the project. */
  | { readonly kind: "starting"; readonly sinceMs: number }
  | { readonly kind: "ready"; readonly sinceMs: number }
  /** Told to finish, or killed; its exit is awaited. */
  | { readonly kind: "stopping" }
  /** There is no process; the next is due at `untilMs`. */
  | { readonly kind: "down"; readonly untilMs: number };

/** A worker that was ready for this long and then died did not die of its start: the next starts at once. */
export const YOUNG_MS = 1_000;
/** Pauses between starts that fail: 1, 2, 4 … 60 s. uWSGI: 2 s (forkbomb-delay), always. */
export const BACK_OFF_MIN_MS = 1_000;
export const BACK_OFF_MAX_MS = 60_000;

export interface Plan {
  /** Workers to start now. */
  readonly spawn: readonly number[];
  /** Workers that took too long to become ready. */
  readonly overdue: readonly number[];
  /** When to ask again if nothing happens before; undefined: nothing is due. */
  readonly nextMs: number | undefined;
}

export function decide(workers: readonly WorkerState[], startTimeoutMs: number, nowMs: number): Plan {
  const spawn: number[] = [];
  const overdue: number[] = [];
  let nextMs: number | undefined;
  workers.forEach((worker, number) => {
    const dueMs = dueTime(worker, startTimeoutMs);
    if (dueMs === undefined) return;
    if (dueMs > nowMs) nextMs = Math.min(nextMs ?? dueMs, dueMs);
    else (worker.kind === "down" ? spawn : overdue).push(number);
  });
  return { spawn, overdue, nextMs };
}

function dueTime(worker: WorkerState, startTimeoutMs: number): number | undefined {
  switch (worker.kind) {
    case "starting":
      return worker.sinceMs + startTimeoutMs;
    case "down":
      return worker.untilMs;
    case "ready":
    case "stopping":
      return undefined;
  }
}

export interface BackOff {
  /** Starts in a row that came to nothing. */
  readonly failures: number;
  readonly delayMs: number;
}

/** What follows from the exit of a worker that was in `state` and had answered `handled` requests, after `failures`
 *  starts in a row before it that came to nothing. */
export function afterExit(state: WorkerState, handled: number, failures: number, nowMs: number): BackOff {
  const wasReady = state.kind === "ready";
  if (wasReady && (handled > 0 || nowMs - state.sinceMs >= YOUNG_MS)) return { failures: 0, delayMs: 0 };
  // Somebody may have killed it: only a second death right after the start says something about the start.
  if (wasReady && failures === 0) return { failures: 1, delayMs: 0 };
  return { failures: failures + 1, delayMs: Math.min(BACK_OFF_MIN_MS * 2 ** failures, BACK_OFF_MAX_MS) };
}

/** Will there be a ready worker soon, as far as one can tell? Then requests wait for it; else they are refused. */
export function isStarting(workers: readonly WorkerState[], nowMs: number): boolean {
  return workers.some((worker) => worker.kind === "starting" || (worker.kind === "down" && worker.untilMs <= nowMs));
}
