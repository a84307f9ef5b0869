/**
 * The client's side of an HTTP/1 connection, without the connection: responses of an upstream, one at a time.
 *
 *   expect(method), receive(bytes)…  next() → interim…, head, data…, end; `need-data` whenever bytes are missing
 *
 * Bytes beyond the response are never read as another one: `surplus` says that the connection is to be discarded
 * (RFC 9112 section 6.3). write-request.ts writes what is asked. Specification: RFC 9112.
 */
import { assert, fail } from "../../base/assert.ts";
import { EMPTY } from "../../base/bytes.ts";
import type { Fields } from "../http/fields.ts";
import { type BodyDecoder, CloseDecoder, LengthDecoder } from "./body.ts";
import { ChunkedDecoder } from "./chunked.ts";
import { type FailureCode, HeadFailure } from "./failure.ts";
import { type FieldRules, headTooLarge } from "./field-lines.ts";
import { Intake } from "./intake.ts";
import { type HeadLimits, INTERIM_REPLIES_MAX } from "./limits.ts";
import {
  parseResponseHead,
  type ResponseHead,
  responseFieldRules,
  STATUS_LINE_BYTES_MAX,
  statusLineFailure,
} from "./response-head.ts";
import type { ResponseMemo } from "./response-memo.ts";
import { type SearchResult, SectionSearch } from "./section-search.ts";

export type ClientEvent = "need-data" | "interim" | "head" | "data" | "end" | "failed";

/** Where the response stands; `idle` between `end` and the next expect(). */
type Place = "idle" | "head" | "body" | "failed";

export class ClientConnection {
  /** receivedEnd() was called. */
  ended = false;
  /** Was it the end that the server had made? */
  private isCertain = true;

  private place: Place = "idle";
  private method = "";
  private interims = 0;
  private lineChecked = false;
  private readonly limits: HeadLimits;
  private readonly memo: ResponseMemo | undefined;
  private readonly rules: FieldRules;
  private readonly intake = new Intake();
  private readonly search = new SectionSearch();
  private currentHead: ResponseHead | undefined = undefined;
  private body: BodyDecoder | undefined = undefined;
  /** Of all bodies whose length is known. */
  private readonly counted = new LengthDecoder(0);
  private currentFailure: HeadFailure | undefined = undefined;

  /** `memo`: shared by connections with the same limits. */
  constructor(limits: HeadLimits, memo?: ResponseMemo) {
    this.limits = limits;
    this.memo = memo;
    this.rules = responseFieldRules(limits);
  }

  /** Of the last `interim` or `head` event. */
  get head(): ResponseHead {
    assert(this.currentHead !== undefined, "the head is read before its event");
    return this.currentHead;
  }

  /** Content of the last `data` event; a view that holds until the next call of next() or receive(). */
  get data(): Uint8Array {
    return this.body?.data ?? EMPTY;
  }

  /** After `end`: trailer fields, if the response has some. */
  get trailers(): Fields | undefined {
    return this.body?.trailers;
  }

  /** After `failed`; its status means nothing here, an upstream's failure is a 502. */
  get failure(): HeadFailure {
    assert(this.currentFailure !== undefined, "the failure is read before its event");
    return this.currentFailure;
  }

  /** Did bytes come that belong to no response? Of a tunnel (101, CONNECT) they belong to it: takeBuffered(). */
  get surplus(): boolean {
    return this.place === "idle" && this.intake.length > 0;
  }

  get bufferedBytes(): number {
    return this.intake.length;
  }

  /** Before each request: the method decides whether its response has content. */
  expect(method: string): void {
    if (this.place !== "idle") fail(`a request is made while a response is at ${this.place}`);
    assert(this.intake.length === 0, "a request is made on a connection with surplus bytes");
    this.place = "head";
    this.method = method;
    this.interims = 0;
    this.currentHead = undefined;
    this.body = undefined;
    this.nextHeadBegins();
  }

  /** The bytes belong to this object from now on; nothing is copied. Dropped after a failure. */
  receive(bytes: Uint8Array): void {
    if (this.place !== "failed") this.intake.append(bytes);
  }

  /** The bytes received last were only lent: what was not pulled is copied, and `data` holds no more. */
  own(): void {
    this.intake.own();
  }

  /** May the end of the connection be that of the content? Not before the head says otherwise. */
  get mayEndWithConnection(): boolean {
    return this.place === "head" || (this.place === "body" && this.head.framing === "close");
  }

  /** `isCertain`: it was the server that ended the connection, as far as can be known. Else nothing that only the connection delimits
   *  is whole (RFC 9112 section 9.8). */
  receivedEnd(isCertain = true): void {
    this.ended = true;
    this.isCertain = isCertain;
  }

  /** `need-data` also while no response is expected. */
  next(): ClientEvent {
    switch (this.place) {
      case "idle":
        return "need-data";
      case "head":
        return this.nextHead();
      case "body":
        return this.nextBody();
      case "failed":
        return "failed";
    }
  }

  /** Takes away what was received and not told: what a tunnel's peer has sent already. */
  takeBuffered(): Uint8Array {
    return this.intake.take(this.intake.length);
  }

  private nextHeadBegins(): void {
    this.lineChecked = false;
    this.search.reset();
  }

  private nextHead(): ClientEvent {
    const { intake, limits, search } = this;
    if (intake.length === 0 && !this.ended) return "need-data";
    const result = search.run(intake, limits.headBytesMax, STATUS_LINE_BYTES_MAX);
    if (result !== "complete") return this.incompleteHead(result);
    const head = this.readHead(intake.bytes, intake.start, search.length);
    if (head instanceof HeadFailure) return this.fail(head);
    intake.skip(search.length);
    this.currentHead = head;
    if (head.status < 200 && head.framing !== "tunnel") return this.interim();
    this.place = "body";
    this.body = makeDecoder(head, this.counted);
    return "head";
  }

  /** A whole one of `length` bytes. */
  private readHead(bytes: Buffer, start: number, length: number): ResponseHead | HeadFailure {
    const { memo, method } = this;
    // What follows a head hangs on the method for these.
    const usual = memo !== undefined && method !== "HEAD" && method !== "CONNECT";
    const known = usual ? memo.find(bytes, start, length) : undefined;
    if (known !== undefined) return known;
    const head = parseResponseHead(bytes, start, start + length - 2, method, this.rules);
    if (usual && !(head instanceof HeadFailure) && head.status >= 200) memo.keep(bytes, start, length, head);
    return head;
  }

  private interim(): ClientEvent {
    this.interims++;
    if (this.interims > INTERIM_REPLIES_MAX) return this.failWith("too_many_interim");
    this.nextHeadBegins();
    return "interim";
  }

  /** The first mistake is told as soon as it is certain, whatever the bytes behind it would be. */
  private incompleteHead(result: Exclude<SearchResult, "complete">): ClientEvent {
    const { intake, limits, search } = this;
    const { bytes, start, end } = intake;
    if (result === "broken") {
      const head = parseResponseHead(bytes, start, start + search.length, this.method, this.rules);
      return this.fail(head instanceof HeadFailure ? head : new HeadFailure("malformed_head"));
    }
    if (search.firstLineLength > 0 && !this.lineChecked) {
      this.lineChecked = true;
      const failure = statusLineFailure(bytes, start);
      if (failure !== undefined) return this.fail(failure);
    }
    if (result === "too-large") return this.fail(headTooLarge(bytes, start, end, limits.headBytesMax));
    if (!this.ended) return "need-data";
    return this.failWith(intake.length === 0 && this.interims === 0 ? "no_response" : "truncated_head");
  }

  private nextBody(): ClientEvent {
    const { body } = this;
    const step = body === undefined ? "end" : body.pull(this.intake);
    switch (step) {
      case "end":
        return this.end();
      case "failed":
        return this.fail(body?.failure ?? new HeadFailure("malformed_head"));
      case "need-data":
        if (!this.ended) return step;
        if (this.head.framing !== "close") return this.failWith("truncated_body");
        return this.isCertain ? this.end() : this.failWith("uncertain_end");
      case "data":
        return step;
    }
  }

  private end(): ClientEvent {
    this.place = "idle";
    return "end";
  }

  private failWith(code: FailureCode): ClientEvent {
    return this.fail(new HeadFailure(code));
  }

  private fail(failure: HeadFailure): ClientEvent {
    this.place = "failed";
    this.currentFailure = failure;
    this.intake.clear();
    return "failed";
  }
}

function makeDecoder(head: ResponseHead, counted: LengthDecoder): BodyDecoder | undefined {
  switch (head.framing) {
    case "none":
    case "tunnel":
      return undefined;
    case "length":
      return counted.reset(head.length);
    case "chunked":
      return new ChunkedDecoder();
    case "close":
      return new CloseDecoder();
  }
}
