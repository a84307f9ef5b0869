/**
 * What is still to be written on a wire: bytes that the kernel had no room for, in order. It copies nothing: whoever
 * gives bytes leaves them untouched until `empty` is true again.
 */
import type { Wire } from "./wire.ts";

export class Outbox {
  private readonly queue: Uint8Array[] = [];
  private offset = 0;
  /** Did the wire refuse what was offered? Whoever offered it waits, though nothing is kept here. */
  private refused = false;
  /** Bytes waiting. */
  pending = 0;
  /** Bytes the wire has taken; its owner may set it back. */
  taken = 0;
  /** Bytes of the next write that were sent before it (writeAhead). */
  private ahead = 0;

  private readonly wire: Wire;
  constructor(wire: Wire) {
    this.wire = wire;
  }

  get empty(): boolean {
    return this.pending === 0 && !this.refused;
  }

  /** Writes now what goes, keeps the rest. True when all of it went. */
  write(bytes: Uint8Array, offset = 0, length = bytes.length): boolean {
    if (length === 0) return this.pending === 0;
    if (this.ahead > 0) return this.write(bytes, offset + this.ahead, length - this.leaveOut());
    let taken = 0;
    if (this.pending === 0) taken = this.wire.write(bytes, offset, length);
    this.taken += taken;
    if (taken === length) return true;
    this.queue.push(bytes.subarray(offset + taken, offset + length));
    this.pending += length - taken;
    return false;
  }

  /** The same for a buffer that is used again at once: what the kernel does not take is copied. */
  writeCopying(bytes: Uint8Array, length: number, offset = 0): boolean {
    if (this.ahead > 0) return this.writeCopying(bytes, length - this.ahead, offset + this.leaveOut());
    let taken = 0;
    if (this.pending === 0) taken = this.wire.write(bytes, offset, length);
    this.taken += taken;
    if (taken === length) return true;
    this.queue.push(Uint8Array.prototype.slice.call(bytes, offset + taken, offset + length));
    this.pending += length - taken;
    return false;
  }

  /** Writes what goes now and keeps nothing: how many bytes that was. After fewer than all, `flush` says when to go on. Not
   *  for the beginning of a reply. */
  offer(bytes: Uint8Array, offset: number, length: number): number {
    if (this.pending > 0) return 0;
    const taken = this.wire.write(bytes, offset, length);
    this.taken += taken;
    this.refused = taken < length;
    return taken;
  }

  /** Sends the first bytes of what is written next, which will leave them out. */
  writeAhead(bytes: Uint8Array): void {
    if (this.pending === 0 && this.ahead === 0) this.ahead = this.wire.write(bytes, 0, bytes.length);
  }

  private leaveOut(): number {
    const { ahead } = this;
    this.ahead = 0;
    return ahead;
  }

  /** To be called when the wire has room. True when nothing is left. */
  flush(): boolean {
    this.refused = false;
    while (this.queue.length > 0) {
      const first = this.queue[0] as Uint8Array;
      const length = first.length - this.offset;
      const taken = this.wire.write(first, this.offset, length);
      this.pending -= taken;
      this.taken += taken;
      if (taken < length) {
        this.offset += taken;
        return false;
      }
      this.offset = 0;
      this.queue.shift();
    }
    return true;
  }

  clear(): void {
    // To set the length of an empty array is a call into the engine, and most are.
    if (this.queue.length > 0) this.queue.length = 0;
    this.offset = 0;
    this.pending = 0;
    this.refused = false;
  }
}
