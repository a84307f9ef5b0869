/**
 * The server's side of an HTTP/1 connection, without the connection: bytes are received, events are pulled.
 *
 *   receive(bytes)…  next() → head, data…, end, then `paused` until nextRequest(); `need-data` whenever bytes are missing
 *
 * Not pulling is the back-pressure. A failure is final: what follows it on the wire is never taken for a request.
 * Specification: RFC 9112. HTTP/2 gives the same events, with its own stream numbers.
 */
import { assert, fail } from "../../base/assert.ts";
import { asBuffer, EMPTY } from "../../base/bytes.ts";
import type { Fields } from "../http/fields.ts";
import { LENGTH_UNKNOWN, type RequestHead } from "../http/message.ts";
import { type BodyDecoder, LengthDecoder } from "./body.ts";
import { ChunkedDecoder } from "./chunked.ts";
import { type FailureCode, HeadFailure } from "./failure.ts";
import { type FieldRules, headTooLarge } from "./field-lines.ts";
import type { HeadMemo } from "./head-memo.ts";
import { Intake } from "./intake.ts";
import { EMPTY_LINES_MAX, type HeadLimits } from "./limits.ts";
import { parseRequestHead, requestFieldRules, requestLineBytesMax, requestLineFailure } from "./request-head.ts";
import { CR, LF } from "./scan.ts";
import { SECTION_END, type SearchResult, SectionSearch } from "./section-search.ts";

export type ServerEvent = "need-data" | "paused" | "head" | "data" | "end" | "failed";

/** Of a request line that is refused, for logs: what names somebody and his scanner is at the beginning. */
const SHOWN_LINE_BYTES_MAX = 1024;

/** Where the current request stands. `recognized`: its head is known and not yet told. */
type Place = "head" | "recognized" | "body" | "paused" | "failed";

export class ServerConnection {
  /** The request's number on this connection: 1, 2, 3… */
  stream = 1;
  /** receivedEnd() was called: the peer will send no more. */
  ended = false;

  private place: Place = "head";
  private readonly limits: HeadLimits;
  private readonly memo: HeadMemo | undefined;
  private readonly rules: FieldRules;
  private readonly intake = new Intake();
  private readonly search = new SectionSearch();
  private emptyLines = 0;
  private lineChecked = false;
  private currentHead: RequestHead | undefined = undefined;
  private body: BodyDecoder | undefined = undefined;
  private currentFailure: HeadFailure | undefined = undefined;
  private refusedLine = "";

  /** `memo`: shared by connections with the same limits. */
  constructor(limits: HeadLimits, memo?: HeadMemo) {
    this.limits = limits;
    this.memo = memo;
    this.rules = requestFieldRules(limits);
  }

  /** Of the current request, from its `head` event until nextRequest(). */
  get head(): RequestHead {
    assert(this.currentHead !== undefined, "the head is read before its event");
    return this.currentHead;
  }

  /** Content of the last `data` event; a view that holds until the next call of next() or receive(). */
  get data(): Uint8Array {
    return this.body?.data ?? EMPTY;
  }

  /** After `end`: trailer fields of a chunked request that has some. They are never merged into the head. */
  get trailers(): Fields | undefined {
    return this.body?.trailers;
  }

  /** After `failed`. */
  get failure(): HeadFailure {
    assert(this.currentFailure !== undefined, "the failure is read before its event");
    return this.currentFailure;
  }

  /** Of a request without a head as yet: is it a HEAD, whose refusal has no content (RFC 9110 section 9.3.2)? */
  get asksForHead(): boolean {
    return this.unreadLine.startsWith("HEAD ");
  }

  /** Of a request without a head as yet: what has come of its first line, bytes as latin1, cut. Whatever the client sent. */
  get unreadLine(): string {
    if (this.place === "failed") return this.refusedLine;
    const { bytes, start, end } = this.intake;
    const shown = bytes.latin1Slice(start, Math.min(end, start + SHOWN_LINE_BYTES_MAX));
    return /^[^\r\n]*/.exec(shown)?.[0] ?? "";
  }

  /** Has a byte of a request come (empty lines before it do not count) and its `end` not yet been told? */
  get requestBegun(): boolean {
    if (this.place === "head") return this.intake.length > 1 || (this.intake.length === 1 && !this.startsWithCr());
    return this.place !== "paused";
  }

  /** Bytes received and not yet told by an event. */
  get bufferedBytes(): number {
    return this.intake.length;
  }

  /** Are these bytes, which came where a request begins, a whole faultless head and nothing else? Then it is the next event; the
   *  bytes are not needed any more. */
  recognize(bytes: Buffer): boolean {
    if (this.place !== "head" || this.search.started || this.intake.length > 0) return false;
    const head = this.memo?.find(bytes) ?? this.parseAlone(bytes);
    if (head === undefined) return false;
    this.currentHead = head;
    this.place = "recognized";
    return true;
  }

  /** What is not faultless is parsed again where it is answered. */
  private parseAlone(bytes: Buffer): RequestHead | undefined {
    const { limits, memo } = this;
    if (bytes.length > limits.headBytesMax || bytes[0] === CR || !isOneSection(bytes)) return undefined;
    const head = parseRequestHead(bytes, 0, bytes.length - 2, limits, this.rules, memo?.sections);
    if (head instanceof HeadFailure) return undefined;
    if (head.bodyLength !== 0) this.body = makeDecoder(head.bodyLength);
    else memo?.keep(bytes, head);
    return head;
  }

  /** The bytes belong to this object from now on; nothing is copied. Dropped after a failure. */
  receive(bytes: Uint8Array): void {
    if (this.recognize(asBuffer(bytes))) return;
    if (this.place !== "failed") this.intake.append(bytes);
    if (this.place === "head") this.skipEmptyLines();
  }

  /** The peer has half-closed. Requests that came whole are still told. */
  receivedEnd(): void {
    this.ended = true;
  }

  next(): ServerEvent {
    switch (this.place) {
      case "head":
        return this.nextHead();
      case "recognized":
        this.place = "body";
        return "head";
      case "body":
        return this.nextBody();
      case "paused":
      case "failed":
        return this.place;
    }
  }

  /** The reply to this request is finished: goes on with the next one, which may have come already. */
  nextRequest(): void {
    if (this.place !== "paused") fail(`the next request is asked for while this one is at ${this.place}`);
    assert(this.head.persistent, "a request after the last one (RFC 9112 section 9.6)");
    this.place = "head";
    this.stream++;
    this.currentHead = undefined;
    this.body = undefined;
    this.emptyLines = 0;
    this.lineChecked = false;
    this.search.reset();
    this.skipEmptyLines();
  }

  /** Takes away what was received and not told: it belongs to the protocol that the connection is upgraded to. */
  takeBuffered(): Uint8Array {
    return this.intake.take(this.intake.length);
  }

  /** RFC 9112 section 2.2: empty lines before a request line are skipped; a few, since some clients send one too many. */
  private skipEmptyLines(): void {
    const { intake } = this;
    while (this.emptyLines < EMPTY_LINES_MAX && intake.length >= 2 && this.startsWithCr()) {
      if (intake.bytes[intake.start + 1] !== LF || this.search.started) return;
      intake.skip(2);
      this.emptyLines++;
    }
  }

  private startsWithCr(): boolean {
    return this.intake.bytes[this.intake.start] === CR;
  }

  private nextHead(): ServerEvent {
    const { intake, limits, memo, search } = this;
    if (!this.requestBegun) return this.ended && intake.length > 0 ? this.failWith("truncated_head") : "need-data";
    const result = search.run(intake, limits.headBytesMax, requestLineBytesMax(limits));
    if (result !== "complete") return this.incompleteHead(result);
    const { start } = intake;
    const head = parseRequestHead(intake.bytes, start, start + search.length - 2, limits, this.rules, memo?.sections);
    if (head instanceof HeadFailure) return this.fail(head);
    if (head.bodyLength !== 0) this.body = makeDecoder(head.bodyLength);
    intake.skip(search.length);
    this.currentHead = head;
    this.place = "body";
    return "head";
  }

  /** The first mistake is told as soon as it is certain, whatever the bytes behind it would be. */
  private incompleteHead(result: Exclude<SearchResult, "complete">): ServerEvent {
    const { intake, limits, search } = this;
    const { bytes, start, end } = intake;
    if (result === "broken") {
      const head = parseRequestHead(bytes, start, start + search.length, limits, this.rules);
      return this.fail(head instanceof HeadFailure ? head : new HeadFailure("malformed_head"));
    }
    if (search.firstLineLength > 0 && !this.lineChecked) {
      this.lineChecked = true;
      const failure = requestLineFailure(bytes, start, limits);
      if (failure !== undefined) return this.fail(failure);
    }
    if (result === "too-large") return this.fail(this.tooLarge(bytes, start, end));
    return this.ended ? this.failWith("truncated_head") : "need-data";
  }

  private tooLarge(bytes: Buffer, start: number, end: number): HeadFailure {
    if (this.search.firstLineLength === 0) return new HeadFailure("target_too_long");
    return headTooLarge(bytes, start, end, this.limits.headBytesMax);
  }

  private nextBody(): ServerEvent {
    const { body } = this;
    const step = body === undefined ? "end" : body.pull(this.intake);
    switch (step) {
      case "end":
        this.place = "paused";
        return step;
      case "failed":
        return this.fail(body?.failure ?? new HeadFailure("malformed_head"));
      case "need-data":
        return this.ended ? this.failWith("truncated_body") : step;
      case "data":
        return step;
    }
  }

  private failWith(code: FailureCode): ServerEvent {
    return this.fail(new HeadFailure(code));
  }

  private fail(failure: HeadFailure): ServerEvent {
    this.refusedLine = this.place === "head" ? this.unreadLine : "";
    this.place = "failed";
    this.currentFailure = failure;
    this.intake.clear();
    return "failed";
  }
}

/** Does it end with its first empty line? */
function isOneSection(bytes: Buffer): boolean {
  const end = bytes.length - SECTION_END.length;
  return end >= 0 && bytes.indexOf(SECTION_END) === end;
}

function makeDecoder(bodyLength: number): BodyDecoder {
  return bodyLength === LENGTH_UNKNOWN ? new ChunkedDecoder() : new LengthDecoder(bodyLength);
}
