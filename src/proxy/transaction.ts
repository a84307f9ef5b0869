/**
 * One proxied request, whatever the dialect: collect the body, find a connection, write, read the reply, give it to the
 * client. The one upstream engine.
 *
 *   collecting ──▶ connecting ──▶ waiting ──the end of the reply──▶ over
 *        │            ▲  ▲           │   └──the client left, the work goes on──▶ abandoned ──▶ over
 *        └─ holding ──┘  └───────────┘ another connection or server, as long as that is allowed (retry.ts)
 *
 * Until a byte of the reply was sent every failure is a 502, 503 or 504; after that the client sees the break. The two
 * directions have files of their own: request-side.ts and reply-side.ts.
 */
import { monotonicMs } from "../base/clock.ts";
import { answer } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { Producer } from "../exchange/reply.ts";
import type { ReplySource } from "../exchange/reply-spool.ts";
import { Attempts } from "./attempts.ts";
import type { ConnectionUser, LossKind, UpstreamConnection } from "./connection.ts";
import type { UpstreamReplyHead } from "./dialect.ts";
import type { RetryReason } from "./options.ts";
import type { Peer } from "./peer.ts";
import { ReplySide } from "./reply-side.ts";
import { RequestSide, type RequestSideOwner } from "./request-side.ts";
import { isIdempotent, isServersFault, mayRetry } from "./retry.ts";
import type { SettledOptions } from "./settled.ts";
import type { Upstream } from "./upstream.ts";
import { switchedProtocols } from "./upgrade.ts";
import type { Waiting } from "./waiting-room.ts";

/** Times a request is sent again because its idle connection had just been closed: then on a fresh one. */
const STALE_RETRIES_MAX = 1;

const NONE_TRIED: readonly Peer[] = [];

type Stage = "collecting" | "holding" | "connecting" | "waiting" | "abandoned" | "over";

export class Transaction implements RequestSideOwner, ConnectionUser, Producer, ReplySource, Waiting {
  waitsUntilMs = 0;
  readonly route: object | undefined;
  private exchange: Exchange;
  private readonly upstream: Upstream;
  private readonly request: RequestSide;
  private readonly reply: ReplySide;
  private readonly attempts: Attempts;
  private readonly options: SettledOptions;
  private stage: Stage = "collecting";
  private connection: UpstreamConnection | undefined = undefined;
  private tried: readonly Peer[] = NONE_TRIED;
  private staleRetries = 0;
  /** What the client is told when no server is left. */
  private failureStatus = 503;
  /** How the connection was lost while the parser still had bytes of it. */
  private loss: string | undefined = undefined;
  private paused = false;
  private pulling = false;
  /** Is the status of the reply the server's fault? */
  private isFault = false;

  constructor(exchange: Exchange, upstream: Upstream, options: SettledOptions) {
    this.exchange = exchange;
    this.upstream = upstream;
    this.options = options;
    this.route = options.route.identity;
    this.request = new RequestSide(exchange, upstream, options, this);
    this.reply = new ReplySide(exchange, upstream, options, this);
    this.attempts = new Attempts(exchange);
  }

  begin(): void {
    this.request.collect();
  }

  /** Is it over, was nothing out of the ordinary, and does nobody know of it any more? Then it may `serve` another request. */
  get isFree(): boolean {
    const { reply } = this.exchange;
    const isPlain = this.tried === NONE_TRIED && this.staleRetries + this.waitsUntilMs === 0 && this.request.isBare;
    // Of a reply that was given whole nothing holds the connection back, and nothing fills a spool.
    const isWhole = this.reply.state === "held" && this.loss === undefined && !this.paused && !this.isFault;
    return this.stage === "over" && isPlain && isWhole && reply.state === "finished" && reply.producer !== this;
  }

  serve(exchange: Exchange): void {
    this.exchange = exchange;
    this.stage = "collecting";
    this.request.exchange = exchange;
    this.reply.begin(exchange);
    this.attempts.reset(exchange);
    this.begin();
  }

  requestReady(): void {
    if (this.exchange.reply.state !== "waiting") return this.finish();
    this.exchange.reply.producer = this;
    this.connect();
  }

  requestRefused(status: number, why: string): void {
    this.fail(status, why);
  }

  requestLost(): void {
    this.finish();
  }

  brokenOff(): void {
    this.fail(this.failureStatus, undefined);
  }

  private connect(): void {
    const peer = this.upstream.choose(this.exchange, this.tried);
    if (peer === undefined) this.noneLeft();
    else this.ask(peer);
  }

  private ask(peer: Peer): void {
    const { upstream } = this;
    const idle = upstream.takeIdle(peer, this.request.repeatable && isIdempotent(this.exchange.head.method));
    if (idle === undefined) return this.connectTo(peer);
    idle.user = this;
    this.connection = idle;
    this.attempts.begin(peer.name, true);
    this.send(idle);
  }

  private connectTo(peer: Peer): void {
    this.stage = "connecting";
    this.connection = this.upstream.connect(peer, this);
    this.attempts.begin(peer.name, false);
  }

  /** Nobody can be asked: waits for somebody if it may, else tells the client. */
  private noneLeft(): void {
    const { waitMs = 0 } = this.upstream.options;
    const nowMs = waitMs === 0 ? 0 : monotonicMs();
    if (this.waitsUntilMs === 0) this.waitsUntilMs = nowMs + waitMs;
    if (nowMs < this.waitsUntilMs && this.upstream.waiting.enter(this)) {
      this.stage = "holding";
      return;
    }
    this.fail(this.failureStatus, this.failureStatus === 503 ? "no server of the upstream can be asked" : undefined);
  }

  tryAgain(): void {
    this.tried = NONE_TRIED;
    this.connect();
  }

  waitedInVain(): void {
    this.fail(this.failureStatus, "no server of the upstream could be asked in time");
  }

  connected(): void {
    this.attempts.connected();
    this.upstream.waiting.wake();
    if (this.connection !== undefined) this.send(this.connection);
  }

  private send(connection: UpstreamConnection): void {
    this.stage = "waiting";
    connection.begin(this.exchange.head.method);
    this.request.sendTo(connection);
  }

  writable(): void {
    this.request.goOn();
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
    const status = kind === "timeout" ? 504 : 502;
    this.attempts.failed(status);
    if (kind === "stopped") return this.fail(status, undefined, why);
    const stale = kind === "closed" && connection.reused && !connection.answered;
    if (stale && this.request.mayRepeatOn(connection)) return this.retryStale(connection);
    this.failureStatus = status;
    if (kind === "bug") return this.fail(status, undefined);
    // Ten times a second, while it waits.
    const isSaid = this.waitsUntilMs > 0;
    this.upstream.serverFailed(connection.peer, isSaid ? undefined : `${why}, ${this.request.name}`);
    if (!this.tryNext(connection, kind === "timeout" ? "timeout" : "error")) this.fail(status, undefined);
  }

  /** The server closed an idle connection while the request was under way: once more, on a fresh one. */
  private retryStale(connection: UpstreamConnection): void {
    this.letGo();
    if (++this.staleRetries > STALE_RETRIES_MAX) return this.fail(502, "the connection was closed");
    this.connectTo(connection.peer);
  }

  /** Hands the request to another server, or lets it wait for one. False: it must not be sent again, or nobody is left. */
  private tryNext(connection: UpstreamConnection, reason: RetryReason): boolean {
    const { exchange, upstream, request } = this;
    const unsent = this.stage === "connecting" || connection.bytesWritten === 0;
    const tried = [...this.tried, connection.peer];
    const allowed =
      this.reply.state !== "streaming" &&
      this.stage !== "abandoned" &&
      mayRetry(upstream.options, {
        reason,
        method: exchange.head.method,
        sent: !unsent,
        repeatable: request.repeatable,
        tries: tried.length,
        elapsedMs: this.attempts.elapsedMs,
      });
    const waits = unsent && (upstream.options.waitMs ?? 0) > 0 && request.repeatable;
    // One choice, since each of them is a turn.
    const next = allowed ? upstream.choose(exchange, tried) : undefined;
    if (next === undefined && !waits) return false;
    this.tried = tried;
    this.letGo();
    this.reply.forget();
    this.loss = undefined;
    if (next === undefined) this.noneLeft();
    else this.ask(next);
    return true;
  }

  // ── the reply ─────────────────────────────────────────────────────────────────────────────────────────────────

  readable(): void {
    this.pull();
  }

  private pull(): void {
    if (this.pulling) return;
    this.pulling = true;
    this.attempts.wokenUp();
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
    const { connection } = this;
    if (connection === undefined) return false;
    const { parser } = connection;
    switch (parser.next()) {
      case "need-data":
        return this.needData(connection);
      case "interim":
        connection.headCame(false);
        this.reply.interim(parser.head);
        return true;
      case "head":
        connection.headCame(true);
        return this.headReceived(connection, parser.head);
      case "data":
        return this.dataReceived(parser.data, connection.lends);
      case "end":
        return this.endReceived(connection);
      case "failed":
        return this.replyFailed(connection, parser.failure.code, parser.failure.message);
    }
  }

  private needData(connection: UpstreamConnection): boolean {
    if (this.loss !== undefined) this.replyFailed(connection, "truncated", `${this.loss} within the reply`);
    else this.reply.flush();
    return false;
  }

  /** The parser shows a 101 as a final head. */
  private headReceived(connection: UpstreamConnection, head: UpstreamReplyHead): boolean {
    const { status } = head;
    if (status === 101 && this.switched(connection, head)) return false;
    if (status < 200 || status > 599) {
      return this.replyFailed(connection, "bad_status", `status ${status} was not asked for`);
    }
    this.isFault = isServersFault(status);
    connection.keepAlive = head.keepAlive;
    this.attempts.headCame(status, head.fields);
    if (this.upstream.options.retryOn?.includes(status) === true && this.retriesStatus(connection, status))
      return false;
    if (this.stage !== "abandoned") this.reply.headReceived(head, connection.peer);
    return true;
  }

  /** The connection belongs to a tunnel from now on. False: nobody asked for that. */
  private switched(connection: UpstreamConnection, head: UpstreamReplyHead): boolean {
    const { exchange, upstream } = this;
    const attempt = this.attempts.current;
    if (this.stage !== "waiting" || exchange.reply.state !== "waiting") return false;
    const { route } = this.options;
    if (!switchedProtocols(head, { exchange, upstream, connection, attempt, route })) return false;
    this.connection = undefined;
    this.finish();
    return true;
  }

  /** A status that is the server's fault counts as its failure where such requests go to another. */
  private retriesStatus(connection: UpstreamConnection, status: number): boolean {
    if (this.isFault) this.upstream.serverFailed(connection.peer, `it answered ${status}, ${this.request.name}`);
    return this.tryNext(connection, status);
  }

  private dataReceived(bytes: Uint8Array, lent: boolean): boolean {
    this.attempts.contentCame(bytes.length);
    if (this.stage !== "abandoned") this.reply.data(bytes, lent);
    return true;
  }

  lentOver(): void {
    this.reply.own();
  }

  private endReceived(connection: UpstreamConnection): boolean {
    const { stage } = this;
    const { trailers } = connection.parser;
    this.attempts.ended();
    this.connection = undefined;
    this.stage = "over";
    this.request.close();
    this.upstream.release(connection, this.isFault);
    if (stage !== "abandoned") this.reply.end(trailers);
    this.options.transactions.over(this);
    return false;
  }

  /** What the upstream sent is no reply, or not all of one. */
  private replyFailed(connection: UpstreamConnection, code: string, message: string): boolean {
    if (code === "no_response") {
      this.failedConnection(connection, "closed", "connection closed before a reply");
      return false;
    }
    this.failureStatus = 502;
    this.upstream.serverFailed(connection.peer, `bad reply (${code}): ${message}, ${this.request.name}`);
    this.attempts.failed(502);
    if (!this.tryNext(connection, "error")) this.fail(502, undefined);
    return false;
  }

  // ── the client ────────────────────────────────────────────────────────────────────────────────────────────────

  /** The reply that this object sends itself is one write; there is nothing to go on with. */
  drained(): void {}

  /** Unless it is told otherwise, what nobody waits for is not worked on. */
  gone(): void {
    const ignores = this.upstream.options.ignoreClientAbort === true;
    if (!ignores || this.stage !== "waiting" || !this.request.complete) return this.finish();
    this.stage = "abandoned";
    if (this.paused) this.resume();
  }

  pause(): void {
    if (this.stage !== "waiting") return;
    this.paused = true;
    this.connection?.pause();
  }

  resume(): void {
    this.paused = false;
    this.connection?.resume();
    this.pull();
  }

  /** An error page, or a visible break when the reply has begun. */
  private fail(status: number, why: string | undefined, broken = "broke off its reply"): void {
    if (this.stage === "over") return;
    if (why !== undefined) this.upstream.log.error(`upstream ${this.upstream.name}: ${why}, ${this.request.name}`);
    const { exchange } = this;
    this.finish();
    if (this.reply.abort(`upstream ${this.upstream.name} ${broken}`)) return;
    if (exchange.reply.state === "waiting") exchange.reply.producer = undefined;
    answer(exchange, status);
  }

  /** Lets go of everything. */
  private finish(): void {
    if (this.stage === "holding") this.upstream.waiting.leave(this);
    this.stage = "over";
    this.request.close();
    this.letGo();
  }

  private letGo(): void {
    const { connection } = this;
    this.connection = undefined;
    this.request.detach();
    connection?.discard();
  }
}
