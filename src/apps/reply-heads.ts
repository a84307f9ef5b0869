/**
 * Heads of replies that were met lately, by their bytes: most replies of an application have one of a few heads, which then
 * is one object that is parsed once and encoded once a second (PreparedHead). A fixed table: an application whose heads
 * are never the same twice pushes others out, and nothing grows.
 *
 * Kept are heads that announce their length, since otherwise it is not in them, and none by which the application speaks to
 * this server (X-Accel-*, X-Sendfile), since those fields are taken out on the way.
 */
import { asBuffer } from "../base/bytes.ts";
import { PreparedHead, type ReplyHead } from "../protocol/http/message.ts";
import { parseReplyHead } from "./frames.ts";

/** Larger heads carry what is never the same twice: cookies, policies with a nonce. */
const BYTES_MAX = 1024;
/** A power of two. */
const SLOTS = 64;
const ANNOUNCES_LENGTH = /\ncontent-length:/i;
const SPEAKS_TO_US = /\nx-(accel-|sendfile:)/i;

export class ReplyHeads {
  private readonly bytes: (Buffer | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  private readonly heads: (ReplyHead | undefined)[] = Array.from({ length: SLOTS }, () => undefined);

  /** As parseReplyHead; the head may be one that was given before, and is not to be changed. */
  parse(bytes: Uint8Array, lengthOtherwise: number): ReplyHead {
    if (bytes.length > BYTES_MAX) return parseReplyHead(bytes, lengthOtherwise);
    const slot = slotOf(bytes);
    const held = this.bytes[slot];
    if (held !== undefined && held.length === bytes.length && held.equals(bytes)) return this.heads[slot] as ReplyHead; // set with it
    const head = parseReplyHead(bytes, lengthOtherwise);
    const text = asBuffer(bytes).latin1Slice();
    if (!ANNOUNCES_LENGTH.test(text) || SPEAKS_TO_US.test(text)) return head;
    // A copy: what came is a piece of a larger buffer.
    this.bytes[slot] = Buffer.from(bytes);
    return (this.heads[slot] = { ...head, prepared: new PreparedHead() });
  }
}

/** Heads of one application differ in their status, their length and their announced length. */
function slotOf(bytes: Uint8Array): number {
  const { length } = bytes;
  const byte = (at: number) => bytes[at] ?? 0;
  return (length * 7 + byte(2) + byte(length - 2) * 3 + byte(length - 3) * 5 + byte(length >> 1)) & (SLOTS - 1);
}
