/**
 * One connection from a gateway that speaks the uwsgi protocol (nginx's uwsgi_pass): one packet, one exchange, one
 * plain HTTP reply, then the end of the connection. The gateway is trusted to say who its client is.
 *
 *   packet ──▶ exchange ──reply finished──▶ flushing ──▶ (lingering, if some of the body was not read) ──▶ closed
 *
 * A gateway that closes its side has given up on the request (nginx does so when its client leaves; it never
 * half-closes), so that is `gone` here, unlike in HTTP. What the packet says is decided in protocol/uwsgi.
 */
import { assert, AssertionError } from "../base/assert.ts";
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { BodyFailure, BodyReader, RequestBody } from "../exchange/body.ts";
import { answer } from "../exchange/canned.ts";
import { Exchange, type Handler, type Peer } from "../exchange/exchange.ts";
import type { Producer, Reply, ReplyState } from "../exchange/reply.ts";
import { Outbox } from "../net/outbox.ts";
import type { Wire, WireOwner } from "../net/wire.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import { checkMagicVariables, type LoadedProject } from "../protocol/uwsgi/magic.ts";
import { MODIFIER_PING, PacketParser, PONG } from "../protocol/uwsgi/packet.ts";
import { type GatewayRequest, requestFromVariables } from "../protocol/uwsgi/params.ts";
import {
  DISCARD_BYTES_MAX,
  LINGER_MS,
  RECEIVE_BYTES_MAX,
  type Session,
  type SessionObserver,
  type SessionTimeouts,
} from "./options.ts";
import { ReplyWriter } from "./reply-writer.ts";

export interface UwsgiSessionOptions {
  readonly handler: Handler;
  /** What the gateway's UWSGI_* variables may name. */
  readonly loaded: LoadedProject;
  readonly timeouts: SessionTimeouts;
  readonly log: Log;
  /** One for all sessions of the thread; see ReplyWriter. */
  readonly scratch: Buffer;
  readonly observer: SessionObserver;
}

type Phase = "packet" | "exchange" | "flushing" | "lingering" | "closed";
/** Where the content of the request stands. `unread`: nobody has asked for it. */
type BodyPhase = "unread" | "reading" | "paused" | "discarding" | "received";

export class UwsgiSession implements Session, WireOwner, RequestBody, Reply {
  state: ReplyState = "waiting";
  producer: Producer | undefined = undefined;
  /** Of the request body (RequestBody). */
  length = 0;

  private readonly wire: Wire;
  private readonly options: UwsgiSessionOptions;
  private readonly parser = new PacketParser();
  private readonly outbox: Outbox;
  private readonly writer: ReplyWriter;

  private phase: Phase = "packet";
  private bodyPhase: BodyPhase = "unread";
  private exchange: Exchange | undefined = undefined;
  private reader: BodyReader | undefined = undefined;
  /** Body bytes that were received and not yet delivered, and how many are still to be delivered in all. */
  private held: Uint8Array[] = [];
  private heldBytes = 0;
  private remaining = 0;
  private discarded = 0;
  private delivering = false;
  private wirePaused = false;
  private sinceMs = monotonicMs();

  constructor(wire: Wire, options: UwsgiSessionOptions) {
    this.wire = wire;
    this.options = options;
    this.outbox = new Outbox(wire);
    this.writer = new ReplyWriter(this.outbox, options.scratch);
  }

  // ── the wire tells ────────────────────────────────────────────────────────────────────────────────────────────

  received(bytes: Uint8Array): void {
    if (this.phase === "packet") {
      if (!this.parser.begun) this.sinceMs = monotonicMs();
      this.parser.receive(bytes);
      this.guarded(this.parse);
    } else if (this.phase === "exchange" && this.bodyPhase !== "received") {
      if (this.bodyPhase === "reading") this.sinceMs = monotonicMs();
      this.hold(bytes);
      this.guarded(this.deliver);
    }
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
      const kind = error instanceof AssertionError ? "bug" : "unexpected error";
      this.options.log.crit(`${kind} in a uwsgi session: ${error instanceof Error ? error.stack : String(error)}`);
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
    const magic = checkMagicVariables(variables, this.options.loaded);
    if (magic !== undefined) return this.refuse(403, magic.message);
    const request = requestFromVariables(variables);
    if ("code" in request) return this.refuse(400, request.message);
    this.begin(request);
  }

  private begin(request: GatewayRequest): void {
    this.phase = "exchange";
    this.length = this.remaining = request.head.bodyLength;
    if (this.length === 0) this.bodyPhase = "received";
    else this.hold(this.parser.takeRest());
    this.exchange = new Exchange({
      id: this.options.observer.nextId(),
      head: request.head,
      peer: this.peerOf(request),
      body: this,
      reply: this,
      protocol: request.protocol,
      params: this.parser.variables,
      startedMs: this.sinceMs,
    });
    this.sinceMs = monotonicMs();
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
    writer.refusal(status);
    this.options.observer.refused(wire, status);
    this.finishConnection();
  }

  // ── RequestBody ───────────────────────────────────────────────────────────────────────────────────────────────

  read(reader: BodyReader): void {
    if (this.length === 0) return reader.bodyEnd();
    assert(this.bodyPhase === "unread", "a request body is read once");
    this.reader = reader;
    this.bodyPhase = "reading";
    this.sinceMs = monotonicMs();
    const bound = this.exchange?.bodyBytesMax ?? 0;
    if (bound > 0 && this.length > bound) return this.bodyBroken("too-large", 413);
    this.deliver();
  }

  pause(): void {
    if (this.bodyPhase === "reading") this.bodyPhase = "paused";
  }

  resume(): void {
    if (this.bodyPhase !== "paused") return;
    this.bodyPhase = "reading";
    this.sinceMs = monotonicMs();
    this.guarded(this.deliver);
  }

  /** Bytes beyond CONTENT_LENGTH are nobody's: they are never taken for another packet (uWSGI issue 2336). */
  private hold(bytes: Uint8Array): void {
    const length = Math.min(bytes.length, this.remaining - this.heldBytes);
    if (length <= 0) return;
    this.held.push(length === bytes.length ? bytes : bytes.subarray(0, length));
    this.heldBytes += length;
  }

  private deliver(): void {
    if (this.delivering) return;
    this.delivering = true;
    try {
      while (this.heldBytes > 0 && this.deliverOne());
    } finally {
      this.delivering = false;
    }
    if (this.remaining === 0 && this.bodyPhase === "reading") this.bodyComplete();
    this.balanceReceiving();
  }

  private deliverOne(): boolean {
    if (this.bodyPhase !== "reading" && this.bodyPhase !== "discarding") return false;
    const bytes = this.held.shift();
    if (bytes === undefined) return false;
    this.heldBytes -= bytes.length;
    this.remaining -= bytes.length;
    if (this.bodyPhase === "reading") this.reader?.bodyData(bytes);
    else this.discarded += bytes.length;
    return true;
  }

  private bodyComplete(): void {
    const { reader } = this;
    this.bodyPhase = "received";
    this.reader = undefined;
    reader?.bodyEnd();
  }

  /** The kernel's buffer holds the gateway back while we hold enough of its bytes. */
  private balanceReceiving(): void {
    const enough = this.heldBytes > RECEIVE_BYTES_MAX;
    if (enough === this.wirePaused || this.phase === "closed") return;
    this.wirePaused = enough;
    if (enough) this.wire.pause();
    else this.wire.resume();
  }

  /** The rest of the body will not be read: tells the reader, then the gateway if no reply has begun. */
  private bodyBroken(why: BodyFailure, status: number): void {
    const { reader, exchange } = this;
    this.reader = undefined;
    this.bodyPhase = "discarding";
    reader?.bodyFailed(why);
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
    this.writer.whole(this.exchange.head, head, content, false);
    this.replied();
  }

  start(head: ReplyHead): void {
    if (this.state === "gone" || this.exchange === undefined) return;
    assert(this.state === "waiting", "one reply to a request");
    this.state = "started";
    this.writer.start(this.exchange.head, head, false);
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
    this.options.log.error(`${this.describe()}: ${why}`);
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
    const refused = this.phase === "flushing";
    this.record(this.status);
    if (!refused && this.remaining === this.heldBytes) return this.close();
    this.phase = "lingering";
    this.held = [];
    this.sinceMs = monotonicMs();
    if (this.wirePaused) this.wire.resume();
    this.wirePaused = false;
    this.wire.shutdown();
  }

  private record(status: number): void {
    const { exchange } = this;
    this.exchange = undefined;
    if (exchange !== undefined) this.options.observer.finished(exchange, status, this.writer.contentBytes);
  }

  private close(): void {
    this.wire.close();
    this.closed();
  }

  /** The gateway left, or the connection is destroyed, in the middle of an exchange. */
  private leave(): void {
    const { reader, producer } = this;
    this.reader = undefined;
    this.producer = undefined;
    this.held = [];
    const complete = this.state === "finished";
    if (!complete) this.state = "gone";
    reader?.bodyFailed("aborted");
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

  drain(): void {
    if (this.phase === "packet" && !this.parser.begun) this.close();
  }

  // ── deadlines ─────────────────────────────────────────────────────────────────────────────────────────────────

  tick(nowMs: number): void {
    const waitedMs = nowMs - this.sinceMs;
    const { timeouts } = this.options;
    if (this.phase === "lingering") {
      if (waitedMs > LINGER_MS) this.close();
    } else if (!this.outbox.empty) {
      if (waitedMs > timeouts.sendMs) this.expire("the gateway does not read");
    } else if (this.phase === "packet") {
      if (waitedMs > timeouts.headerMs) this.guarded(this.packetTimedOut);
    } else if (this.phase === "exchange" && this.bodyPhase === "reading") {
      if (waitedMs > timeouts.bodyMs) this.guarded(this.bodyTimedOut);
    }
  }

  private packetTimedOut(): void {
    if (!this.parser.begun) return this.close();
    this.refuse(408, "the packet did not come in time");
  }

  private bodyTimedOut(): void {
    this.bodyBroken("timeout", 408);
  }

  private expire(why: string): void {
    this.options.log.info(`${this.describe()}: ${why}`);
    this.destroy();
  }

  private describe(): string {
    const { exchange } = this;
    if (exchange === undefined) return `${this.wire.remoteAddress} (uwsgi)`;
    return `${exchange.peer.remoteAddress} "${exchange.head.method} ${exchange.head.target}"`;
  }
}
