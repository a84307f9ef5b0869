/**
 * Where a loop's wires receive. What came belongs to whoever gets it: a little is copied out of the buffer, much is given away with
 * the buffer, in whose place a new one comes. So nobody's few bytes keep a large buffer alive.
 */
import { ptr } from "../os/libc.ts";

/** Taken with one call at most (nginx: client_body_buffer_size 16k, proxy_buffer_size 8k; Bun: 512 KiB). */
const CAPACITY_BYTES = 64 * 1024;

/** Given away from this on: at least half of what is kept alive is then in use. */
const GIVEN_BYTES_MIN = CAPACITY_BYTES / 2;

export class ReceiveBuffer {
  readonly capacity = CAPACITY_BYTES;
  private bytes = makeBuffer();
  private at: number = ptr(this.bytes);

  /** For the kernel; holds until the next `take`. */
  get address(): number {
    return this.at;
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
    this.at = ptr(this.bytes);
    return taken;
  }
}

/** Over memory of its own, whose place never changes. */
function makeBuffer(): Buffer {
  return Buffer.from(new ArrayBuffer(CAPACITY_BYTES));
}
