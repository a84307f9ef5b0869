/**
 * One HTTP/1 connection: pulls requests out of the codec, runs one exchange at a time (pipelined requests wait their
 * turn, RFC 9112 section 9.3.2), and is the body source and the reply sink of that exchange.
 *
 *   idle ──head──▶ exchange ──reply finished and request received──▶ idle
 *                     │ refused, broken, or not persistent
 *                     ▼
 *                  flushing ──▶ lingering (half-closed, reads and discards) ──▶ closed
 *
 * It decides when; what goes on the wire is decided in protocol/http1.
 */
import type { BodyFailure } from "../exchange/body.ts";
import { answer } from "../exchange/canned.ts";
import type { Exchange, ExchangeFacts, Peer } from "../exchange/exchange.ts";
import { Outbox } from "../net/outbox.ts";
import type { OwnedWire, WireOwner } from "../net/wire.ts";
import { ServerConnection } from "../protocol/http1/connection.ts";
import type { RequestHead } from "../protocol/http/message.ts";
import { CONTINUE } from "../protocol/http1/write.ts";
import { Deadlines, type Phase } from "./deadlines.ts";
import { beginExchange, exchangeLeft } from "./exchanges.ts";
import { Http1Body, type Http1BodyOwner } from "./http1-body.ts";
import { Http1Reply, type Http1ReplyOwner } from "./http1-reply.ts";
import { RECEIVE_BYTES_MAX, type SessionOptions, TURNS_PER_WAKE_MAX } from "./options.ts";
import { Persistence } from "./persistence.ts";
import { refusedReply } from "./refused-reply.ts";
import { ReplyWriter } from "./reply-writer.ts";
import { Report } from "./report.ts";
import { peerOf, reportBug, type Session } from "./session.ts";
import { Http1Upgrader, mayBeNoRequest } from "./session-tunnel.ts";

/** Of the exchange that begins, which copies them: one object for all of a thread. All are set before they are read. */
const facts = { params: undefined } as { -readonly [Name in keyof ExchangeFacts]: ExchangeFacts[Name] };

export class Http1Session implements Session, WireOwner, Http1BodyOwner, Http1ReplyOwner {
  exchange: Exchange | undefined = undefined;

  readonly wire: OwnedWire;
  readonly options: SessionOptions;
  private readonly peer: Peer;
  readonly connection: ServerConnection;
  readonly outbox: Outbox;
  private readonly writer: ReplyWriter;
  private readonly reply: Http1Reply;

  private phase: Phase = "idle";
  private readonly body = new Http1Body(this);
  private readonly persistence: Persistence;
  readonly report: Report;
  private readonly deadlines: Deadlines;
  private draining = false;
  private lingerNeeded = false;
  private pumping = false;

  /** `peer`: when somebody else than the wire says who that is (PROXY protocol). */
  constructor(wire: OwnedWire, options: SessionOptions, peer: Peer = peerOf(wire)) {
    this.wire = wire;
    this.options = options;
    this.peer = peer;
    this.connection = new ServerConnection(options.headLimits, options.headMemo);
    this.outbox = new Outbox(wire);
    this.writer = new ReplyWriter(this.outbox, options.scratch);
    const { connection, outbox, body } = this;
    this.reply = new Http1Reply(this, connection, outbox, this.writer);
    this.report = new Report(options, peer, outbox);
    this.persistence = new Persistence(options, this.report.openedMs);
    this.deadlines = new Deadlines({ options, connection, outbox, body, persistence: this.persistence });
  }

  /** A head that repeats is known by its bytes. */
  glance(bytes: Buffer): boolean {
    if (this.phase !== "idle" || !this.connection.recognize(bytes)) return false;
    this.deadlines.beginTurn(true);
    this.report.arrived(bytes.length);
    this.guarded(this.pumpNow);
    return true;
  }

  received(bytes: Uint8Array): void {
    if (this.phase === "lingering" || this.phase === "flushing") return this.deadlines.discarded(this.phase);
    this.deadlines.beginTurn(this.countsFromNow());
    this.report.arrived(bytes.length);
    this.connection.receive(bytes);
    this.guarded(this.pumpNow);
  }

  /** The first byte of a head begins its (absolute) deadline; every read of a body begins a new one. */
  private countsFromNow(): boolean {
    if (this.phase === "idle") return !this.connection.requestBegun;
    return this.body.flowing;
  }

  drained(): void {
    this.deadlines.restart();
    this.guarded(this.flush);
  }

  ended(): void {
    if (this.phase === "lingering") return this.close();
    this.connection.receivedEnd();
    this.guarded(this.pump);
    if (this.phase === "exchange") this.reply.probe();
  }

  closed(): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    this.guarded(this.leave);
    this.outbox.clear();
    this.options.observer.closed(this);
  }

  /** Runs a step; an assertion that fires closes this session and is logged as a bug, and nothing else suffers. */
  private guarded(step: () => void): void {
    try {
      step.call(this);
    } catch (error) {
      reportBug(this.options.log, error);
      this.destroy();
    }
  }

  private pump(): void {
    if (this.pumping) return;
    this.deadlines.beginTurn(false);
    this.pumpNow();
  }

  private pumpNow(): void {
    if (this.pumping) return;
    this.pumping = true;
    try {
      let turns = TURNS_PER_WAKE_MAX;
      while (this.mayPull() && this.step()) {
        if (--turns > 0) continue;
        setImmediate(() => this.guarded(this.pump));
        break;
      }
    } finally {
      this.pumping = false;
    }
    this.balanceReceiving();
  }

  private mayPull(): boolean {
    if (this.phase === "idle") return this.outbox.empty;
    if (this.phase !== "exchange") return false;
    if (this.body.received) return this.reply.state === "finished" && this.outbox.empty;
    return this.body.flowing;
  }

  /** One event of the codec. False: nothing more to pull now. */
  private step(): boolean {
    switch (this.connection.next()) {
      case "need-data":
        if (this.connection.ended && this.phase === "idle") this.finishConnection();
        return false;
      case "paused":
        return false;
      case "head":
        this.begin();
        return true;
      case "data":
        this.bodyReceived(this.connection.data);
        return true;
      case "end":
        this.requestEnded();
        return true;
      case "failed":
        this.refuse();
        return false;
    }
  }

  /** The kernel's buffer holds the client back while we hold enough of its bytes. */
  private balanceReceiving(): void {
    if (this.connection.bufferedBytes > RECEIVE_BYTES_MAX && !this.mayPull()) this.wire.pause();
    else this.wire.resume();
  }

  private begin(): void {
    const { head } = this.connection;
    this.phase = "exchange";
    this.reply.begin();
    this.body.begin(head);
    this.persistence.begun();
    this.deadlines.beginExchange();
    if (++this.report.requests === 2) this.wire.carryMessages?.();
    const exchange = beginExchange(this.factsOf(head));
    this.exchange = exchange;
    if (head.upgrade !== undefined) exchange.upgrader = new Http1Upgrader(this, exchange);
    this.options.handler(exchange);
  }

  private factsOf(head: RequestHead): ExchangeFacts {
    facts.id = this.options.observer.nextId();
    facts.head = head;
    facts.peer = this.peer;
    facts.body = this.body;
    facts.reply = this.reply;
    facts.protocol = head.minor === 1 ? "HTTP/1.1" : "HTTP/1.0";
    facts.startedMs = this.deadlines.sinceMs;
    facts.connection = this.report;
    return facts;
  }

  /** The connection is a tunnel from now on. */
  release(): void {
    this.reply.release();
    this.exchange = undefined;
    this.phase = "closed";
  }

  bodyWanted(first: boolean): void {
    this.deadlines.restart();
    if (first) this.sendContinue();
    this.guarded(this.pump);
  }

  /** Only when the body is wanted, and pointless once some of it has come (RFC 9110 section 10.1.1). */
  private sendContinue(): void {
    if (!this.connection.head.expectsContinue || this.reply.state !== "waiting") return;
    this.body.continued = true;
    if (this.connection.bufferedBytes === 0) this.outbox.write(CONTINUE);
  }

  private bodyReceived(bytes: Uint8Array): void {
    const received = this.body.receive(bytes, this.exchange?.bodyBytesMax ?? 0);
    if (received === "too-large") this.bodyBroken("too-large", 413);
    else if (received === "enough") this.bodyAbandoned();
  }

  /** More comes than is worth receiving behind an answer. */
  private bodyAbandoned(): void {
    this.persistence.end();
    this.lingerNeeded = true;
    this.finishConnection();
  }

  private requestEnded(): void {
    this.body.end(this.connection.trailers);
    this.settle();
  }

  /** The rest of the body will not be read: tells the reader, then the client if no reply has begun. */
  private bodyBroken(why: BodyFailure, status: number): void {
    const { exchange } = this;
    if (why === "too-large") this.report.tooLarge(exchange);
    this.persistence.end();
    this.lingerNeeded = true;
    this.body.fail(why);
    if (this.reply.state === "waiting" && exchange !== undefined) answer(exchange, status);
    else if (this.reply.state === "started") this.destroy();
    else if (this.reply.state === "finished") this.finishConnection();
  }

  /** The codec refused the bytes: RFC 9112 section 2.2, 400 (or its own status) and close. */
  private refuse(): void {
    const { failure } = this.connection;
    if (this.phase === "exchange") {
      const aborted = failure.code.startsWith("truncated");
      return this.bodyBroken(aborted ? "aborted" : "malformed", failure.status);
    }
    this.report.malformed(failure);
    this.refuseWith(failure.status);
  }

  private refuseWith(status: number): void {
    this.lingerNeeded = true;
    this.writer.refusal(refusedReply(status, this.peer, this.options), this.connection.asksForHead);
    this.report.refused(status, this.writer.contentBytes, this.connection.unreadLine);
    this.finishConnection();
  }

  broken(why: string, fatal: boolean): void {
    this.report.broken(this.exchange, why);
    if (fatal) this.destroy();
  }

  lastReply(): void {
    this.persistence.end();
  }

  /** RFC 9112 section 9.6, with our own reasons to close added. */
  decidePersistence(): boolean {
    const { head, ended, bufferedBytes } = this.connection;
    const { persistence } = this;
    const last = this.draining || (ended && bufferedBytes === 0) || mayBeNoRequest(this.exchange);
    const stays = persistence.decide(head, !last && this.body.canBeFinished, this.deadlines.sinceMs);
    if (persistence.reached !== undefined) this.report.outlived(persistence.reached, this.exchange);
    return stays;
  }

  replied(): void {
    const unread = (!this.body.received && this.body.length !== 0) || mayBeNoRequest(this.exchange);
    if (!this.persistence.stays && unread) this.lingerNeeded = true;
    this.body.discardUnread();
    this.settle();
  }

  private flush(): void {
    if (!this.outbox.flush()) return;
    if (this.phase === "flushing") return this.finishConnection();
    if (this.reply.state === "started") this.reply.producer?.drained();
    this.settle();
    // A reply that was to be sent soon, and did not go, has held up the next request.
    if (this.phase === "idle") this.pumpNow();
  }

  /** Is the exchange over? Its reply must be with the kernel; a request that is still coming in is waited for only if
   *  the connection goes on. */
  private settle(): void {
    if (this.phase !== "exchange" || this.reply.state !== "finished" || !this.outbox.empty) return;
    const { exchange } = this;
    this.record(this.writer.status);
    if (exchange !== undefined && this.reply.left) exchangeLeft(exchange);
    this.deadlines.exchangeOver(this.pumping);
    if (!this.persistence.stays) return this.finishConnection();
    if (!this.body.received) return this.pumpNow();
    this.persistence.finished(this.connection.bufferedBytes);
    this.report.requestOver(this.connection.bufferedBytes);
    this.connection.nextRequest();
    this.phase = "idle";
    if (this.draining) return this.finishConnection();
    this.pumpNow();
  }

  private record(status: number): void {
    const { exchange } = this;
    this.exchange = undefined;
    if (exchange === undefined) return;
    this.report.finished(exchange, status, this.writer.contentBytes, this.connection.bufferedBytes);
  }

  /** No further request is served: flush, then close; lingering when the client may still be sending, since a close
   *  with unread bytes is a reset that destroys the answer (RFC 9112 section 9.6). */
  private finishConnection(): void {
    if (this.phase === "closed" || this.phase === "lingering") return;
    this.phase = "flushing";
    if (!this.outbox.sent) return;
    this.record(this.writer.status);
    if (!this.lingerNeeded || this.connection.ended) return this.close();
    this.phase = "lingering";
    this.deadlines.beginLingering();
    this.connection.takeBuffered();
    this.wire.resume();
    this.wire.shutdown();
  }

  private close(): void {
    this.wire.close();
    this.closed();
  }

  /** The client left, or the connection is destroyed, in the middle of an exchange. */
  private leave(): void {
    const producer = this.reply.leave();
    this.writer.closed();
    this.body.fail("aborted");
    producer?.gone();
    this.record(this.writer.status === 0 ? 499 : this.writer.status);
  }

  destroy(): void {
    if (this.phase === "closed") return;
    this.wire.abort();
    this.closed();
  }

  drain(idleToo: boolean): void {
    this.draining = true;
    if (idleToo && this.phase === "idle" && !this.connection.requestBegun) this.finishConnection();
  }

  idleSinceMs(nowMs: number): number {
    return this.phase === "idle" ? this.deadlines.idleSinceMs(nowMs) : -1;
  }

  /** 408: RFC 9110 section 15.5.9. */
  tick(nowMs: number): void {
    const overdue = this.deadlines.overdue(this.phase, nowMs);
    if (overdue === "none") return;
    if (overdue === "linger") return this.close();
    if (overdue === "left") return this.reply.probe() ? undefined : this.destroy();
    this.report.overdue(overdue, this.exchange);
    if (overdue === "idle") return this.finishConnection();
    if (overdue === "header_timeout") this.guarded(() => this.refuseWith(408));
    else if (overdue === "send_timeout" || overdue === "min_send_rate") this.destroy();
    else this.guarded(() => this.bodyBroken("timeout", 408));
  }
}
