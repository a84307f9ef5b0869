/**
 * Who may ask the C library for a name now: one at a time in all fronts, since whoever does holds a thread of the runtime's pool until the
 * name servers have answered (net/resolve.ts), and there may be two. Who comes later comes again with the next sweep.
 */
import { hash32 } from "../base/hash.ts";
import type { CountSketch } from "../exchange/count-sketch.ts";

const KEY = hash32("\0lookups");

/** Of this front: somebody asks. */
let isTaken = false;

export class LookupTurns {
  private readonly counts: CountSketch | undefined;

  /** `counts`: of all fronts, undefined when there are no others. */
  constructor(counts?: CountSketch) {
    this.counts = counts;
  }

  /** True: it is the caller's turn until `give`. Of two fronts that ask at one moment neither may get it. */
  take(): boolean {
    if (isTaken) return false;
    this.counts?.add(KEY, 1);
    isTaken = this.counts === undefined || this.counts.of(KEY) === 1;
    if (!isTaken) this.counts?.add(KEY, -1);
    return isTaken;
  }

  give(): void {
    isTaken = false;
    this.counts?.add(KEY, -1);
  }
}
