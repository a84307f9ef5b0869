/**
 * Response heads that came lately, by their bytes: what HeadMemo is for requests. Pages differ, but what polls, checks and
 * small interfaces are answered with repeats itself within the second of its Date. Only a head that was found faultless is
 * kept, and a HEAD is never answered from here, so that nothing is decided. Heads are immutable: one object serves any
 * number of responses.
 *
 * A fixed table, with the bytes in one piece of memory: to keep a head leaves nothing to be collected.
 */
import type { ResponseHead } from "./response-head.ts";

/** Larger heads set cookies and policies, and seldom repeat. */
const BYTES_MAX = 1024;
/** A power of two; the bytes of the heads are 128 KiB. */
const SLOTS = 128;

export class ResponseMemo {
  private bytes: Buffer | undefined = undefined;
  private readonly lengths = new Int32Array(SLOTS);
  private readonly heads: (ResponseHead | undefined)[] = Array.from({ length: SLOTS }, () => undefined);

  /** The head that `bytes[start, start + length)`, a whole one, was before; undefined when it is not known. */
  find(bytes: Buffer, start: number, length: number): ResponseHead | undefined {
    if (this.bytes === undefined || length > BYTES_MAX) return undefined;
    const slot = slotOf(bytes, start, length);
    if (this.lengths[slot] !== length) return undefined;
    const at = slot * BYTES_MAX;
    if (bytes.compare(this.bytes, at, at + length, start, start + length) !== 0) return undefined;
    const head = this.heads[slot];
    if (head !== undefined) head.repeats = true;
    return head;
  }

  keep(bytes: Buffer, start: number, length: number, head: ResponseHead): void {
    if (length > BYTES_MAX) return;
    const slot = slotOf(bytes, start, length);
    this.bytes ??= Buffer.allocUnsafeSlow(SLOTS * BYTES_MAX);
    bytes.copy(this.bytes, slot * BYTES_MAX, start, start + length);
    this.lengths[slot] = length;
    this.heads[slot] = head;
  }
}

/** Heads of one server differ in length and in a few digits: of the status, the length and whatever stands at the end. */
function slotOf(bytes: Buffer, start: number, length: number): number {
  const byte = (at: number) => bytes[start + at] ?? 0;
  return (length * 31 + byte(11) * 7 + byte(length - 5) * 13 + byte(length - 6) * 5 + byte(length >> 1)) & (SLOTS - 1);
}
