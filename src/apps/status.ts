/** What an app says of itself: where it stands, its workers, their threads. */
import type { WorkerState } from "./policy.ts";

export interface WorkerStatus {
  readonly pid: number | undefined;
  readonly state: WorkerState["kind"];
  readonly failures: number;
  readonly threads: readonly {
    readonly handled: number;
    /** Of the request at hand; undefined when idle. */
    readonly runningMs: number | undefined;
  }[];
}

export interface AppStatus {
  readonly name: string;
  readonly phase: Phase;
  readonly workers: readonly WorkerStatus[];
}

export type Phase = "new" | "starting" | "running" | "stopping" | "stopped";
