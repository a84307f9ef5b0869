/**
 * The content of the current HTTP/1 request as its reader meets it: who reads, whether it flows, what is thrown away.
 * One object per connection, begun anew for each request. The session pulls the codec and gives the bytes here.
 *
 *   unread ──read──▶ reading ◀──▶ paused        discarding: nobody wants it, it is received and thrown away
 *      └── the reply is complete ───┴──▶ discarding                 received: its end has come
 */
import { assert } from "../base/assert.ts";
import type { BodyFailure, BodyReader, RequestBody } from "../exchange/body.ts";
import type { Fields } from "../protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type RequestHead } from "../protocol/http/message.ts";
import { DISCARD_BYTES_MAX } from "./options.ts";
import { Pace } from "./pace.ts";

type BodyPhase = "unread" | "reading" | "paused" | "discarding" | "received";

export interface Http1BodyOwner {
  /** The body is wanted (again): pull. `first` when reading begins, which is when `100 Continue` is due. */
  bodyWanted(first: boolean): void;
}

/** What came of bytes that were received: `too-large` for the route, or more than is worth discarding. */
export type Received = "ok" | "too-large" | "enough";

export class Http1Body implements RequestBody {
  length = 0;
  /** `100 Continue` was sent, or was not needed because the body was already coming. */
  continued = false;

  private readonly owner: Http1BodyOwner;
  private phase: BodyPhase = "received";
  private reader: BodyReader | undefined = undefined;
  private bytes = 0;
  /** Of these, what was thrown away. */
  private discarded = 0;
  private readonly pace = new Pace();
  private awaitsContinue = false;

  constructor(owner: Http1BodyOwner) {
    this.owner = owner;
  }

  begin(head: RequestHead): void {
    this.length = head.bodyLength;
    this.phase = head.bodyLength === 0 ? "discarding" : "unread";
    this.awaitsContinue = head.expectsContinue;
    this.continued = false;
    this.reader = undefined;
    this.bytes = 0;
    this.discarded = 0;
    this.pace.reset();
  }

  // ── RequestBody ───────────────────────────────────────────────────────────────────────────────────────────────

  read(reader: BodyReader): void {
    if (this.length === 0) return reader.bodyEnd();
    assert(this.phase === "unread", "a request body is read once");
    this.reader = reader;
    this.phase = "reading";
    this.owner.bodyWanted(true);
  }

  pause(): void {
    if (this.phase === "reading") this.phase = "paused";
  }

  resume(): void {
    if (this.phase !== "paused") return;
    this.phase = "reading";
    this.owner.bodyWanted(false);
  }

  // ── the session's side ────────────────────────────────────────────────────────────────────────────────────────

  /** Has the end of the request come? */
  get received(): boolean {
    return this.phase === "received";
  }

  /** Do bytes flow, to a reader or to nowhere? */
  get flowing(): boolean {
    return this.phase === "reading" || this.phase === "discarding";
  }

  /** Is the client expected to send more now? */
  get awaited(): boolean {
    return this.length !== 0 && this.flowing;
  }

  /** Does the client keep up `rateMin` bytes per second? Asked at each sweep. */
  isTooSlow(nowMs: number, rateMin: number): boolean {
    return this.pace.isTooSlow(nowMs, this.bytes, this.awaited, rateMin);
  }

  /** `bound`: the largest body that the route takes, 0 for none. */
  receive(bytes: Uint8Array, bound: number): Received {
    this.bytes += bytes.length;
    if (this.phase === "discarding") return this.discard(bytes.length);
    if (bound > 0 && this.bytes > bound) return "too-large";
    this.reader?.bodyData(bytes);
    return "ok";
  }

  private discard(length: number): Received {
    this.discarded += length;
    return this.discarded > DISCARD_BYTES_MAX ? "enough" : "ok";
  }

  end(trailers: Fields | undefined): void {
    this.phase = "received";
    const { reader } = this;
    this.reader = undefined;
    reader?.bodyEnd(trailers);
  }

  /** The reader hears of it, and what still comes is thrown away. */
  fail(why: BodyFailure): void {
    const { reader } = this;
    this.reader = undefined;
    if (this.phase !== "received") this.phase = "discarding";
    reader?.bodyFailed(why);
  }

  /** The reply is complete: what has not come yet of the body is of no use to anybody, its reader included. */
  discardUnread(): void {
    if (this.phase !== "received") this.fail("aborted");
  }

  /** May the connection go on after a reply that begins now? A client that was not told to continue may or may not send
   *  its body (RFC 9110 section 10.1.1), and a large rest is not worth receiving: both close. Of chunks nobody knows how
   *  many come: they are received as far as the bound, then the connection closes although it was to go on. */
  get canBeFinished(): boolean {
    if (this.phase === "received" || this.length === 0) return true;
    if (this.awaitsContinue && !this.continued) return false;
    return this.length === LENGTH_UNKNOWN || this.length - this.bytes <= DISCARD_BYTES_MAX;
  }
}
