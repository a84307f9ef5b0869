/**
 * Workers that were stopped from outside (SIGSTOP, SIGTSTP, a debugger that went away). One that has begun a request is
 * request_timeout's business; one that is idle is harmless while others take what comes. Only when requests wait all the
 * same is it in the way. They may even wait in it: a thread that sleeps on the queue when its process is stopped still
 * takes what lies there by the time it gets the processor, and stops with it.
 */
import { processState } from "../os/process-state.ts";
import { LONG_WAIT_MS } from "./demand.ts";
import type { Worker } from "./pool.ts";

/** `oldestMs`: how long a request waits that no thread has begun. */
export function stoppedWorkers(workers: readonly Worker[], oldestMs: number): Worker[] {
  if (oldestMs < LONG_WAIT_MS) return [];
  const serving = workers.filter(({ state }) => state.kind === "ready" || state.kind === "finishing");
  // A stop is of all its threads.
  return serving.filter((worker) => processState(worker.process.pid)?.letter === "T");
}
