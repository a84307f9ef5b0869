/**
 * The reply's side of a transaction: from the upstream's head and content to the client's. As long as nothing was sent
 * (`held`) the reply can still be given up for another server's. One that is here in whole goes out with one write.
 *
 *   none ──head──▶ held ──more to come──▶ streaming (through a ReplySpool)
 */
import { copyOf, EMPTY } from "../base/bytes.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { PacedReply } from "../exchange/paced-reply.ts";
import { giveWhole } from "../exchange/reply.ts";
import { ReplySpool, type ReplySource } from "../exchange/reply-spool.ts";
import type { Fields } from "../protocol/http/fields.ts";
import { isBodiless, LENGTH_UNKNOWN, type ReplyHead } from "../protocol/http/message.ts";
import { acceptsTrailers, passableTrailers } from "../protocol/http/trailers.ts";
import type { UpstreamReplyHead } from "./dialect.ts";
import { keptReplyFields } from "./forward.ts";
import type { Peer } from "./peer.ts";
import { accelWords, isEventStream, passedHead } from "./reply-fields.ts";
import type { PassedHead } from "./repeated-reply.ts";
import type { SettledOptions } from "./settled.ts";
import type { Upstream } from "./upstream.ts";

export class ReplySide {
  state: "none" | "held" | "streaming" = "none";
  private exchange: Exchange;
  private readonly upstream: Upstream;
  private readonly options: SettledOptions;
  private readonly source: ReplySource;
  private head: ReplyHead | undefined = undefined;
  private first: Uint8Array = EMPTY;
  private firstLent = false;
  private spool: ReplySpool | undefined = undefined;
  private buffered = true;
  private limitRate = 0;

  constructor(exchange: Exchange, upstream: Upstream, options: SettledOptions, source: ReplySource) {
    this.exchange = exchange;
    this.upstream = upstream;
    this.options = options;
    this.source = source;
  }

  /** Another one, after one that was given whole. */
  begin(exchange: Exchange): void {
    this.exchange = exchange;
    this.limitRate = 0;
    this.forget();
  }

  /** RFC 9110 section 15.2: passed on, but for 100, which answers an Expect that we do not send. */
  interim({ status, fields }: UpstreamReplyHead): void {
    if (status === 100) return;
    this.exchange.reply.interim({ status, reason: undefined, fields: keptReplyFields(fields), length: 0 });
  }

  headReceived(sent: UpstreamReplyHead, peer: Peer): void {
    const { head, buffered } = this.upstream.repeated.find(sent) ?? this.pass(sent, peer);
    this.head = head;
    this.buffered = buffered;
    this.state = "held";
  }

  private pass(sent: UpstreamReplyHead, peer: Peer): PassedHead {
    const { exchange, upstream } = this;
    const { fields } = sent;
    const accel = accelWords(fields);
    const announced = acceptsTrailers(exchange.head) ? fields.get("trailer") : undefined;
    const buffered = accel.buffering ?? (upstream.options.replyBuffering !== false && !isEventStream(fields));
    this.limitRate = accel.limitRate;
    exchange.accelExpires = accel.expires;
    exchange.accelLimitRate = accel.limitRate;
    const passage = { exchange, peer, options: upstream.options, route: this.options.route };
    const head = passedHead(sent, passage, upstream.stickyCookie(exchange, peer));
    if (announced !== undefined) head.fields.add("Trailer", announced);
    return upstream.repeated.keep(sent, { head, buffered });
  }

  /** The first piece is held: if nothing follows, the reply is sent with one write. `lent`: until own() is called. */
  data(bytes: Uint8Array, lent: boolean): void {
    if (this.state === "held" && this.first.length === 0) {
      this.first = bytes;
      this.firstLent = lent;
      return;
    }
    if (this.state === "held") this.stream();
    this.give(bytes, lent);
  }

  private give(bytes: Uint8Array, lent: boolean): void {
    if (lent) this.spool?.lend(bytes);
    else this.spool?.data(bytes);
  }

  /** What was lent is held no longer but in a copy. */
  own(): void {
    if (!this.firstLent) return;
    this.firstLent = false;
    this.first = copyOf(this.first);
  }

  /** No more for now: what is held is not all there is, so it goes out. */
  flush(): void {
    if (this.state !== "held") return;
    if (this.first.length > 0 || this.head?.length === LENGTH_UNKNOWN || this.exchange.headDecides) this.stream();
  }

  private stream(): void {
    const { exchange, head, first, firstLent, options } = this;
    if (head === undefined) return;
    this.state = "streaming";
    this.letGo();
    const bounds = this.buffered ? options.bufferedReply : options.unbufferedReply;
    const reply = this.limitRate > 0 ? new PacedReply(exchange.reply, this.limitRate) : exchange.reply;
    const spool = new ReplySpool(reply, bounds, this.source);
    this.spool = spool;
    spool.start(head);
    this.give(first, firstLent);
  }

  private letGo(): void {
    this.first = EMPTY;
    this.firstLent = false;
  }

  /** All of it is here. Trailers need chunks, a rate needs time: what would be one write otherwise is a stream. */
  end(sent: Fields | undefined): void {
    const trailers = this.passableTrailers(sent);
    if ((trailers !== undefined || this.limitRate > 0) && this.state === "held") this.stream();
    const { head, spool } = this;
    if (spool !== undefined) spool.end(trailers);
    else if (head !== undefined) this.whole(head);
  }

  private whole(head: ReplyHead): void {
    const { first, firstLent } = this;
    const { reply } = this.exchange;
    const whole = this.wholeHead(head, first.length);
    this.letGo();
    // The transaction has the exchange until its next one, and nothing to do with it.
    reply.resign?.();
    giveWhole(reply, whole, first, firstLent);
  }

  /** RFC 9110 section 6.5.1: passed on to a client that takes them, else dropped. */
  private passableTrailers(sent: Fields | undefined): Fields | undefined {
    return sent === undefined || !acceptsTrailers(this.exchange.head) ? undefined : passableTrailers(sent);
  }

  /** Of a chunked reply the length is known now. */
  private wholeHead(head: ReplyHead, length: number): ReplyHead {
    if (head.length !== LENGTH_UNKNOWN || isBodiless(this.exchange.head.method, head.status)) return head;
    return { status: head.status, reason: head.reason, fields: head.fields, length };
  }

  /** What is held is given up. */
  forget(): void {
    if (this.state === "streaming") return;
    this.state = "none";
    this.head = undefined;
    this.letGo();
  }

  /** False when nothing has gone out: then it can still be answered otherwise. */
  abort(why: string): boolean {
    this.spool?.abort(why);
    return this.spool !== undefined;
  }
}
