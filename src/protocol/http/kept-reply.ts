/**
 * A reply that is sent again and again, in the form it has on the wire: its head stands right before its content, in room that
 * was left for it, and only its date changes. So a hot file is sent with one write and without a copy.
 *
 *   | room … | head | content |
 *            start  KEPT_HEAD_BYTES_MAX
 *
 * Whoever sends it must copy what is not taken at once: the head changes in its place.
 */
import { EMPTY } from "../../base/bytes.ts";

/** Larger heads are not kept. */
export const KEPT_HEAD_BYTES_MAX = 1024;

const DATE_LINE_BEGIN = "\r\nDate: ".length;

export class KeptReply {
  /** Room for the head, and the content. */
  readonly bytes: Buffer;
  /** Where the head begins. */
  start = KEPT_HEAD_BYTES_MAX;
  /** The Date that it holds; "" for none yet. */
  date = "";
  /** Where that stands. */
  private dateAt = 0;
  /** Head and content, a view of them. */
  whole: Buffer = EMPTY;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get length(): number {
    return this.bytes.length - this.start;
  }

  /** Content of this length with room in front of it: the whole is `room`, the content a view of it. */
  static makeRoom(length: number): { room: Buffer; content: Buffer } {
    const room = Buffer.allocUnsafeSlow(KEPT_HEAD_BYTES_MAX + length);
    return { room, content: room.subarray(KEPT_HEAD_BYTES_MAX) };
  }

  /** `head`: the first `length` bytes of it, with a Date field of this value. False: it does not fit, or has none. */
  put(head: Buffer, length: number, date: string): boolean {
    if (length < 0 || length > KEPT_HEAD_BYTES_MAX) return false;
    const dateAt = head.subarray(0, length).latin1Slice().indexOf(`\r\nDate: ${date}\r\n`);
    if (dateAt === -1) return false;
    this.start = KEPT_HEAD_BYTES_MAX - length;
    this.bytes.set(head.subarray(0, length), this.start);
    this.dateAt = this.start + dateAt + DATE_LINE_BEGIN;
    this.date = date;
    this.whole = this.bytes.subarray(this.start);
    return true;
  }

  /** Another date of the same length, as IMF-fixdates are. */
  redate(date: string): void {
    this.bytes.latin1Write(date, this.dateAt, date.length);
    this.date = date;
  }
}
