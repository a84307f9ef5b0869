/**
 * Workers that died, as a front sees it: first what they still said is read, then the requests that they ran are given up.
 * A stream that a slow client holds cannot be read to its end yet, so its worker is waited for.
 */
import type { AppStream } from "./stream.ts";

/** A dead worker's streams end at once, unless a process that it forked holds them. */
const LOST_STREAM_MS = 1000;

export interface LostWorker {
  readonly worker: number;
  readonly generation: number;
  /** Ids of the requests of this front that it ran. */
  readonly running: readonly number[];
  /** Those that it had taken and not begun. */
  readonly untouched: readonly number[];
}

export class LostWorkers {
  private readonly workers = new Set<LostWorker>();
  private readonly streams: ReadonlySet<AppStream>;
  private readonly gaveUp: (worker: LostWorker) => void;

  /** `streams`: those that are open. `gaveUp`: nothing more will come from it. */
  constructor(streams: ReadonlySet<AppStream>, gaveUp: (worker: LostWorker) => void) {
    this.streams = streams;
    this.gaveUp = gaveUp;
  }

  /** Is one of them still being read? */
  get pending(): boolean {
    return this.workers.size > 0;
  }

  add(worker: LostWorker): void {
    this.workers.add(worker);
    this.settle(worker);
    if (this.workers.has(worker)) setTimeout(() => this.close(worker), LOST_STREAM_MS);
  }

  /** To be called when a stream has closed. */
  settleAll(): void {
    for (const worker of this.workers) this.settle(worker);
  }

  private streamsOf({ worker, generation }: LostWorker): AppStream[] {
    return [...this.streams].filter((stream) => stream.worker === worker && stream.generation === generation);
  }

  private settle(worker: LostWorker): void {
    if (this.streamsOf(worker).length > 0) return;
    this.workers.delete(worker);
    this.gaveUp(worker);
  }

  private close(worker: LostWorker): void {
    const left = this.streamsOf(worker);
    for (const stream of left) if (!stream.isPaused) stream.close();
    if (left.some((stream) => stream.isPaused)) setTimeout(() => this.close(worker), LOST_STREAM_MS);
  }
}
