/**
 * Puts a reply on an HTTP/1 connection: head, framing (RFC 9112 section 6), content, in as few writes as it takes. It
 * keeps the promise of Content-Length: what is beyond it is cut, what is short is told to the caller.
 */
import type { Sendable } from "../os/sendable.ts";
import { assert } from "../base/assert.ts";
import { wallMs } from "../base/clock.ts";
import type { Outbox } from "../net/outbox.ts";
import { httpDateNow, httpSecond } from "../protocol/http/date.ts";
import type { Borrower, Returned } from "../exchange/reply.ts";
import { Fields } from "../protocol/http/fields.ts";
import type { KeptReply } from "../protocol/http/kept-reply.ts";
import {
  hasNoContent,
  LENGTH_UNKNOWN,
  type PreparedHead,
  type ReplyHead,
  type RequestHead,
} from "../protocol/http/message.ts";
import { acceptsTrailers } from "../protocol/http/trailers.ts";
import {
  CHUNK_END,
  chunkHeader,
  encodeLastChunk,
  encodeReplyHead,
  LAST_CHUNK,
  type ReplyFraming,
  replyFraming,
} from "../protocol/http1/write.ts";
import type { RefusedReply } from "./refused-reply.ts";

/** Reply heads that do not fit in the scratch buffer are encoded here; larger than this they are a mistake. */
const LARGE_HEAD_BYTES_MAX = 1024 * 1024;

/** To copy so much behind the header of its chunk costs more than to write the two after each other, where each write is the kernel's
 *  to send with the next (MSG_MORE). With TLS each is a record of its own. */
const APART_BYTES_MIN = 16 * 1024;

/** In one reply. */
const PROBES_MAX = 4;
const ZERO = Buffer.from("0");

export class ReplyWriter {
  /** Status sent; 0 before. */
  status = 0;
  /** Content bytes given to the kernel or the outbox ($body_bytes_sent). */
  contentBytes = 0;

  private readonly outbox: Outbox;
  private readonly scratch: Buffer;
  private framing: ReplyFraming = "none";
  /** Content bytes still to come; LENGTH_UNKNOWN when only `end` tells. */
  private remaining = 0;
  private probes = 0;
  /** Has somebody else the connection, to write content to it? */
  private isLent = false;

  constructor(outbox: Outbox, scratch: Buffer) {
    this.outbox = outbox;
    this.scratch = scratch;
  }

  /** Does the content end with the connection (HTTP/1.0, length unknown)? */
  get endsConnection(): boolean {
    return this.framing === "close";
  }

  reset(): void {
    this.status = 0;
    this.probes = 0;
    this.contentBytes = 0;
    this.isLent = false;
  }

  /** Head and content with one write when they fit in the scratch buffer together, else two. */
  whole(request: RequestHead, head: ReplyHead, content: Uint8Array, persistent: boolean): void {
    if (persistent && isUsual(request)) {
      const { kept, prepared } = head;
      if (kept !== undefined && this.writeKept(request, head, kept)) return;
      if (prepared !== undefined && this.prepare(request, head, prepared)) return this.again(prepared, head, content);
    }
    this.encodeAndWrite(request, head, content, persistent);
  }

  /** As whole, of content that is another's after the call. */
  lend(request: RequestHead, head: ReplyHead, content: Uint8Array, persistent: boolean): void {
    const { kept, prepared } = head;
    if (kept !== undefined && persistent && isUsual(request) && this.writeKept(request, head, kept)) return;
    if (prepared !== undefined && persistent && isUsual(request) && this.prepare(request, head, prepared)) {
      const fits = prepared.bytes.length + content.length <= this.scratch.length;
      if (fits) return this.again(prepared, head, content);
    }
    const headBytes = this.encode(request, head, persistent);
    const length = this.takeLength(content, head);
    const { scratch, outbox } = this;
    const fits = headBytes !== -1 && headBytes + length <= scratch.length;
    if (fits) return this.writeWithHead(headBytes, content, length, persistent);
    if (headBytes === -1) this.writeLargeHead(request, head, persistent);
    else outbox.writeCopying(scratch, headBytes, 0, length > 0);
    if (length > 0) outbox.writeCopying(content, length);
  }

  /** Encodes a head that is sent again and again, if the second of its Date is over. False: it is too large. */
  private prepare(request: RequestHead, head: ReplyHead, prepared: PreparedHead): boolean {
    const second = httpSecond(wallMs());
    if (prepared.second === second) return true;
    const headBytes = this.encode(request, head, true);
    if (headBytes === -1 || (this.framing !== "length" && this.framing !== "none")) return false;
    prepared.bytes = Uint8Array.prototype.slice.call(this.scratch, 0, headBytes);
    prepared.second = second;
    return true;
  }

  private again(prepared: PreparedHead, head: ReplyHead, content: Uint8Array): void {
    this.status = head.status;
    this.framing = hasNoContent(head.status) ? "none" : "length";
    this.remaining = head.length;
    const length = this.takeLength(content, head);
    if (length === content.length && this.outbox.joinSoon(prepared.bytes, content)) return;
    this.scratch.set(prepared.bytes, 0);
    this.writeWithHead(prepared.bytes.length, content, length, true);
  }

  private encodeAndWrite(request: RequestHead, head: ReplyHead, content: Uint8Array, persistent: boolean): void {
    const headBytes = this.encode(request, head, persistent);
    const length = this.takeLength(content, head);
    if (headBytes !== -1) return this.writeWithHead(headBytes, content, length, persistent);
    this.writeLargeHead(request, head, persistent);
    this.outbox.write(content, 0, length);
  }

  /** How much of the content goes out. */
  private takeLength(content: Uint8Array, head: ReplyHead): number {
    assert(this.framing !== "length" || content.length >= head.length, "content is not shorter than announced");
    this.contentBytes = this.framing === "none" ? 0 : Math.min(content.length, this.remainingOr(content.length));
    return this.contentBytes;
  }

  /** The head is in the scratch buffer. `soon`: the connection goes on after it, so that nobody waits for it to have gone. */
  private writeWithHead(headBytes: number, content: Uint8Array, length: number, soon: boolean): void {
    const { scratch, outbox } = this;
    if (headBytes + length <= scratch.length) {
      if (length === content.length) scratch.set(content, headBytes);
      else Buffer.prototype.copy.call(content, scratch, headBytes, 0, length);
      if (soon) outbox.writeSoon(scratch, headBytes + length);
      else outbox.writeCopying(scratch, headBytes + length);
    } else {
      outbox.writeCopying(scratch, headBytes, 0, true);
      outbox.write(content, 0, length);
    }
  }

  /** False: its head is too large to be kept. */
  private writeKept(request: RequestHead, head: ReplyHead, kept: KeptReply): boolean {
    const date = httpDateNow(wallMs());
    if (kept.date !== "") {
      if (date !== kept.date) kept.redate(date);
    } else {
      const length = encodeReplyHead(this.scratch, 0, head, "length", request, true, date);
      if (!kept.put(this.scratch, length, date)) return false;
    }
    this.status = head.status;
    this.contentBytes = head.length;
    this.framing = "length";
    this.remaining = 0;
    this.outbox.writeSoon(kept.whole, kept.length, kept.from);
    return true;
  }

  /** `more`: content follows in this very turn. */
  start(request: RequestHead, head: ReplyHead, persistent: boolean, more = false): void {
    const headBytes = this.encode(request, head, persistent);
    if (headBytes === -1) this.writeLargeHead(request, head, persistent);
    else this.outbox.writeCopying(this.scratch, headBytes, 0, more);
  }

  /** True: taken, the bytes may be reused. False: held until the outbox is empty; `lent`: in a copy. */
  data(bytes: Uint8Array, lent = false): boolean {
    if (this.framing === "none" || bytes.length === 0) return this.outbox.empty;
    const length = Math.min(bytes.length, this.remainingOr(bytes.length));
    if (this.remaining !== LENGTH_UNKNOWN) this.remaining -= length;
    this.contentBytes += length;
    if (this.framing === "chunked") return this.writeChunk(bytes, lent);
    return lent ? this.outbox.writeCopying(bytes, length) : this.outbox.write(bytes, 0, length);
  }

  /** How many were taken; nothing is held. The length must have been announced. */
  offer(bytes: Uint8Array): number {
    if (this.framing === "none") return bytes.length;
    assert(this.framing === "length", "what is offered has a known length");
    const length = Math.min(bytes.length, this.remaining);
    const taken = this.outbox.offer(bytes, 0, length);
    this.remaining -= taken;
    this.contentBytes += taken;
    return taken === length ? bytes.length : taken;
  }

  /** As offer, of what the kernel sends by itself. */
  offerFrom(source: Sendable, offset: number, length: number): number {
    if (this.framing === "none") return length;
    assert(this.framing === "length" && length <= this.remaining, "what is offered of a file was announced");
    const taken = this.outbox.offerFrom(source, offset, length);
    this.remaining -= taken;
    this.contentBytes += taken;
    return taken;
  }

  /** Lets another write the content (Reply.loan). */
  loan(to: Borrower): boolean {
    const { framing, outbox } = this;
    if (framing !== "chunked" && framing !== "length") return false;
    this.isLent = outbox.loan((descriptor) => to(descriptor, framing === "chunked"));
    return this.isLent;
  }

  /** True: nothing waits. */
  returned(rest: Uint8Array, { content, written }: Returned): boolean {
    this.isLent = false;
    if (this.remaining !== LENGTH_UNKNOWN) this.remaining -= content;
    this.contentBytes += content;
    return this.outbox.takeBack(rest, written);
  }

  /** The connection is closed. If it was lent, what was written there counts as content, with the sizes of its chunks: nobody will tell them. */
  closed(): void {
    if (this.isLent) this.contentBytes += this.outbox.countLoan();
    this.isLent = false;
  }

  private writeChunk(bytes: Uint8Array, lent: boolean): boolean {
    const { outbox, scratch } = this;
    const header = chunkHeader(bytes.length);
    const whole = header.length + bytes.length + CHUNK_END.length;
    const joined = bytes.length < APART_BYTES_MIN || !outbox.takesFiles;
    if (joined && whole <= scratch.length) {
      scratch.set(header, 0);
      scratch.set(bytes, header.length);
      scratch.set(CHUNK_END, header.length + bytes.length);
      return outbox.writeCopying(scratch, whole);
    }
    if (outbox.writesBetween) return outbox.writeBetween(header, bytes, CHUNK_END, lent);
    outbox.writeCopying(header, header.length, 0, true);
    if (lent) outbox.writeCopying(bytes, bytes.length, 0, true);
    else outbox.write(bytes, 0, bytes.length, true);
    return outbox.write(CHUNK_END);
  }

  /** False: the content is shorter than announced, so the reply must not look complete. */
  end(trailers?: Fields, request?: RequestHead): boolean {
    if (this.framing === "none") return true;
    if (this.framing === "chunked") this.endChunks(trailers, request);
    return this.remaining === LENGTH_UNKNOWN || this.remaining === 0;
  }

  /** Writes a byte that changes nothing, where there is one: between chunks the first digit of the next one's size, which may begin
   *  with zeros (RFC 9112 section 7.1). A few of them, as there are readers that take sixteen digits. False: there is none. */
  probe(): boolean {
    if (this.isLent) return true; // who has it finds out with what it writes next
    if (this.framing !== "chunked") return false;
    if (this.probes++ < PROBES_MAX) this.outbox.write(ZERO);
    return true;
  }

  /** Trailers only to who takes them (RFC 9110 section 6.5.1). */
  private endChunks(trailers: Fields | undefined, request: RequestHead | undefined): void {
    const wanted = trailers !== undefined && request !== undefined && acceptsTrailers(request);
    this.outbox.write(wanted ? encodeLastChunk(trailers) : LAST_CHUNK);
  }

  /** The answer to bytes that never became a request (refused-reply.ts); the connection closes after it. `toHead`: they
   *  began as a HEAD. */
  refusal({ head, content }: RefusedReply, toHead = false): void {
    this.whole(toHead ? REFUSED_HEAD : REFUSED, head, content, false);
  }

  private encode(request: RequestHead, head: ReplyHead, persistent: boolean): number {
    this.status = head.status;
    this.contentBytes = 0;
    this.framing = replyFraming(request, head);
    this.remaining = this.framing === "length" ? head.length : LENGTH_UNKNOWN;
    return this.encodeInto(this.scratch, request, head, persistent);
  }

  private encodeInto(into: Buffer, request: RequestHead, head: ReplyHead, persistent: boolean): number {
    const stays = persistent && this.framing !== "close";
    return encodeReplyHead(into, 0, head, this.framing, request, stays, httpDateNow(wallMs()));
  }

  private writeLargeHead(request: RequestHead, head: ReplyHead, persistent: boolean): void {
    const into = Buffer.allocUnsafe(LARGE_HEAD_BYTES_MAX);
    const length = this.encodeInto(into, request, head, persistent);
    if (length === -1) throw new Error(`a reply head is larger than ${LARGE_HEAD_BYTES_MAX} bytes`);
    this.outbox.write(into, 0, length);
  }

  private remainingOr(length: number): number {
    return this.remaining === LENGTH_UNKNOWN ? length : this.remaining;
  }
}

/** HTTP/1.1, and content in the reply wherever its status allows some: then the bytes are the same for all. */
function isUsual({ minor, method }: RequestHead): boolean {
  return minor === 1 && method !== "HEAD" && method !== "CONNECT";
}

/** What is known of a request whose head was refused: nothing; it is answered as HTTP/1.1. */
const REFUSED: RequestHead = {
  method: "GET",
  target: "",
  form: "origin",
  path: "/",
  rawPath: "/",
  query: undefined,
  host: "",
  hostPort: undefined,
  minor: 1,
  fields: new Fields(),
  bodyLength: 0,
  persistent: false,
  expectsContinue: false,
  upgrade: undefined,
};

const REFUSED_HEAD: RequestHead = { ...REFUSED, method: "HEAD" };
