/**
 * What the fronts tell each other of a server that takes a bounded number of requests at a time (`max_conns`): how many it
 * has from all of them, and in how many of them somebody waits for it. In the shared memory of exchange/count-sketch.ts.
 *
 * Another front may begin a request at this very moment, so that a bound can be passed by one for each front but the first.
 */
import { hash32 } from "../base/hash.ts";
import type { CountSketch } from "../exchange/count-sketch.ts";

export class Occupancy {
  private readonly counts: CountSketch;
  private readonly upstream: string;
  private readonly waitingKey: number;
  private waits = false;

  constructor(counts: CountSketch, upstream: string) {
    this.counts = counts;
    this.upstream = upstream;
    this.waitingKey = hash32(`${upstream}\0waiting`);
  }

  /** What `of` and `add` know that server by. */
  keyOf(server: string): number {
    return hash32(`${this.upstream}\0${server}`);
  }

  /** Requests that it has, of all fronts. */
  of(key: number): number {
    return this.counts.of(key);
  }

  add(key: number, change: 1 | -1): void {
    this.counts.add(key, change);
  }

  /** Does anybody wait here? */
  set waiting(waits: boolean) {
    if (waits === this.waits) return;
    this.waits = waits;
    this.counts.add(this.waitingKey, waits ? 1 : -1);
  }

  get othersWait(): boolean {
    return this.counts.of(this.waitingKey) > (this.waits ? 1 : 0);
  }
}
