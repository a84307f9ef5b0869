/**
 * One exchange on its way through an app: its body is collected, it waits, it is with a Python thread, its reply comes.
 * The queue and the ids are the channel's business (channel.ts), the frames the stream's.
 *
 *     collecting ─▶ waiting ─▶ sent ─▶ replying ─▶ over
 *                                 └──────┴─▶ discarded ─▶ over      the client left; Python still works on it
 */
import { closeSync } from "node:fs";
import { monotonicMs } from "../base/clock.ts";
import { answer, answerTraced } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { giveWhole, type Producer, type Returned } from "../exchange/reply.ts";
import { ReplySpool, type ReplySource } from "../exchange/reply-spool.ts";
import { EMPTY_BODY, type SpooledBody, type SpoolFailure, type SpoolOwner } from "../exchange/spool.ts";
import type { UpstreamAttempt } from "../exchange/upstream-attempt.ts";
import { Fields } from "../protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../protocol/http/message.ts";
import type { AppChannel } from "./channel.ts";
import { parseReplyHead } from "./frames.ts";
import { ReplyHeads } from "./reply-heads.ts";
import type { AppStream } from "./stream.ts";

export type RequestState = "collecting" | "waiting" | "sent" | "replying" | "discarded" | "over";

/** Of all apps of this front thread. */
const heads = new ReplyHeads();

/** Seconds in Retry-After: long enough for a worker to be there again, short enough for a person. */
const RETRY_AFTER = Fields.of([["Retry-After", "5"]]);

/** What a stream shows of a reply that begins (FrameReader). */
export interface ReplyBeginning {
  readonly head: Uint8Array;
  readonly data: Uint8Array;
  readonly length: number;
  readonly last: boolean;
}

export class AppRequest implements Producer, ReplySource, SpoolOwner, UpstreamAttempt {
  readonly exchange: Exchange;
  state: RequestState = "collecting";
  /** 0 before it is sent. */
  id = 0;
  body: SpooledBody = EMPTY_BODY;
  /** When it was handed to the queue; monotonicMs. */
  queuedMs = 0;
  /** See UpstreamAttempt: it is its own, so that the variables cost a request no object. */
  address: string;
  status = 0;
  connectMs = 0;
  headerMs = -1;
  responseMs = -1;
  contentBytes = 0;
  fields: Fields | undefined;
  /** When it was sent to the queue; monotonicMs. */
  sentMs = 0;
  /** The thread that has taken it was told to leave it (retraction.ts). */
  retracted = false;
  /** Past its deadline, sent, and not begun in any slot of the scoreboard when the channel last looked. */
  missed = false;
  /** How long a Python thread may take for it; 0 for any time. */
  readonly limitMs: number;
  private readonly channel: AppChannel;
  private stream: AppStream | undefined;
  private spool: ReplySpool | undefined;
  private bodyOffset = 0;

  constructor(exchange: Exchange, channel: AppChannel, limitMs: number) {
    this.exchange = exchange;
    this.channel = channel;
    this.limitMs = limitMs;
    this.address = channel.name;
  }

  get startedMs(): number {
    return this.queuedMs;
  }

  get isDiscarded(): boolean {
    return this.state === "discarded";
  }

  // ── SpoolOwner ────────────────────────────────────────────────────────────────────────────────────────────────

  collected(body: SpooledBody): void {
    this.body = body;
    this.channel.submit(this);
  }

  failed(why: SpoolFailure, detail?: string): void {
    this.state = "over";
    if (why !== "storage") return;
    this.channel.log.error(`request body could not be stored: ${detail ?? why}`);
    if (this.exchange.reply.state === "waiting") answer(this.exchange, 507);
  }

  // ── what comes from Python ────────────────────────────────────────────────────────────────────────────────────

  /** `length`: bytes of the content that came with the head, of which `data` is here. `last`: and that is all. `lent`: all of it is
   *  somebody else's after the call. */
  replyBegins(stream: AppStream, { head, data, length, last }: ReplyBeginning, lent: boolean): void {
    this.stream = stream;
    if (this.state !== "sent") return this.unwanted(last);
    const { reply } = this.exchange;
    // Without content and without Content-Length come only replies to HEAD and 204, 304: no length is known.
    const parsed = heads.parse(head, last && length !== 0 ? length : LENGTH_UNKNOWN);
    this.headCame(stream, parsed, data.length);
    if (last) {
      this.over();
      return giveWhole(reply, parsed, data, lent);
    }
    this.state = "replying";
    const spool = new ReplySpool(reply, this.channel.spoolOptions, this);
    this.spool = spool;
    spool.start(parsed);
    this.give(data, lent);
  }

  private give(data: Uint8Array, lent: boolean): void {
    if (lent) this.spool?.lend(data);
    else this.spool?.data(data);
  }

  private headCame(stream: AppStream, head: ReplyHead, length: number): void {
    this.address = stream.name;
    this.status = head.status;
    this.fields = head.fields;
    this.headerMs = monotonicMs() - this.queuedMs;
    this.contentBytes = length;
  }

  replyData(data: Uint8Array, last: boolean, lent: boolean): void {
    if (this.state !== "replying") return this.unwanted(last);
    const { spool } = this;
    this.contentBytes += data.length;
    this.give(data, lent);
    if (!last) return;
    this.over();
    spool?.end();
  }

  /** The Python thread waits: it would write what follows to the client itself, if that takes it as it comes. */
  borrow(): void {
    this.spool?.lendOut();
  }

  loanReturned(rest: Uint8Array, counts: Returned, last: boolean): void {
    if (this.state !== "replying") return this.unwanted(last);
    const { spool } = this;
    this.contentBytes += counts.content;
    spool?.returned(rest, counts);
    if (!last) return;
    this.over();
    spool?.end();
  }

  /** The content is that part of the file `fd`: Python is done with it, the rest is the sender's business. */
  replyFile(head: Uint8Array, part: { offset: number; length: number }, fd: number | undefined): void {
    const { state, exchange, channel } = this;
    this.over();
    if (fd === undefined) return this.withoutFile(state);
    if (state !== "sent") return closeSync(fd);
    channel.options.sendFile(exchange, { head: parseReplyHead(head, part.length), fd, offset: part.offset });
  }

  /** It came short of descriptors: the kernel drops what this process has no room for. */
  private withoutFile(state: RequestState): void {
    if (state !== "sent") return;
    this.channel.log.error("the descriptor of a file that an application gave did not arrive: answered 503");
    this.refuse();
  }

  private unwanted(last: boolean): void {
    if (last) this.over();
  }

  replyAborted(why: string): void {
    const { state, spool, exchange } = this;
    if (state === "sent") this.status = 502;
    this.over();
    if (state === "replying") spool?.abort(why);
    else if (state === "sent") answer(exchange, 502);
  }

  /** The thread that took it will not begin it: it may be sent again. False: nobody waits for it. */
  unsent(): boolean {
    if (this.state !== "sent") return false;
    this.state = "waiting";
    this.id = 0;
    this.missed = false;
    this.retracted = false;
    return true;
  }

  /** It came to a Python thread too late and was not run. */
  expired(): void {
    const { state } = this;
    this.over();
    if (state === "sent") this.refuse();
  }

  /** It has run for `ranMs`, longer than it may. What a Python thread still says of it is dropped. */
  timedOut(ranMs: number): void {
    const { state, spool, exchange } = this;
    if (state !== "sent" && state !== "replying") return;
    this.discard();
    const { method, target } = exchange.head;
    const what = state === "sent" ? "is answered with 504" : "is cut, its reply had begun";
    const seconds = (ranMs / 1000).toFixed(1);
    this.channel.log.error(`request ${exchange.requestId}, ${method} ${target}, ${what}: it ran for ${seconds} s`);
    if (state === "replying") spool?.abort("it ran for longer than request_timeout");
    else answerTraced(exchange, 504);
  }

  /** Fills `into` with the next bytes of the body. */
  readBody(into: Uint8Array): boolean {
    if (this.state === "over") return false;
    try {
      for (let have = 0; have < into.length;) {
        const size = this.body.read(this.bodyOffset, have === 0 ? into : into.subarray(have));
        if (size === 0) return false;
        this.bodyOffset += size;
        have += size;
      }
      return true;
    } catch (error) {
      this.channel.log.error(`request body could not be read back: ${(error as Error).message}`);
      return false;
    }
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** 503: not run, and worth another try. */
  refuse(): void {
    this.channel.refused();
    this.status = 503;
    answer(this.exchange, 503, RETRY_AFTER);
  }

  /** Nothing of it is left behind; the reply is the caller's business. */
  over(): void {
    if (this.state === "over") return;
    if (this.state === "discarded") this.channel.board?.forget(this.channel.options.front, this.id);
    this.state = "over";
    if (this.queuedMs !== 0) this.responseMs = monotonicMs() - this.queuedMs;
    this.body.close();
    this.spool = undefined;
    this.stream?.finished(this);
    this.channel.over(this);
  }

  // ── Producer and ReplySource ──────────────────────────────────────────────────────────────────────────────────

  drained(): void {
    // Before the reply begins nothing is given; then the spool is the producer.
  }

  /** The client left. What a Python thread may have taken stays known by its id until that thread is done with it. */
  gone(): void {
    switch (this.state) {
      case "waiting":
        return this.over();
      case "sent":
      case "replying":
        return this.discard();
      case "collecting":
      case "discarded":
      case "over":
        return;
    }
  }

  /** The body stays until Python is done with it: an application that reads it is not to meet an error. */
  private discard(): void {
    const began = this.state === "replying";
    this.state = "discarded";
    this.spool = undefined;
    if (began) this.stream?.cancel(this.id);
    else this.channel.board?.abandon(this.channel.options.front, this.id);
    this.stream?.resume();
  }

  lend(descriptor: number, isChunked: boolean): boolean {
    return this.stream?.lend(this.id, descriptor, isChunked) === true;
  }

  refuseLoan(): void {
    this.stream?.refuseLoan(this.id);
  }

  pause(briefly: boolean): void {
    this.stream?.pause(briefly);
  }

  resume(): void {
    this.stream?.resume();
  }
}
