/**
 * What is still to be written on a wire: bytes that the kernel had no room for, in order. It copies nothing: whoever
 * gives bytes leaves them untouched until `empty` is true again.
 */
import { gather, gatherBoth, type Gathered, gathered } from "./gathering.ts";
import type { Sendable } from "../os/sendable.ts";
import type { Wire } from "./wire.ts";

export class Outbox implements Gathered {
  private readonly queue: Uint8Array[] = [];
  private offset = 0;
  /** Did the wire refuse what was offered? Whoever offered it waits, though nothing is kept here. */
  private refused = false;
  /** Bytes waiting. */
  pending = 0;
  /** Bytes the wire has taken. */
  taken = 0;
  /** Bytes of the next write that were sent before it (writeAhead). */
  private ahead = 0;
  /** Bytes that are sent when the events of this turn are dealt with, and where they wait. */
  private soon = 0;
  private soonAt = 0;

  private readonly wire: Wire;
  constructor(wire: Wire) {
    this.wire = wire;
  }

  /** What is to be sent soon does not count. */
  get empty(): boolean {
    return this.pending === 0 && !this.refused;
  }

  /** Bytes that the wire has taken, or will be given soon. */
  get given(): number {
    return this.taken + this.soon;
  }

  /** `taken` and `given` are counted from now on, for what is written from now on. */
  beginCount(): void {
    this.taken = 0 - this.soon;
  }

  /** Has all of it gone? To be asked before the wire is closed or shut down: what was to be sent soon is sent now. */
  get sent(): boolean {
    this.sendSoon();
    return this.empty;
  }

  /** Writes now what goes, keeps the rest. True when all of it went. `more` as for Wire.write. */
  write(bytes: Uint8Array, offset = 0, length = bytes.length, more = false): boolean {
    this.sendSoon();
    if (length === 0) return this.pending === 0;
    if (this.ahead > 0) return this.write(bytes, offset + this.ahead, length - this.leaveOut(), more);
    let taken = 0;
    if (this.pending === 0) taken = this.wire.write(bytes, offset, length, more);
    this.taken += taken;
    if (taken === length) return true;
    this.queue.push(bytes.subarray(offset + taken, offset + length));
    this.pending += length - taken;
    return false;
  }

  /** The same for a buffer that is used again at once: what the kernel does not take is copied. `more` as for Wire.write. */
  writeCopying(bytes: Uint8Array, length: number, offset = 0, more = false): boolean {
    this.sendSoon();
    if (this.ahead > 0) return this.writeCopying(bytes, length - this.ahead, offset + this.leaveOut(), more);
    let taken = 0;
    if (this.pending === 0) taken = this.wire.write(bytes, offset, length, more);
    this.taken += taken;
    if (taken === length) return true;
    this.queue.push(Uint8Array.prototype.slice.call(bytes, offset + taken, offset + length));
    this.pending += length - taken;
    return false;
  }

  /** Does the wire take bytes with others around them with one call (writeBetween)? */
  get writesBetween(): boolean {
    return this.wire.writeBetween !== undefined;
  }

  /** As write of the three one behind the other, with one call; of `lent` bytes, what the kernel does not take is copied. Not for the
   *  beginning of a reply. */
  writeBetween(before: Uint8Array, bytes: Uint8Array, after: Uint8Array, lent: boolean): boolean {
    this.sendSoon();
    let taken = 0;
    if (this.pending === 0) taken = this.wire.writeBetween?.(before, bytes, after) ?? 0;
    this.taken += taken;
    let skipped = taken;
    for (const part of [before, bytes, after]) {
      const from = Math.min(skipped, part.length);
      skipped -= from;
      if (from === part.length) continue;
      this.queue.push(lent && part === bytes ? Uint8Array.prototype.slice.call(part, from) : part.subarray(from));
      this.pending += part.length - from;
    }
    return this.pending === 0;
  }

  /** As writeCopying, for who need not know at once whether all of it went: it may be sent when the events that have come are
   *  dealt with (gathering.ts). What the wire does not take then is waiting, as if it had just been written. */
  writeSoon(bytes: Uint8Array, length: number, offset = 0): boolean {
    this.sendSoon();
    const at = this.pending > 0 || this.ahead > 0 ? -1 : gather(this, bytes, offset, length);
    if (at === -1) return this.writeCopying(bytes, length, offset);
    this.soonAt = at;
    this.soon = length;
    return true;
  }

  /** As writeSoon, of two that follow each other. False: it cannot be soon, and nothing was done. */
  joinSoon(first: Uint8Array, second: Uint8Array): boolean {
    this.sendSoon();
    const at = this.pending > 0 || this.ahead > 0 ? -1 : gatherBoth(this, first, second);
    if (at === -1) return false;
    this.soonAt = at;
    this.soon = first.length + second.length;
    return true;
  }

  sendSoon(): void {
    const { soon } = this;
    if (soon === 0) return;
    this.soon = 0;
    this.writeCopying(gathered, soon, this.soonAt);
  }

  /** Writes what goes now and keeps nothing: how many bytes that was. After fewer than all, `flush` says when to go on. Not
   *  for the beginning of a reply. */
  offer(bytes: Uint8Array, offset: number, length: number): number {
    this.sendSoon();
    if (this.pending > 0) return 0;
    const taken = this.wire.write(bytes, offset, length);
    this.taken += taken;
    this.refused = taken < length;
    return taken;
  }

  /** Does the wire take what the kernel sends by itself (offerFrom)? */
  get takesFiles(): boolean {
    return this.wire.writeFrom !== undefined;
  }

  /** As offer, of what the kernel sends by itself (Wire.writeFrom). */
  offerFrom(source: Sendable, offset: number, length: number): number {
    this.sendSoon();
    if (this.pending > 0) return 0;
    const taken = this.wire.writeFrom?.(source, offset, length) ?? 0;
    this.taken += taken;
    this.refused = taken < length;
    return taken;
  }

  /** Can the wire be lent (Wire.loan)? */
  get lends(): boolean {
    return this.wire.loan !== undefined;
  }

  /** Lends the wire, if nothing waits for it: until it is taken back nothing may be written here. */
  loan(to: (descriptor: number) => boolean): boolean {
    return this.sent && this.wire.loan?.(to) === true;
  }

  /** Of `written` bytes that were written there the account is kept here; the rest is written. As write. */
  takeBack(rest: Uint8Array, written: number): boolean {
    this.taken += written;
    return this.write(rest);
  }

  /** The wire was closed while it was lent: what was written there is counted. How much that was. */
  countLoan(): number {
    const written = this.wire.writtenSinceLoan ?? 0;
    this.taken += written;
    return written;
  }

  /** Of what the wire has taken (Wire.unreadByPeer). */
  get unread(): number | undefined {
    return this.wire.unreadByPeer;
  }

  /** Sends the first bytes of what is written next, which will leave them out. */
  writeAhead(bytes: Uint8Array): void {
    this.sendSoon();
    if (this.pending === 0 && this.ahead === 0) this.ahead = this.wire.write(bytes, 0, bytes.length);
  }

  private leaveOut(): number {
    const { ahead } = this;
    this.ahead = 0;
    return ahead;
  }

  /** To be called when the wire has room. True when nothing is left. */
  flush(): boolean {
    this.sendSoon();
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
    this.soon = 0;
    // To set the length of an empty array is a call into the engine, and most are.
    if (this.queue.length > 0) this.queue.length = 0;
    this.offset = 0;
    this.pending = 0;
    this.refused = false;
  }
}
