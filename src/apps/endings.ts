/**
 * How a worker is brought to its end: told to finish, then SIGTERM, then SIGKILL. Each step says in its state until when
 * the next may wait; policy.ts watches over that.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { isLeaving, type Worker } from "./pool.ts";

/** For the requests of a worker that is replaced. uWSGI: worker-reload-mercy, 60 s. */
export const DRAIN_TIMEOUT_MS = 60_000;
/** Between SIGTERM and SIGKILL. */
const TERM_MS = 2_000;

/** Without a process id: it was never forked. */
export function nameOf({ seat, process: { pid } }: Worker): string {
  return pid === 0 ? `worker ${seat + 1}` : `worker ${seat + 1} (pid ${pid})`;
}

/** It finishes what it has, for so long. One that serves nobody yet just ends; of one that leaves already the time can
 *  only get shorter. */
export function retire(worker: Worker, why: string, graceMs: number, log: Log): void {
  const { state } = worker;
  if (isLeaving(worker)) return hasten(worker, graceMs);
  worker.leaving = why;
  if (state.kind === "starting" || graceMs === 0) return kill(worker);
  const now = monotonicMs();
  worker.state = { kind: "finishing", sinceMs: now, untilMs: now + graceMs };
  worker.process.finish();
  log.info(`${nameOf(worker)} finishes: ${why}`);
}

function hasten(worker: Worker, graceMs: number): void {
  if (graceMs === 0) return kill(worker);
  const { state } = worker;
  const untilMs = monotonicMs() + graceMs;
  if (state.kind === "finishing" && untilMs < state.untilMs) worker.state = { ...state, untilMs };
}

/** As `retire`, for the end of the app: a packet in the queue tells it, behind the requests, since nobody comes after. */
export function dismiss(worker: Worker, graceMs: number): void {
  const { state } = worker;
  if (isLeaving(worker)) return hasten(worker, Math.max(1, graceMs));
  worker.leaving = "stop";
  if (state.kind === "starting") return kill(worker);
  const now = monotonicMs();
  worker.state = { kind: "finishing", sinceMs: now, untilMs: now + graceMs };
  worker.process.stop();
}

export function terminate(worker: Worker): void {
  const now = monotonicMs();
  worker.state = { kind: "terminated", sinceMs: now, untilMs: now + TERM_MS };
  worker.process.kill("SIGTERM");
}

export function kill(worker: Worker): void {
  worker.state = { kind: "killed", sinceMs: monotonicMs() };
  worker.process.kill("SIGKILL");
}

/** It is as good as not started: nobody has told it to go, so the next start waits. */
export function giveUp(worker: Worker, why: string): void {
  worker.traceback = why;
  kill(worker);
}

export function overdueText(startTimeoutMs: number): string {
  return `not ready ${Math.round(startTimeoutMs / 1000)} s after its start (start_timeout)`;
}
