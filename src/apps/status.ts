/**
 * What an app says of itself, and what may be asked of it from outside the room: `server status`, `server reload`, a file
 * that changed, `uwsgi.reload()`. Plain data, ready for JSON; durations are milliseconds until now.
 */
import type { BusyThread } from "./busy-threads.ts";
import type { WorkerState } from "./policy.ts";

/** An app as the master's commands see it; AppSupervisor is one. */
export interface AppControl {
  readonly name: string;
  status(): AppStatus;
  /** Brings new code in: workers that import it anew take the place of all that run. `reason` is for the log: "HUP",
   *  "mysite/views.py changed". While one reload runs, the next waits for it; those that come meanwhile share that next
   *  one. Never rejects. It resolves when no request goes to the old code any more; the requests that the old workers
   *  still work on may take until drain_timeout. */
  reload(reason: string): Promise<ReloadResult>;
  /** Of the worker that is this process. Undefined: there is none, or it does not say. */
  busyThreads(pid: number): Promise<readonly BusyThread[] | undefined>;
}

export type ReloadResult =
  /** `replaced`: new workers that are ready; 0 when none was running and none is wanted. */
  | { readonly ok: true; readonly replaced: number }
  /** The new code could not be imported. With `replaced` 0 everything is as before; otherwise a first worker could
   *  import it and a later one could not: the rest is tried again with pauses, while the old ones serve. */
  | { readonly ok: false; readonly replaced: number; readonly traceback: string };

export interface AppStatus {
  readonly name: string;
  readonly phase: Phase;
  /** Of the code: 1 at the start, one more with each reload. */
  readonly generation: number;
  readonly processes: { readonly min: number; readonly max: number; readonly desired: number; readonly ready: number };
  /** By number; an old and a new worker of the same number stand side by side, the old one first. */
  readonly workers: readonly WorkerStatus[];
  /** Processes that have ended, by cause; see exit-causes.ts. */
  readonly exits: Readonly<Record<string, number>>;
  readonly queue: QueueStatus;
  /** Set while starts fail; of the start that failed last. */
  readonly crashLoop: CrashLoop | undefined;
  /** Why the last reload failed; until one succeeds. */
  readonly reloadFailure: string | undefined;
}

export type Phase = "new" | "starting" | "running" | "stopping" | "stopped";

export interface WorkerStatus {
  /** From 1 to `max`; a replacement has the number of the worker that it replaces. */
  readonly number: number;
  readonly generation: number;
  /** Undefined while it is down. */
  readonly pid: number | undefined;
  readonly state: WorkerState["kind"] | "down";
  /** For how long it has been in that state. Of `down`: until the next start. */
  readonly stateMs: number;
  /** Why it is about to leave: `max_rss`, `reload`, `request_timeout`… */
  readonly leaving: string | undefined;
  /** Requests answered. */
  readonly handled: number;
  /** Undefined when there is no process, or it cannot be read. */
  readonly rssBytes: number | undefined;
  readonly threads: readonly ThreadStatus[];
  /** Starts in a row that came to nothing. */
  readonly failures: number;
  /** How the last process of this number ended when that was not asked for. */
  readonly lastExit: string | undefined;
}

export interface ThreadStatus {
  readonly handled: number;
  /** Of the request at hand; undefined when idle. */
  readonly runningMs: number | undefined;
  /** Which: the number of its front thread, and its id there. */
  readonly request: { readonly front: number; readonly id: number } | undefined;
  /** Its method and target: `GET /report?year=2026`. */
  readonly what: string | undefined;
}

export interface QueueStatus {
  /** Requests that no Python thread has taken yet, of all fronts. */
  readonly depth: number;
  /** How long the oldest of them has waited; to within half a second. */
  readonly oldestMs: number;
  /** Ever answered 503: no worker was there, the queue was full, or queue_timeout was over. */
  readonly refused: number;
}

export interface CrashLoop {
  /** Starts in a row that failed. */
  readonly failures: number;
  /** Until the next start. */
  readonly nextStartMs: number;
  /** `exited with code 1`, `was killed by SIGSEGV`, `was killed by SIGKILL (out of memory)`. */
  readonly cause: string;
  /** Or the last lines that it printed; empty when it said nothing. */
  readonly traceback: string;
}
