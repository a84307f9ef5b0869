/**
 * A reply that is sent again and again, in the form it has on the wire: its head stands right before its content, in room that
 * was left for it, and only its date changes. So a hot file is sent with one write and without a copy.
 *
 *   | room … | head | content |
 *            start  contentAt
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
  readonly contentAt: number;
  /** Of content; less than there is room for where `bytes` are used for one file after the other. */
  contentLength: number;
  /** Where the head begins. */
  start: number;
  /** The Date that it holds; "" for none yet. */
  date = "";
  /** Where that stands. */
  private dateAt = 0;
  /** Head and content are `length` bytes of this from `from` on. */
  whole: Buffer = EMPTY;
  from = 0;

  constructor(bytes: Buffer, contentAt: number = KEPT_HEAD_BYTES_MAX) {
    this.bytes = bytes;
    this.contentAt = contentAt;
    this.contentLength = bytes.length - contentAt;
    this.start = contentAt;
  }

  /** A view of it. */
  content(): Buffer {
    return this.bytes.subarray(this.contentAt, this.contentAt + this.contentLength);
  }

  get length(): number {
    return this.contentAt - this.start + this.contentLength;
  }

  /** Content of this length with room in front of it: the whole is `room`, the content a view of it. */
  static makeRoom(length: number): { room: Buffer; content: Buffer } {
    const room = Buffer.allocUnsafeSlow(KEPT_HEAD_BYTES_MAX + length);
    return { room, content: room.subarray(KEPT_HEAD_BYTES_MAX) };
  }

  /** `head`: the first `length` bytes of it, with a Date field of this value. False: it does not fit, or has none. */
  put(head: Buffer, length: number, date: string): boolean {
    if (length < 0 || length > this.contentAt) return false;
    const dateAt = head.subarray(0, length).latin1Slice().indexOf(`\r\nDate: ${date}\r\n`);
    if (dateAt === -1) return false;
    this.take(head.subarray(0, length), dateAt + DATE_LINE_BEGIN, date);
    // A view of all of it is copied faster than a part.
    if (this.start + this.length < this.bytes.length) return true;
    this.whole = this.bytes.subarray(this.start);
    this.from = 0;
    return true;
  }

  /** As put, of a head that is known to fit and to have this date at `dateAt`. */
  take(head: Uint8Array, dateAt: number, date: string): void {
    this.start = this.contentAt - head.length;
    this.bytes.set(head, this.start);
    this.dateAt = this.start + dateAt;
    this.date = date;
    this.whole = this.bytes;
    this.from = this.start;
  }

  /** Another content has taken the place of the one before, and no head belongs to it yet. */
  renew(contentLength: number): void {
    this.contentLength = contentLength;
    this.date = "";
  }

  /** Another date of the same length, as IMF-fixdates are. */
  redate(date: string): void {
    this.bytes.latin1Write(date, this.dateAt, date.length);
    this.date = date;
  }
}
