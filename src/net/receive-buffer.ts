/**
 * Where a loop's wires receive. What came belongs to whoever gets it: a little is copied out of the buffer, much is given away with
 * the buffer, in whose place a new one comes. So nobody's few bytes keep a large buffer alive.
 */
import { ptr } from "../os/libc.ts";

/** Taken with one call at most, of a wire that is known to bring much (nginx: all its proxy_buffers, 64 KiB in all; Bun: 512 KiB).
 *  Measured, replies of 1 MiB through an upstream, requests/s and µs of processor time each: 64 KiB 1375 and 606, 256 KiB 2090 and 384,
 *  512 KiB 2049 and 394, 1 MiB 1663 and 471. */
const CAPACITY_BYTES = 256 * 1024;

/** Taken with one call of any other: what is not passed on at once is held, for each wire. */
export const USUAL_BYTES = 64 * 1024;

/** Views of what is lent are kept up to this length: requests that repeat have the same. */
const VIEWS_BYTES_MAX = 2048;

/** Given away from this on: at least half of what is kept alive is then in use. */
const GIVEN_BYTES_MIN = CAPACITY_BYTES / 2;

export class ReceiveBuffer {
  readonly capacity = CAPACITY_BYTES;
  private bytes = makeBuffer();
  private at: number = ptr(this.bytes);
  private views: (Buffer | undefined)[] = [];

  /** For the kernel; holds until the next `take`. */
  get address(): number {
    return this.at;
  }

  /** The first `count` bytes, until the next call. */
  lend(count: number): Buffer {
    if (count > VIEWS_BYTES_MAX) return this.bytes.subarray(0, count);
    return (this.views[count] ??= this.bytes.subarray(0, count));
  }

  /** The first `count` bytes. */
  take(count: number): Buffer {
    if (count >= GIVEN_BYTES_MIN) return this.give(count);
    const taken = Buffer.allocUnsafe(count);
    this.bytes.copy(taken, 0, 0, count);
    return taken;
  }

  private give(count: number): Buffer {
    const taken = this.bytes.subarray(0, count);
    this.bytes = makeBuffer();
    this.views = [];
    this.at = ptr(this.bytes);
    return taken;
  }
}

/** Of memory that is its own, whose place never changes, and that nobody need clear. */
function makeBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(CAPACITY_BYTES);
}
