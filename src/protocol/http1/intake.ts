/**
 * The bytes that came and are not yet consumed: `bytes[start, end)`. Takes over what it is given while it holds nothing
 * (the usual case: no copy), and otherwise gathers in a buffer of its own that doubles, so that a head which comes byte by
 * byte costs each byte a bounded number of copies.
 */
import { asBuffer, EMPTY, viewOf } from "../../base/bytes.ts";

/** Smallest buffer to gather in: most heads that come in pieces fit. */
const GATHER_BYTES_MIN = 1024;

export class Intake {
  bytes: Buffer = EMPTY;
  start = 0;
  end = 0;
  /** Is the room behind `end` in `bytes` ours to fill? */
  private gathering = false;

  get length(): number {
    return this.end - this.start;
  }

  append(more: Uint8Array): void {
    if (more.length === 0) return;
    if (this.start === this.end) {
      this.bytes = asBuffer(more);
      this.start = 0;
      this.end = more.length;
      this.gathering = false;
      return;
    }
    if (!this.gathering || this.bytes.length - this.end < more.length) this.gather(more.length);
    this.bytes.set(more, this.end);
    this.end += more.length;
  }

  /** Moves what is held to a buffer with room for as much again. */
  private gather(more: number): void {
    const { length } = this;
    const roomy = Buffer.allocUnsafe(Math.max(GATHER_BYTES_MIN, 2 * (length + more)));
    roomy.set(this.bytes.subarray(this.start, this.end), 0);
    this.bytes = roomy;
    this.start = 0;
    this.end = length;
    this.gathering = true;
  }

  /** What is held was only lent: the rest of it is copied. */
  own(): void {
    if (this.start !== this.end && !this.gathering) this.gather(0);
  }

  /** Consumes `count` bytes; lets go of the memory with the last. */
  skip(count: number): void {
    this.start += count;
    if (this.start === this.end) this.clear();
  }

  /** Consumes and returns the first `count` bytes, without a copy. */
  take(count: number): Uint8Array {
    const { bytes, start } = this;
    const taken = start === 0 && count === bytes.length ? bytes : viewOf(bytes, start, start + count);
    this.skip(count);
    return taken;
  }

  clear(): void {
    this.bytes = EMPTY;
    this.start = 0;
    this.end = 0;
    this.gathering = false;
  }
}
