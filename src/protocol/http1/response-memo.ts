/**
 * Response heads that came lately, by their bytes: what HeadMemo is for requests. Pages differ, but what polls, checks and
 * small interfaces are answered with repeats itself within the second of its Date. Only a head that was found faultless is
 * kept, and a HEAD is never answered from here, so that nothing is decided. Heads are immutable: one object serves any
 * number of responses.
 *
 * A fixed table: nothing grows.
 */
import { byteAt, viewOf } from "../../base/bytes.ts";
import type { ResponseHead } from "./response-head.ts";

/** Larger heads set cookies and policies, and seldom repeat. */
const BYTES_MAX = 1024;
/** A power of two; the bytes of the heads are 128 KiB at most. */
const SLOTS = 128;

export class ResponseMemo {
  private readonly bytes: (Buffer | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  private readonly heads: (ResponseHead | undefined)[] = Array.from({ length: SLOTS }, () => undefined);

  /** The head that `bytes[start, start + length)`, a whole one, was before; undefined when it is not known. */
  find(bytes: Buffer, start: number, length: number): ResponseHead | undefined {
    if (length > BYTES_MAX) return undefined;
    const slot = slotOf(bytes, start, length);
    const held = this.bytes[slot];
    if (held === undefined || held.length !== length) return undefined;
    // Of a view that is there already this costs a fifth of what Buffer.compare with its places costs.
    if (!held.equals(viewOf(bytes, start, start + length))) return undefined;
    const head = this.heads[slot];
    if (head !== undefined) head.repeats = true;
    return head;
  }

  keep(bytes: Buffer, start: number, length: number, head: ResponseHead): void {
    if (length > BYTES_MAX) return;
    const slot = slotOf(bytes, start, length);
    let held = this.bytes[slot];
    if (held === undefined || held.length !== length) this.bytes[slot] = held = Buffer.allocUnsafe(length);
    bytes.copy(held, 0, start, start + length);
    this.heads[slot] = head;
  }
}

/** Heads of one server differ in length and in a few digits: of the status, the length and whatever stands at the end. */
function slotOf(bytes: Buffer, start: number, length: number): number {
  const end = start + length;
  const some = byteAt(bytes, start + 11) * 7 + byteAt(bytes, end - 5) * 13 + byteAt(bytes, end - 6) * 5;
  return (length * 31 + some + byteAt(bytes, start + (length >> 1))) & (SLOTS - 1);
}
