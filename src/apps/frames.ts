/**
 * The frames between front threads and Python threads: layouts, writing and reading. Sans-IO: who sends them and what
 * they mean for a request is in channel.ts and stream.ts. All numbers are little-endian; python/stream.py and
 * python/worker.py are the other side.
 *
 * Request: one packet on the queue of the app.
 *
 *     0   u32 id            names the request; never 0 (that is how an idle slot of the scoreboard looks)
 *     4   u8  front         number of the front thread, whose stream gets the reply
 *     5   u8  flags         1 method is HEAD · 2 the body is to be pulled · 4 quit (whoever receives it leaves)
 *                           8 wake (whoever receives it sees whether its worker is to finish)
 *                           16 the client's connection may be asked for (BORROW)
 *     6   u16 epoch         which thread of that number: the stream of the same epoch gets the reply. A request of a front
 *                           thread that was replaced is not run
 *     8   u32 environ bytes
 *     12  u32 body bytes    in this packet
 *     16  f64 deadline      CLOCK_MONOTONIC seconds: taken up later, it is answered EXPIRED and never run
 *     24  u32 limit         milliseconds that it may run, 0 for any time (request-timeout.ts)
 *     28  environ (marshal.ts), body
 *
 * Both directions of a stream, one stream for each pair of Python thread and front thread:
 *
 *     0   u8  type          u8 flags (1: END, the reply is complete; 2: BORROW)          u16 of nothing
 *     4   u32 id
 *     8   u32 head bytes    u32 data bytes
 *     16  head, data
 *
 *     from Python   REPLY    head: "200 OK\nName:value\n…" in latin-1, checked by wsgi.py; data: the first content
 *                   DATA     more content
 *                   ABORT    the reply breaks off
 *                   PULL     asks for `data bytes` bytes of the request body (none follow this header)
 *                   EXPIRED  the request was not run
 *                   FILE     head: as of REPLY; data: u64 offset, u64 length. The content is that part of the file whose
 *                            descriptor came before, over the worker's file socket (file-inbox.ts)
 *                   RETURN   of a loan. head: what is to go to the client next, as it is; data: u64 bytes of content, those in
 *                            head among them; u64 bytes that were written
 *                   Behind content with BORROW the thread waits until it is told LOAN, NO_LOAN or CANCEL (loan.py)
 *     to Python     DATA     the answer to PULL, exactly as many bytes
 *                   FAIL     the other answer to PULL: the body is not to be had any more
 *                   CANCEL   nobody waits for the rest of this reply
 *                   LOAN     beside it the descriptor of the client's connection, on which all that was sent before is. It is
 *                            the thread's to write to until RETURN or ABORT. flags: 1 in chunks, 0 with a length
 *                   NO_LOAN  go on as before
 */
import { EMPTY, concat, copyOf, latin1 } from "../base/bytes.ts";
import { fieldName, Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import type { Returned } from "../exchange/reply.ts";
import { reasonPhrase } from "../protocol/http/status.ts";

/** Header, environ and inline body. Above: 431. Holds a request head of 64 KiB even if every byte of it needs two in
 *  UTF-8, or one of 32 KiB and an inline body. uWSGI: 4 KiB, at most 64 KiB. */
export const REQUEST_FRAME_BYTES_MAX = 128 * 1024;
/** Longer bodies are pulled when the application reads them. */
export const INLINE_BODY_BYTES_MAX = 32 * 1024;
/** Bytes of request body per turn. */
export const PULL_BYTES_MAX = 256 * 1024;
/** Status and header fields of an application. nginx takes 4 or 8 KiB (uwsgi_buffer_size), which Django can exceed.
 *  HEAD_MAX in python/wsgi.py refuses a longer one before it is sent. */
const REPLY_HEAD_BYTES_MAX = 256 * 1024;
/** A complete reply is waited for up to this size, so that it goes out in one write; a longer one streams. */
const WHOLE_BYTES_MAX = 128 * 1024;

/** Blocks of a reply are joined up to this size; to copy more into memory of its own costs as much as the write. */
const JOINED_BYTES_MAX = 16 * 1024;

export const REQUEST_HEADER_BYTES = 28;
/** Where a request frame holds its limit. */
export const REQUEST_LIMIT_OFFSET = 24;
export const FLAG_HEAD_METHOD = 1;
export const FLAG_PULLED_BODY = 2;
export const FLAG_LENDS = 16;
const FLAG_QUIT = 4;
const FLAG_WAKE = 8;

export interface RequestHeader {
  readonly id: number;
  readonly front: number;
  readonly flags: number;
  readonly epoch: number;
  readonly environBytes: number;
  readonly bodyBytes: number;
  /** CLOCK_MONOTONIC. */
  readonly deadlineMs: number;
  /** How long it may run; 0 for any time. */
  readonly limitMs: number;
}

export function writeRequestHeader(view: DataView, header: RequestHeader): void {
  view.setUint32(0, header.id, true);
  view.setUint8(4, header.front);
  view.setUint8(5, header.flags);
  view.setUint16(6, header.epoch, true);
  view.setUint32(8, header.environBytes, true);
  view.setUint32(12, header.bodyBytes, true);
  view.setFloat64(16, header.deadlineMs / 1000, true);
  view.setUint32(REQUEST_LIMIT_OFFSET, header.limitMs, true);
}

/** The packet that makes one Python thread leave its loop. It queues behind the requests. */
export function quitPacket(): Uint8Array {
  return barePacket(FLAG_QUIT);
}

/** The packet that makes one idle Python thread look up. */
export function wakePacket(): Uint8Array {
  return barePacket(FLAG_WAKE);
}

function barePacket(flag: number): Uint8Array {
  const packet = new Uint8Array(REQUEST_HEADER_BYTES);
  packet[5] = flag;
  return packet;
}

export const FRAME_HEADER_BYTES = 16;
const TYPE_REPLY = 1;
const TYPE_DATA = 2;
const TYPE_ABORT = 3;
const TYPE_PULL = 4;
const TYPE_EXPIRED = 5;
const TYPE_FAIL = 6;
const TYPE_CANCEL = 7;
const TYPE_FILE = 8;
const TYPE_RETURN = 9;
const TYPE_LOAN = 10;
const TYPE_NO_LOAN = 11;
const FLAG_END = 1;
const FLAG_BORROW = 2;
const FLAG_CHUNKED = 1;

/** What FILE and RETURN have as data. */
const TWO_NUMBERS_BYTES = 16;

/** The header of a DATA frame, into the first 16 bytes of `frame`; the content is the caller's to put behind. */
export function writeDataHeader(frame: Buffer, id: number, length: number): void {
  frame.writeUInt32LE(TYPE_DATA, 0);
  frame.writeUInt32LE(id, 4);
  frame.writeUInt32LE(0, 8);
  frame.writeUInt32LE(length, 12);
}

export function failFrame(id: number): Buffer {
  return bareFrame(TYPE_FAIL, id);
}

export function cancelFrame(id: number): Buffer {
  return bareFrame(TYPE_CANCEL, id);
}

/** Beside it goes the descriptor. */
export function loanFrame(id: number, isChunked: boolean): Buffer {
  return bareFrame(TYPE_LOAN, id, isChunked ? FLAG_CHUNKED : 0);
}

export function noLoanFrame(id: number): Buffer {
  return bareFrame(TYPE_NO_LOAN, id);
}

function bareFrame(type: number, id: number, flags = 0): Buffer {
  const frame = Buffer.alloc(FRAME_HEADER_BYTES);
  frame[0] = type;
  frame[1] = flags;
  frame.writeUInt32LE(id, 4);
  return frame;
}

/** `reply`: `head` is whole, `data` is what is here of the first content. `data`: more of it. `last`: the reply is
 *  complete with this event. `file`: `head` is whole, `data` says which part (readFilePart). `return`: `head` is whole, `data` says how
 *  much was written (readReturned). `malformed`: not our protocol; nothing can be read any more. */
export type FrameEvent =
  "need-data" | "reply" | "data" | "abort" | "pull" | "expired" | "file" | "return" | "malformed";

/** Reads what a Python thread sends, and writes into what it has read: `receive`, then `next` until it says "need-data". What an event means stands in the
 *  fields, until the next call. */
export class FrameReader {
  id = 0;
  last = false;
  /** The thread waits: may it have the client's connection? */
  borrows = false;
  head: Uint8Array = EMPTY;
  data: Uint8Array = EMPTY;
  /** Of `reply`: bytes of its first content, here or still to come. Of `pull`: bytes wanted. */
  length = 0;

  private bytes: Uint8Array = EMPTY;
  private at = 0;
  /** Content of the frame at hand that has not come yet. */
  private left = 0;
  private ends = false;
  private asks = false;

  receive(bytes: Uint8Array): void {
    this.bytes = this.at === this.bytes.length ? bytes : concat(this.bytes.subarray(this.at), bytes);
    this.at = 0;
  }

  /** What was received last was only lent: the rest of it is copied, and what the last event showed holds no more. */
  own(): void {
    this.bytes = this.at === this.bytes.length ? EMPTY : copyOf(this.bytes.subarray(this.at));
    this.at = 0;
    this.head = EMPTY;
    this.data = EMPTY;
  }

  next(): FrameEvent {
    if (this.left > 0) return this.more();
    const { bytes, at } = this;
    if (bytes.length - at < FRAME_HEADER_BYTES) return "need-data";
    const headBytes = u32(bytes, at + 8);
    const length = u32(bytes, at + 12);
    if (headBytes > REPLY_HEAD_BYTES_MAX) return "malformed";
    this.id = u32(bytes, at + 4);
    this.length = length;
    this.flags(bytes[at + 1] as number);
    return this.frame(bytes[at] as number, headBytes, length);
  }

  private flags(flags: number): void {
    this.ends = (flags & FLAG_END) !== 0;
    this.asks = (flags & FLAG_BORROW) !== 0;
    this.borrows = false;
  }

  private frame(type: number, headBytes: number, length: number): FrameEvent {
    switch (type) {
      case TYPE_REPLY:
        return this.reply(headBytes, length);
      case TYPE_DATA:
        this.at += FRAME_HEADER_BYTES;
        this.left = length;
        return length === 0 ? this.empty() : this.more();
      case TYPE_ABORT:
        return this.bare("abort");
      case TYPE_PULL:
        return this.bare("pull");
      case TYPE_EXPIRED:
        return this.bare("expired");
      case TYPE_FILE:
        return length === TWO_NUMBERS_BYTES && this.ends ? this.numbered("file", headBytes) : "malformed";
      case TYPE_RETURN:
        return length === TWO_NUMBERS_BYTES ? this.numbered("return", headBytes) : "malformed";
      default:
        return "malformed";
    }
  }

  private bare(event: FrameEvent): FrameEvent {
    this.at += FRAME_HEADER_BYTES;
    this.last = false;
    return event;
  }

  private reply(headBytes: number, length: number): FrameEvent {
    const waited = headBytes + (this.ends && length <= WHOLE_BYTES_MAX ? length : 0);
    const start = this.at + FRAME_HEADER_BYTES;
    if (this.bytes.length - start < waited) return "need-data";
    this.head = this.bytes.subarray(start, start + headBytes);
    this.at = start + headBytes;
    this.left = length;
    this.take();
    return "reply";
  }

  private numbered(event: FrameEvent, headBytes: number): FrameEvent {
    const start = this.at + FRAME_HEADER_BYTES;
    const end = start + headBytes + TWO_NUMBERS_BYTES;
    if (this.bytes.length < end) return "need-data";
    this.head = this.bytes.subarray(start, start + headBytes);
    this.data = this.bytes.subarray(end - TWO_NUMBERS_BYTES, end);
    this.at = end;
    this.last = this.ends;
    return event;
  }

  private more(): FrameEvent {
    if (this.at === this.bytes.length) return "need-data";
    this.take();
    if (!this.continues()) return "data";
    if (this.isSmall(this.data.length)) this.join();
    else if (this.data.length <= JOINED_BYTES_MAX) this.moveUp();
    return "data";
  }

  /** Does the next frame go on with the content at hand? */
  private continues(): boolean {
    const { bytes, at } = this;
    if (this.left > 0 || this.ends || this.asks || bytes.length - at < FRAME_HEADER_BYTES || bytes[at] !== TYPE_DATA)
      return false;
    return u32(bytes, at + 4) === this.id && u32(bytes, at + 8) === 0;
  }

  /** Is the next frame whole, and small together with `length` bytes? */
  private isSmall(length: number): boolean {
    const more = u32(this.bytes, this.at + 12);
    return length + more <= JOINED_BYTES_MAX && this.bytes.length - this.at - FRAME_HEADER_BYTES >= more;
  }

  /** Small blocks of one reply that have come together are one event: each by itself would be a write to the client. */
  private join(): void {
    const parts = [this.data];
    for (let length = this.data.length; this.continues() && this.isSmall(length); length += this.data.length) {
      this.goOn();
      parts.push(this.data);
    }
    this.data = Buffer.concat(parts);
  }

  /** The small end of a block goes with the large one behind it, of which nothing is copied: it is moved up to it, over the
   *  header that stood between them. */
  private moveUp(): void {
    const end = this.at;
    const start = end - this.data.length;
    this.goOn();
    this.bytes.copyWithin(start + FRAME_HEADER_BYTES, start, end);
    this.data = this.bytes.subarray(start + FRAME_HEADER_BYTES, this.at);
  }

  private goOn(): void {
    this.flags(this.bytes[this.at + 1] as number);
    this.left = u32(this.bytes, this.at + 12);
    this.at += FRAME_HEADER_BYTES;
    this.take();
  }

  private take(): void {
    const size = Math.min(this.left, this.bytes.length - this.at);
    this.data = this.bytes.subarray(this.at, this.at + size);
    this.at += size;
    this.left -= size;
    this.last = this.ends && this.left === 0;
    this.borrows = this.asks && this.left === 0;
  }

  private empty(): FrameEvent {
    this.data = EMPTY;
    this.last = this.ends;
    this.borrows = this.asks;
    return "data";
  }
}

/** Which part of the file, from the data of a `file` event. */
export function readFilePart(data: Uint8Array): { readonly offset: number; readonly length: number } {
  return { offset: u64(data, 0), length: u64(data, 8) };
}

/** How much went to the client while its connection was lent, from the data of a `return` event; bytes. */
export function readReturned(data: Uint8Array): Returned {
  return { content: u64(data, 0), written: u64(data, 8) };
}

/** Sizes of files are far below 2^53. */
function u64(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) + u32(bytes, at + 4) * 0x100000000;
}

function u32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
  return (low | ((bytes[at + 3] as number) << 24)) >>> 0;
}

/** The head that wsgi.py wrote; it has checked every character. Content-Length becomes `length`, which is
 *  `lengthOtherwise` when the application announced none. Date is dropped: the session writes it. See also ReplyHeads. */
export function parseReplyHead(head: Uint8Array, lengthOtherwise: number): ReplyHead {
  const text = latin1(head);
  const fields = new Fields();
  let length = lengthOtherwise;
  let at = text.indexOf("\n");
  const status = Number(text.slice(0, 3));
  const reason = text.slice(4, at);
  while (++at < text.length) {
    const end = text.indexOf("\n", at);
    const colon = text.indexOf(":", at);
    const name = fieldName(text.slice(at, colon));
    if (name.lower === "content-length") length = Number(text.slice(colon + 1, end));
    else if (name.lower !== "date") fields.add(name, text.slice(colon + 1, end));
    at = end;
  }
  return { status, reason: reason === reasonPhrase(status) ? undefined : reason, fields, length };
}
