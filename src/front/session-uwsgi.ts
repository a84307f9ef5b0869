/**
 * One connection from a gateway that speaks the uwsgi protocol (nginx's uwsgi_pass): one packet, one exchange, one
 * plain HTTP reply, then the end of the connection. The gateway is trusted to say who its client is.
 *
 *   packet ──▶ exchange ──reply finished──▶ flushing ──▶ (lingering, if some of the body was not read) ──▶ closed
 *
 * A gateway that closes its side has given up on the request (nginx does so when its client leaves; it never
 * half-closes), so that is `gone` here, unlike in HTTP. What the packet says is decided in protocol/uwsgi.
 */
import { assert } from "../base/assert.ts";
import { EMPTY } from "../base/bytes.ts";
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { BodyFailure } from "../exchange/body.ts";
import { answer } from "../exchange/canned.ts";
import { Exchange, type Handler, type Peer } from "../exchange/exchange.ts";
import type { Producer, Reply, ReplyState } from "../exchange/reply.ts";
import { finishedHead } from "../exchange/reply-headers.ts";
import { Outbox } from "../net/outbox.ts";
import type { Wire, WireOwner } from "../net/wire.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import { checkMagicVariables, type LoadedProject } from "../protocol/uwsgi/magic.ts";
import { MODIFIER_PING, PacketParser, PONG } from "../protocol/uwsgi/packet.ts";
import { type GatewayRequest, requestFromVariables } from "../protocol/uwsgi/params.ts";
import { GatewayBody, type GatewayBodyOwner } from "./gateway-body.ts";
import type { Overdue } from "./deadlines.ts";
import { FRESH_MS, LINGER_MS, type RateLimits, type SessionObserver, type SessionTimeouts } from "./options.ts";
import { Pace } from "./pace.ts";
import { refusedReply } from "./refused-reply.ts";
import { ReplyWriter } from "./reply-writer.ts";
import { Report } from "./report.ts";
import { peerOf, reportBug, type Session } from "./session.ts";

export interface UwsgiSessionOptions extends RateLimits {
  readonly handler: Handler;
  /** What the gateway's UWSGI_* variables may name: one of these; empty: no code at all is run, whatever they name. */
  readonly loaded: readonly LoadedProject[];
  readonly timeouts: SessionTimeouts;
  readonly log: Log;
  /** One for all sessions of the thread; see ReplyWriter. */
  readonly scratch: Buffer;
  readonly observer: SessionObserver;
}

type Phase = "packet" | "exchange" | "flushing" | "lingering" | "closed";

export class UwsgiSession implements Session, WireOwner, Reply, GatewayBodyOwner {
  state: ReplyState = "waiting";
  producer: Producer | undefined = undefined;

  private readonly wire: Wire;
  private readonly options: UwsgiSessionOptions;
  private readonly parser = new PacketParser();
  private readonly outbox: Outbox;
  private readonly writer: ReplyWriter;
  private readonly report: Report;
  private readonly sendPace = new Pace();

  private phase: Phase = "packet";
  private exchange: Exchange | undefined = undefined;
  private body: GatewayBody | undefined = undefined;
  private arrival: Uint8Array = EMPTY;
  /** When what is awaited now began: the deadline counts from here. */
  private sinceMs = monotonicMs();

  constructor(wire: Wire, options: UwsgiSessionOptions) {
    this.wire = wire;
    this.options = options;
    this.outbox = new Outbox(wire);
    this.writer = new ReplyWriter(this.outbox, options.scratch);
    this.report = new Report(options, peerOf(wire), this.outbox);
  }

  // ── the wire tells ────────────────────────────────────────────────────────────────────────────────────────────

  received(bytes: Uint8Array): void {
    this.report.arrived(bytes.length);
    if (this.phase === "packet") {
      if (!this.parser.begun) this.sinceMs = monotonicMs();
      this.parser.receive(bytes);
      this.guarded(this.parse);
    } else if (this.phase === "exchange") {
      this.arrival = bytes;
      this.guarded(this.receiveBody);
    }
  }

  private receiveBody(): void {
    const { arrival } = this;
    this.arrival = EMPTY;
    this.body?.receive(arrival);
  }

  drained(): void {
    this.sinceMs = monotonicMs();
    this.guarded(this.flush);
  }

  ended(): void {
    if (this.phase === "packet" || this.phase === "lingering") return this.close();
    if (this.phase === "exchange" && this.state !== "finished") this.close();
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

  // ── the packet ────────────────────────────────────────────────────────────────────────────────────────────────

  private parse(): void {
    switch (this.parser.next()) {
      case "need-data":
        return;
      case "failed":
        return this.refuse(400, this.parser.failure.message);
      case "packet":
        if (this.parser.modifier1 === MODIFIER_PING) return this.pong();
        return this.judge();
    }
  }

  private pong(): void {
    this.phase = "flushing";
    this.outbox.write(PONG);
    this.finishConnection();
  }

  private judge(): void {
    const { variables } = this.parser;
    const refusals = this.options.loaded.map((project) => checkMagicVariables(variables, project));
    const [magic] = refusals;
    if (magic !== undefined && !refusals.includes(undefined)) return this.refuse(403, magic.message);
    const request = requestFromVariables(variables);
    if ("code" in request) return this.refuse(400, request.message);
    this.begin(request);
  }

  private begin(request: GatewayRequest): void {
    this.phase = "exchange";
    const body = new GatewayBody(request.head.bodyLength, this.wire, this);
    this.body = body;
    body.receive(this.parser.takeRest());
    this.report.requests++;
    this.exchange = new Exchange({
      id: this.options.observer.nextId(),
      head: request.head,
      peer: this.peerOf(request),
      body,
      reply: this,
      protocol: request.protocol,
      params: this.parser.variables,
      startedMs: this.sinceMs,
      connection: this.report,
    });
    this.options.handler(this.exchange);
  }

  private peerOf(request: GatewayRequest): Peer {
    const { wire } = this;
    return {
      remoteAddress: request.remoteAddress || wire.remoteAddress,
      remotePort: request.remoteAddress === "" ? wire.remotePort : request.remotePort,
      localAddress: request.localAddress || wire.localAddress,
      localPort: request.localPort || wire.localPort,
      secure: request.secure,
    };
  }

  /** Before there is an exchange. What the gateway still sends is read and thrown away, so that it sees the answer. */
  private refuse(status: number, why: string): void {
    const { wire, writer } = this;
    this.options.log.error(`uwsgi request from ${wire.remoteAddress} refused with ${status}: ${why}`);
    this.phase = "flushing";
    writer.refusal(refusedReply(status, wire));
    this.report.refused(status, writer.contentBytes);
    this.finishConnection();
  }

  // ── GatewayBodyOwner ──────────────────────────────────────────────────────────────────────────────────────────

  bodyBytesMax(): number {
    return this.exchange?.bodyBytesMax ?? 0;
  }

  bodyTooLarge(): void {
    this.report.tooLarge(this.exchange);
    this.bodyBroken("too-large", 413);
  }

  /** The rest of the body will not be read: tells the reader, then the gateway if no reply has begun. */
  private bodyBroken(why: BodyFailure, status: number): void {
    const { exchange } = this;
    this.body?.fail(why);
    if (this.state === "waiting" && exchange !== undefined) answer(exchange, status);
    else if (this.state === "started") this.abort(`the request body is ${why}`);
  }

  // ── Reply ─────────────────────────────────────────────────────────────────────────────────────────────────────

  get status(): number {
    return this.writer.status;
  }

  whole(head: ReplyHead, content: Uint8Array): void {
    if (this.state === "gone" || this.exchange === undefined) return;
    assert(this.state === "waiting", "one reply to a request");
    this.writer.whole(this.exchange.head, finishedHead(this.exchange, head), content, false);
    this.replied();
  }

  start(head: ReplyHead): void {
    if (this.state === "gone" || this.exchange === undefined) return;
    assert(this.state === "waiting", "one reply to a request");
    this.state = "started";
    this.writer.start(this.exchange.head, finishedHead(this.exchange, head), false);
  }

  data(bytes: Uint8Array): boolean {
    if (this.state === "gone") return true;
    assert(this.state === "started", "data belongs to a reply that was started");
    this.countSending();
    return this.writer.data(bytes);
  }

  end(): void {
    if (this.state === "gone") return;
    assert(this.state === "started", "end belongs to a reply that was started");
    if (!this.writer.end()) return this.abort("the reply is shorter than its Content-Length");
    this.replied();
  }

  /** A reset is all there is to tell the gateway by: on a unix socket a reply without Content-Length that breaks off
   *  looks complete to it, with uWSGI too. */
  abort(why: string): void {
    if (this.state === "gone" || this.state === "finished") return;
    this.report.broken(this.exchange, why);
    if (this.state === "waiting" && this.exchange !== undefined) return answer(this.exchange, 502);
    this.destroyQuietly();
  }

  /** The protocol has no interim replies: a gateway would take one for the reply. */
  interim(_head: ReplyHead): void {}

  private replied(): void {
    this.state = "finished";
    this.producer = undefined;
    this.countSending();
    this.finishConnection();
  }

  /** What the kernel does not take at once has its deadline from now on. */
  private countSending(): void {
    if (this.outbox.empty) this.sinceMs = monotonicMs();
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

  private flush(): void {
    if (!this.outbox.flush()) return;
    if (this.state === "started") this.producer?.drained();
    else if (this.state === "finished" || this.phase === "flushing") this.finishConnection();
  }

  /** Closes when all is written. With unread bytes a close is a reset, which destroys the answer (the 502 of nginx in
   *  front of uWSGI): then half-close, and read until the gateway closes. */
  private finishConnection(): void {
    if (this.phase === "closed" || this.phase === "lingering" || !this.outbox.empty) return;
    this.record(this.status);
    if (this.body?.arrived === true) return this.close();
    this.phase = "lingering";
    this.sinceMs = monotonicMs();
    this.body?.release();
    this.wire.shutdown();
  }

  private record(status: number): void {
    const { exchange } = this;
    this.exchange = undefined;
    if (exchange !== undefined) this.report.finished(exchange, status, this.writer.contentBytes, 0);
  }

  private close(): void {
    this.wire.close();
    this.closed();
  }

  /** The gateway left, or the connection is destroyed, in the middle of an exchange. */
  private leave(): void {
    const { producer } = this;
    this.producer = undefined;
    const complete = this.state === "finished";
    if (!complete) this.state = "gone";
    this.body?.fail("aborted");
    if (!complete) producer?.gone();
    this.record(this.status === 0 ? 499 : this.status);
  }

  private destroyQuietly(): void {
    this.producer = undefined;
    this.destroy();
  }

  destroy(): void {
    if (this.phase === "closed") return;
    this.wire.abort();
    this.closed();
  }

  drain(idleToo: boolean): void {
    if (idleToo && this.phase === "packet" && !this.parser.begun) this.close();
  }

  idleSinceMs(nowMs: number): number {
    const idle = this.phase === "packet" && !this.parser.begun && nowMs - this.sinceMs > FRESH_MS;
    return idle ? this.sinceMs : -1;
  }

  // ── deadlines ─────────────────────────────────────────────────────────────────────────────────────────────────

  tick(nowMs: number): void {
    const overdue = this.overdue(nowMs);
    if (overdue === "none") return;
    if (overdue === "linger" || overdue === "idle") return this.close();
    this.report.overdue(overdue, this.exchange);
    if (overdue === "header_timeout") this.guarded(this.packetTimedOut);
    else if (overdue === "body_timeout" || overdue === "min_body_rate") this.guarded(this.bodyTimedOut);
    else this.destroy();
  }

  private overdue(nowMs: number): Exclude<Overdue, "left"> {
    const { outbox, phase, body } = this;
    const { timeouts, sendRateMin, bodyRateMin } = this.options;
    const waitedMs = nowMs - this.sinceMs;
    if (phase === "lingering") return waitedMs > LINGER_MS ? "linger" : "none";
    if (this.sendPace.isTooSlow(nowMs, outbox.taken, !outbox.empty, sendRateMin)) return "min_send_rate";
    if (!outbox.empty) return waitedMs > timeouts.sendMs ? "send_timeout" : "none";
    if (phase === "packet" && waitedMs > timeouts.headerMs) return this.parser.begun ? "header_timeout" : "idle";
    if (phase !== "exchange" || body === undefined) return "none";
    if (body.isTooSlow(nowMs, bodyRateMin)) return "min_body_rate";
    return body.awaited && nowMs - body.sinceMs > timeouts.bodyMs ? "body_timeout" : "none";
  }

  private packetTimedOut(): void {
    this.refuse(408, "the packet did not come in time");
  }

  private bodyTimedOut(): void {
    this.bodyBroken("timeout", 408);
  }
}
