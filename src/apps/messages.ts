/**
 * What the master tells a front thread about an app. Plain data: it is posted between threads as it is. Descriptors are
 * numbers, since threads share them; whoever connects one closes it.
 */
import type { LostWorker } from "./lost-workers.ts";

export type AppMessage =
  /** One end of the stream to a Python thread; `generation` counts the processes that were ever spawned. */
  | {
      readonly kind: "stream";
      readonly worker: number;
      readonly generation: number;
      readonly thread: number;
      readonly fd: number;
    }
  /** Where a worker's descriptors of files come (file-inbox.ts); before its streams. */
  | { readonly kind: "files"; readonly worker: number; readonly generation: number; readonly fd: number }
  /** A worker has exited. */
  | ({ readonly kind: "lost" } & LostWorker)
  /** How many Python threads are ready, of all workers. `starting`: when none is, will one be soon? Then requests wait. */
  | { readonly kind: "availability"; readonly threads: number; readonly starting: boolean }
  /** The queue was shut down by a worker: this is the sending end of another, the front's to close. */
  | { readonly kind: "queue"; readonly fd: number }
  /** The first. The scoreboard of the app: which requests are being run. `demand`: where the front says what it holds
   *  (demand.ts). `epoch`: which front thread of its number it is; its requests bear it, and its streams. */
  | { readonly kind: "scoreboard"; readonly fd: number; readonly demand: SharedArrayBuffer; readonly epoch: number };

/** The descriptor in a message that nobody takes: it is to be closed. */
export function descriptorIn(message: AppMessage): number | undefined {
  return "fd" in message ? message.fd : undefined;
}
