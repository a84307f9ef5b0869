/**
 * Looking for changes of files by asking again and again: unlike notifications that works on every file system, over bind
 * mounts and for editors that replace files. How often is bound to what a look costs, so that a big tree never takes more
 * than a twentieth of a core.
 */
import { firstChange, type Snapshot } from "./snapshot.ts";

/** How often it is looked, at most. A person saves and then reaches for the browser. */
const LOOK_MS = 500;
/** A look takes at most this part of the time. */
const SHARE = 1 / 20;
/** Programs write several files, and a file in several steps: this long nothing may change before it counts. */
const QUIET_MS = 200;

export interface WatchOptions {
  readonly look: () => Snapshot;
  /** `path`: the first that changed. While its promise is pending nobody looks. */
  readonly changed: (path: string) => Promise<unknown>;
}

export class Watch {
  private readonly options: WatchOptions;
  private known: Snapshot;
  private timer: Timer | undefined;
  private isStopped = false;

  /** What is there now is what changes are compared with. */
  constructor(options: WatchOptions) {
    this.options = options;
    this.known = options.look();
  }

  start(): void {
    this.wait(LOOK_MS);
  }

  private wait(ms: number): void {
    if (!this.isStopped) this.timer = setTimeout(() => void this.look(), ms);
  }

  private async look(): Promise<void> {
    const began = performance.now();
    const now = this.options.look();
    const cost = performance.now() - began;
    const path = firstChange(this.known, now);
    if (path !== undefined) await this.settle(now, path);
    this.wait(Math.max(LOOK_MS, cost / SHARE));
  }

  private async settle(first: Snapshot, path: string): Promise<void> {
    let before = first;
    for (;;) {
      await Bun.sleep(QUIET_MS);
      const now = this.options.look();
      if (firstChange(before, now) === undefined) break;
      before = now;
    }
    this.known = before;
    if (!this.isStopped) await this.options.changed(path);
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }
}
