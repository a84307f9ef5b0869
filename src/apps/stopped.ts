/**
 * Workers that were stopped from outside (SIGSTOP, SIGTSTP, a debugger that went away) while their threads were idle. One
 * that has a request is request_timeout's business; one that has none is harmless while others take what comes. Only
 * when requests wait all the same is it in the way.
 */
import { readFileSync } from "node:fs";
import { LONG_WAIT_MS } from "./demand.ts";
import type { Worker } from "./pool.ts";

/** `oldestMs`: how long a request waits that no thread has taken. */
export function stoppedWorkers(ready: readonly Worker[], oldestMs: number): Worker[] {
  return oldestMs < LONG_WAIT_MS ? [] : ready.filter((worker) => isStopped(worker.process.pid));
}

/** By the state of the process, behind its name in parentheses (proc(5)). A stop is of all its threads. */
function isStopped(pid: number): boolean {
  try {
    return /\) T [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}
