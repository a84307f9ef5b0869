/**
 * Request heads that were met lately, by their bytes. Clients that poll, health checks and whoever measures us send the same
 * bytes again and again; to compare a head with the one before costs a tenth of what it costs to parse it. Only a head that
 * comes alone and whole is looked up, and only one that was found faultless is kept, so that nothing is decided here.
 *
 * A fixed table: a client that sends many heads pushes others out, and nothing grows. Heads are immutable, so that one object
 * may serve any number of requests. One memo belongs to one set of limits.
 */
import { byteAt } from "../../base/bytes.ts";
import type { RequestHead } from "../http/message.ts";
import { SectionMemo } from "./section-memo.ts";

/** Larger heads carry cookies and the like, and seldom repeat. */
const BYTES_MAX = 2048;
/** A power of two; with the heads at most 512 KiB. */
const SLOTS = 256;

export class HeadMemo {
  /** Of those that are not known as a whole. */
  readonly sections = new SectionMemo();
  private readonly bytes: (Buffer | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  private readonly heads: (RequestHead | undefined)[] = Array.from({ length: SLOTS }, () => undefined);

  /** The head that these very bytes were; undefined when it is not known. */
  find(bytes: Buffer): RequestHead | undefined {
    if (bytes.length > BYTES_MAX) return undefined;
    const slot = slotOf(bytes);
    const held = this.bytes[slot];
    if (held === undefined || held.length !== bytes.length || !held.equals(bytes)) return undefined;
    const head = this.heads[slot];
    if (head !== undefined) head.repeats = true;
    return head;
  }

  /** `bytes` are a whole head of a request without a body; they are copied. */
  keep(bytes: Buffer, head: RequestHead): void {
    const { length } = bytes;
    if (length > BYTES_MAX) return;
    const slot = slotOf(bytes);
    let held = this.bytes[slot];
    if (held === undefined || held.length !== length) this.bytes[slot] = held = Buffer.allocUnsafe(length);
    bytes.copy(held);
    this.heads[slot] = head;
  }
}

/** Heads of one site differ in length and in the target: its first bytes and those around the middle of the head tell most apart. */
function slotOf(bytes: Buffer): number {
  const { length } = bytes;
  const begin = byteAt(bytes, 6) * 7 + byteAt(bytes, 9) * 13;
  return (length * 31 + begin + byteAt(bytes, length >> 1) * 5 + byteAt(bytes, length >> 2)) & (SLOTS - 1);
}
