/**
 * One proxied request, whatever the dialect: collect the body, find a connection, write, read the reply, give it to the
 * client. The one upstream engine.
 *
 *   collecting ──▶ connecting ──▶ waiting ──head──▶ held ──▶ streaming ──▶ over
 *                      ▲             │               └──── all of it is here: one write ──▶ over
 *                      └── another connection, as long as that cannot run the request twice
 *
 * A reply that arrived whole is sent whole; longer ones go through a ReplySpool, so that a slow client does not hold the
 * upstream. Until a byte of the reply was sent every failure is a 502 or 504; after that the client sees the break.
 */
import { EMPTY } from "../base/bytes.ts";
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { answer } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { Producer } from "../exchange/reply.ts";
import { ReplySpool, type ReplySource } from "../exchange/reply-spool.ts";
import type { SpoolBudget } from "../exchange/spool-budget.ts";
import { collectBody, EMPTY_BODY, type SpooledBody, type SpoolFailure, type SpoolOwner } from "../exchange/spool.ts";
import type { Fields } from "../protocol/http/fields.ts";
import {
  attemptConnected,
  attemptFailed,
  beginAttempt,
  headCame,
  replyEnded,
  type UpstreamAttempt,
} from "../exchange/upstream-attempt.ts";
import { isBodiless, LENGTH_UNKNOWN, type ReplyHead } from "../protocol/http/message.ts";
import { acceptsTrailers, passableTrailers } from "../protocol/http/trailers.ts";
import type { ConnectionUser, LossKind, UpstreamConnection } from "./connection.ts";
import type { UpstreamReplyHead } from "./dialect.ts";
import { replyFields } from "./forward.ts";
import { RequestWriter } from "./request-writer.ts";
import type { Upstream } from "./upstream.ts";

/** Times a request is sent again because its idle connection had just been closed: then on a fresh one. */
const STALE_RETRIES_MAX = 1;

/** RFC 9110 section 9.2.2: running them twice is running them once. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

const NONE_TRIED: readonly number[] = [];

export interface TransactionOptions {
  readonly temporaryDirectory: string;
  readonly budget?: SpoolBudget;
  readonly log: Log;
}

type Stage = "collecting" | "connecting" | "waiting" | "held" | "streaming" | "over";

export class Transaction implements SpoolOwner, ConnectionUser, Producer, ReplySource {
  private readonly exchange: Exchange;
  private readonly upstream: Upstream;
  private readonly options: TransactionOptions;
  private stage: Stage = "collecting";
  private body: SpooledBody = EMPTY_BODY;
  private requestHead: Buffer = EMPTY;
  private connection: UpstreamConnection | undefined = undefined;
  private writer: RequestWriter | undefined = undefined;
  private tried: readonly number[] = NONE_TRIED;
  private staleRetries = 0;
  private attempt: UpstreamAttempt | undefined = undefined;
  /** How the connection was lost while the parser still had bytes of it. */
  private loss: string | undefined = undefined;
  private paused = false;
  private pulling = false;
  private heldHead: ReplyHead | undefined = undefined;
  private heldData: Uint8Array = EMPTY;
  private spool: ReplySpool | undefined = undefined;

  constructor(exchange: Exchange, upstream: Upstream, options: TransactionOptions) {
    this.exchange = exchange;
    this.upstream = upstream;
    this.options = options;
  }

  begin(): void {
    collectBody(this.exchange, this.options, this);
  }

  // ── the request body ──────────────────────────────────────────────────────────────────────────────────────────

  collected(body: SpooledBody): void {
    const { exchange, upstream } = this;
    this.body = body;
    if (exchange.reply.state !== "waiting") return this.finish();
    const head = upstream.dialect.encode(exchange, body.length, upstream.host);
    if (head === undefined) return this.refuse(431, "the request head does not fit in a packet of 65535 bytes");
    this.requestHead = head;
    exchange.reply.producer = this;
    this.connect();
  }

  /** For all but `storage` the session answers. */
  failed(why: SpoolFailure, detail?: string): void {
    if (why === "storage") this.refuse(500, detail ?? "the request body cannot be stored");
    else this.finish();
  }

  // ── a connection ──────────────────────────────────────────────────────────────────────────────────────────────

  private connect(): void {
    const { upstream } = this;
    const server = upstream.choose(this.tried);
    if (server === -1) return this.refuse(502, "no server of the upstream is left to try");
    const idle = upstream.takeIdle(server, this.isIdempotent());
    if (idle === undefined) return this.connectTo(server);
    idle.user = this;
    this.connection = idle;
    this.beginAttempt(server).connectMs = 0;
    this.send(idle);
  }

  private connectTo(server: number): void {
    this.stage = "connecting";
    this.connection = this.upstream.connect(server, this);
    this.beginAttempt(server);
  }

  /** For the variables $upstream_*. */
  private beginAttempt(server: number): UpstreamAttempt {
    const attempt = beginAttempt(this.upstream.serverName(server), monotonicMs());
    this.attempt = attempt;
    (this.exchange.upstreamAttempts ??= []).push(attempt);
    return attempt;
  }

  connected(): void {
    if (this.attempt !== undefined) attemptConnected(this.attempt, monotonicMs());
    if (this.connection !== undefined) this.send(this.connection);
  }

  private send(connection: UpstreamConnection): void {
    this.stage = "waiting";
    connection.begin(this.exchange.head.method);
    this.writer = new RequestWriter(connection, this.requestHead, this.body);
    this.writable();
  }

  writable(): void {
    const { writer } = this;
    if (writer === undefined) return;
    try {
      writer.write();
    } catch (error) {
      this.fail(500, `the request body cannot be read back: ${(error as Error).message}`);
    }
  }

  /** What came before the loss counts: a reply that is whole is given, whatever happened to its connection then. */
  lost(kind: LossKind, why: string): void {
    const { connection } = this;
    if (connection === undefined || this.stage === "over") return;
    if (kind === "closed" && connection.answered) {
      this.loss = why;
      return this.pull();
    }
    this.failedConnection(connection, kind, why);
  }

  private failedConnection(connection: UpstreamConnection, kind: LossKind, why: string): void {
    if (this.attempt !== undefined) attemptFailed(this.attempt, kind === "timeout" ? 504 : 502, monotonicMs());
    const fresh = !connection.reused;
    if (kind === "closed" && !fresh && !connection.answered && this.mayRepeat(connection)) return this.retryStale();
    if (kind !== "bug") this.upstream.serverFailed(connection.server, `${why}, ${this.describe()}`);
    const unsent = this.stage === "connecting";
    if (unsent || (kind === "closed" && !connection.answered && this.mayRepeat(connection))) {
      if (this.tryNext(connection.server)) return;
    }
    this.fail(kind === "timeout" ? 504 : 502, undefined);
  }

  private mayRepeat(connection: UpstreamConnection): boolean {
    return this.isIdempotent() || connection.bytesWritten === 0;
  }

  private isIdempotent(): boolean {
    return IDEMPOTENT.has(this.exchange.head.method);
  }

  /** The server closed an idle connection while the request was under way: once more, on a fresh one. */
  private retryStale(): void {
    const server = this.connection?.server ?? -1;
    this.connection?.discard();
    this.connection = undefined;
    this.writer = undefined;
    if (++this.staleRetries > STALE_RETRIES_MAX || server === -1) return this.fail(502, "the connection was closed");
    this.connectTo(server);
  }

  private tryNext(failed: number): boolean {
    this.tried = [...this.tried, failed];
    if (this.tried.length >= this.upstream.serverCount) return false;
    this.connection?.discard();
    this.connection = undefined;
    this.writer = undefined;
    this.connect();
    return true;
  }

  // ── the reply ─────────────────────────────────────────────────────────────────────────────────────────────────

  readable(): void {
    this.pull();
  }

  private pull(): void {
    if (this.pulling) return;
    this.pulling = true;
    try {
      while (this.stage !== "over" && !this.paused && this.step());
    } catch (error) {
      this.upstream.bug(error);
      this.finish();
      this.exchange.reply.abort("internal error");
    } finally {
      this.pulling = false;
    }
  }

  /** One event of the parser. False: nothing more to pull now. */
  private step(): boolean {
    const parser = this.connection?.parser;
    if (parser === undefined) return false;
    switch (parser.next()) {
      case "need-data":
        return this.needData();
      case "interim":
        return this.interimReply(parser.head);
      case "head":
        return this.headReceived(parser.head);
      case "data":
        return this.dataReceived(parser.data);
      case "end":
        return this.endReceived();
      case "failed":
        return this.replyFailed(parser.failure.code, parser.failure.message);
    }
  }

  /** No more for now: what is held is not all there is, so it goes out. */
  private needData(): boolean {
    if (this.loss !== undefined) return this.replyFailed("truncated", `${this.loss} within the reply`);
    if (this.stage === "held" && (this.heldData.length > 0 || this.heldHead?.length === LENGTH_UNKNOWN)) this.stream();
    return false;
  }

  /** RFC 9110 section 15.2: passed on, but for 100, which answers an Expect that we do not send. 101 was not asked
   *  for: the parser shows it as a final head. */
  private interimReply(head: UpstreamReplyHead): boolean {
    if (head.status === 100) return true;
    const { status, fields } = head;
    this.exchange.reply.interim({ status, reason: undefined, fields: replyFields(fields), length: 0 });
    return true;
  }

  private headReceived(head: UpstreamReplyHead): boolean {
    const { status, reason } = head;
    if (status < 200 || status > 599) return this.replyFailed("bad_status", `status ${status} was not asked for`);
    const fields = replyFields(head.fields);
    const announced = head.fields.get("trailer");
    if (announced !== undefined && acceptsTrailers(this.exchange.head)) fields.add("Trailer", announced);
    const length = status === 204 ? 0 : head.length;
    if (this.attempt !== undefined) headCame(this.attempt, status, head.fields, monotonicMs());
    this.heldHead = { status, reason: reason === "" ? undefined : reason, fields, length };
    this.stage = "held";
    return true;
  }

  /** The first piece is held: if nothing follows, the reply is sent with one write. */
  private dataReceived(bytes: Uint8Array): boolean {
    if (this.attempt !== undefined) this.attempt.contentBytes += bytes.length;
    if (this.stage === "held" && this.heldData.length === 0) {
      this.heldData = bytes;
      return true;
    }
    if (this.stage === "held") this.stream();
    this.spool?.data(bytes);
    return true;
  }

  private stream(): void {
    const { exchange, heldHead, heldData } = this;
    if (heldHead === undefined) return;
    this.stage = "streaming";
    this.heldData = EMPTY;
    const spool = new ReplySpool(exchange.reply, this.options, this);
    this.spool = spool;
    spool.start(heldHead);
    spool.data(heldData);
  }

  private endReceived(): boolean {
    const trailers = this.trailers();
    // Trailers need chunks: what would be one write otherwise is a stream.
    if (trailers !== undefined && this.stage === "held") this.stream();
    const { exchange, heldHead, heldData, spool, connection } = this;
    const whole = this.stage === "held";
    if (this.attempt !== undefined) replyEnded(this.attempt, monotonicMs());
    this.connection = undefined;
    this.stage = "over";
    this.body.close();
    if (connection !== undefined) this.upstream.release(connection);
    if (!whole) spool?.end(trailers);
    else if (heldHead !== undefined) exchange.reply.whole(this.wholeHead(heldHead, heldData.length), heldData);
    return false;
  }

  /** RFC 9110 section 6.5.1: passed on to a client that takes them, else dropped. */
  private trailers(): Fields | undefined {
    const sent = this.connection?.parser.trailers;
    if (sent === undefined || !acceptsTrailers(this.exchange.head)) return undefined;
    return passableTrailers(sent);
  }

  /** Of a chunked reply the length is known now. */
  private wholeHead(head: ReplyHead, length: number): ReplyHead {
    if (head.length !== LENGTH_UNKNOWN || isBodiless(this.exchange.head.method, head.status)) return head;
    return { status: head.status, reason: head.reason, fields: head.fields, length };
  }

  /** What the upstream sent is no reply, or not all of one. */
  private replyFailed(code: string, message: string): boolean {
    const { connection } = this;
    if (connection === undefined) return false;
    if (code === "no_response") this.failedConnection(connection, "closed", "connection closed before a reply");
    else this.badReply(connection, `bad reply (${code}): ${message}`);
    return false;
  }

  private badReply(connection: UpstreamConnection, why: string): void {
    this.upstream.serverFailed(connection.server, `${why}, ${this.describe()}`);
    if (this.attempt !== undefined) attemptFailed(this.attempt, 502, monotonicMs());
    this.fail(502, undefined);
  }

  // ── the client ────────────────────────────────────────────────────────────────────────────────────────────────

  /** The reply that this object sends itself is one write; there is nothing to go on with. */
  drained(): void {}

  gone(): void {
    this.finish();
  }

  pause(): void {
    if (this.stage !== "streaming") return;
    this.paused = true;
    this.connection?.pause();
  }

  resume(): void {
    this.paused = false;
    this.connection?.resume();
    this.pull();
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

  private refuse(status: number, why: string): void {
    this.upstream.log.error(`upstream ${this.upstream.name}: ${why}, ${this.describe()}`);
    this.fail(status, undefined);
  }

  /** An error page, or a visible break when the reply has begun. */
  private fail(status: number, why: string | undefined): void {
    if (this.stage === "over") return;
    if (why !== undefined) this.upstream.log.error(`upstream ${this.upstream.name}: ${why}, ${this.describe()}`);
    const { spool, exchange } = this;
    this.finish();
    if (exchange.reply.state === "waiting") exchange.reply.producer = undefined;
    if (spool === undefined) answer(exchange, status);
    else spool.abort(`upstream ${this.upstream.name} broke off its reply`);
  }

  /** Lets go of everything. */
  private finish(): void {
    this.stage = "over";
    this.body.close();
    this.writer = undefined;
    const { connection } = this;
    this.connection = undefined;
    connection?.discard();
  }

  private describe(): string {
    const { head, peer } = this.exchange;
    return `request "${head.method} ${head.target}" of ${peer.remoteAddress}`;
  }
}
