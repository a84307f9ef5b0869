/**
 * What watches over workers may do to them: see which live and what they run, and end one with a stated cause. The
 * supervisor does it and starts the replacement; request-timeout.ts and the memory limits ask for it.
 */
import type { Running } from "./scoreboard.ts";

export interface LiveWorker {
  /** From 1. */
  readonly number: number;
  readonly pid: number;
  /** It takes no new requests; what runs in it may still be watched. */
  readonly isLeaving: boolean;
  /** Slots of the scoreboard, one for each thread. */
  readonly slots: readonly number[];
  /** By thread: undefined when idle. */
  readonly running: readonly (RunningRequest | undefined)[];
}

export interface RunningRequest extends Running {
  readonly runningMs: number;
}

export interface WorkerEnd {
  /** For the log and the status, behind "worker 2 (pid 17) ": `request_timeout: GET /report ran 30 s`. */
  readonly cause: string;
  /** How long the other threads may take to finish what they have. Then SIGTERM, 2 s later SIGKILL, both to its process
   *  group. 0: SIGKILL at once. */
  readonly graceMs: number;
}

export interface WorkerControl {
  /** Workers that are ready or about to leave. */
  living(): LiveWorker[];
  /** It takes no new requests, its replacement starts at once. A second call can only shorten the grace.
   *  False: there is no such worker (any more). */
  endWorker(pid: number, end: WorkerEnd): boolean;
}
