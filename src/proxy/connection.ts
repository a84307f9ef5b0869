/**
 * One connection to an upstream server: wire, outbox, reply parser and the deadline of what it waits for. It serves one
 * transaction at a time and knows nothing of requests.
 *
 *   connecting ──▶ sending ──▶ reading ──▶ idle ──▶ sending …        closed from anywhere
 *                                └──▶ tunnel: the wire is somebody else's, only the count goes on
 *
 * Deadlines are counted in sweeps: whatever made progress since the last `tick` begins anew. So the hot path reads no
 * clock, and a timeout comes up to one sweep late, never early. Where short ones are configured there are sweeps between those of
 * the front (front/upstream-sweeps.ts).
 */
import { assert } from "../base/assert.ts";
import { copyOf, EMPTY } from "../base/bytes.ts";
import type { Member } from "../base/members.ts";
import type { TunnelEnd } from "../exchange/tunnel.ts";
import { connect } from "../net/connect.ts";
import type { ConnectAddress, ConnectOwner } from "../net/connect-address.ts";
import type { ClientTls } from "../net/connect-tls.ts";
import { Outbox } from "../net/outbox.ts";
import type { OwnedWire } from "../net/wire.ts";
import type { ReplyParser } from "./dialect.ts";
import type { Peer } from "./peer.ts";

export type ConnectionPhase = "connecting" | "sending" | "reading" | "idle" | "tunnel" | "closed";

/** `refused` no connection came about · `closed` it ended or broke · `timeout` a deadline passed · `stopped` by this server ·
 *  `bug` an assertion. */
export type LossKind = "refused" | "closed" | "timeout" | "stopped" | "bug";

/** The transaction that has the connection. */
export interface ConnectionUser {
  /** By which it came (ProxyOptions.identity). */
  readonly route: object | undefined;
  connected(): void;
  /** The outbox is empty again. */
  writable(): void;
  /** The parser has something new: bytes, or the end. */
  readable(): void;
  /** What was shown by the last calls of readable() was lent, and is somebody else's from now on. */
  lentOver(): void;
  /** The connection is gone; the parser may still hold bytes that came before. */
  lost(kind: LossKind, why: string): void;
}

/** Whoever keeps the connections. */
export interface ConnectionOwner {
  connectionIdleEnded(connection: UpstreamConnection): void;
  connectionClosed(connection: UpstreamConnection): void;
  bug(error: unknown): void;
}

/** A tunnel as who made it can end it. */
export interface OpenTunnel extends Pick<ConnectionUser, "route"> {
  /** On both sides. To no effect when it is over. */
  close(): void;
}

export interface ConnectionTimeouts {
  readonly connectTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** From the whole request to the whole head of its reply. Default: readTimeoutMs. */
  readonly headTimeoutMs?: number | undefined;
}

export class UpstreamConnection implements ConnectOwner, Member {
  place = -1;
  /** A server may answer without having read the request, and reset the connection behind its answer. */
  readonly hearsOut = true;
  phase: ConnectionPhase = "connecting";
  user: ConnectionUser | undefined;
  readonly parser: ReplyParser;
  readonly peer: Peer;
  /** Is a request on it, in the eyes of the upstream that counts them? */
  busy = false;
  /** Has it served a request before this one? */
  reused = false;
  /** Has a byte of the current reply come? */
  answered = false;
  /** Is what the parser shows only lent? */
  lends = false;
  /** The Keep-Alive field of the last reply. */
  keepAlive: string | undefined = undefined;
  /** Requests it was used for, and when it was made (base/clock monotonicMs, to the sweep). */
  requests = 0;
  readonly madeMs: number;
  /** Sweeps of the front since it became idle: 0 means not long ago. */
  idleSweeps = 0;
  /** When idle: how long it may stay so. */
  idleTimeoutMs = 0;

  private wire: OwnedWire | undefined;
  private outbox: Outbox | undefined;
  private attempt: { cancel(): void } | undefined;
  private tunnel: OpenTunnel | undefined;
  private readonly owner: ConnectionOwner;
  private readonly timeouts: ConnectionTimeouts;
  private peerEnded = false;
  private paused = false;
  private progressed = true;
  private sinceMs = 0;
  /** The head of the reply is still awaited: slivers of it are no progress. */
  private awaitsHead = false;

  constructor(
    peer: Peer,
    parser: ReplyParser,
    owner: ConnectionOwner,
    timeouts: ConnectionTimeouts,
    user: ConnectionUser,
    nowMs: number,
  ) {
    this.peer = peer;
    this.madeMs = nowMs;
    this.parser = parser;
    this.owner = owner;
    this.timeouts = timeouts;
    this.user = user;
  }

  open(address: ConnectAddress, tls: ClientTls | undefined): void {
    this.attempt = connect(address, this, tls);
  }

  // ── the user's side ───────────────────────────────────────────────────────────────────────────────────────────

  /** Begins a request. */
  begin(method: string): void {
    this.parser.expect(method);
    this.phase = "sending";
    this.answered = false;
    this.outbox?.beginCount();
    this.requests++;
    this.awaitsHead = true;
    this.progressed = true;
  }

  /** The head is here, or an interim one. */
  headCame(final: boolean): void {
    this.awaitsHead = !final;
    this.progressed = true;
  }

  /** Bytes of the current request that the kernel took. */
  get bytesWritten(): number {
    return this.outbox?.taken ?? 0;
  }

  /** True when all of it went to the kernel; else the bytes stay untouched until `writable`. */
  write(bytes: Uint8Array): boolean {
    const { outbox } = this;
    if (outbox === undefined || this.phase === "closed") return false;
    const before = outbox.taken;
    const done = outbox.write(bytes);
    if (outbox.taken !== before) this.progressed = true;
    return done;
  }

  /** As write, for a buffer that is used again at once. */
  writeCopying(bytes: Uint8Array, length: number): boolean {
    const { outbox } = this;
    if (outbox === undefined || this.phase === "closed") return false;
    this.progressed = true;
    return outbox.writeSoon(bytes, length);
  }

  get written(): boolean {
    return this.outbox?.empty === true;
  }

  /** All of the request was written: from now on the reply is waited for. */
  requestWritten(): void {
    if (this.phase !== "sending") return;
    this.phase = "reading";
    this.progressed = true;
  }

  pause(): void {
    this.paused = true;
    this.wire?.pause();
  }

  resume(): void {
    this.paused = false;
    this.progressed = true;
    this.wire?.resume();
  }

  /** May another request be made on it, as far as the connection goes? */
  get reusable(): boolean {
    return this.phase === "reading" && !this.peerEnded && !this.paused && this.written && !this.parser.surplus;
  }

  idle(timeoutMs: number): void {
    if (!this.reused) this.wire?.carryMessages?.();
    this.phase = "idle";
    this.user = undefined;
    this.reused = true;
    this.idleSweeps = 0;
    this.idleTimeoutMs = timeoutMs;
    this.progressed = true;
  }

  /** Gives its wire away: what it carries is no HTTP any more. It counts as busy until `tunnelOver`. */
  detach(): TunnelEnd {
    const { wire, outbox, peerEnded } = this;
    assert(wire !== undefined && outbox !== undefined, "a connection that got a reply has a wire");
    this.phase = "tunnel";
    this.user = undefined;
    const early = this.parser.takeBuffered?.() ?? EMPTY;
    return { wire, outbox, early: this.lends ? copyOf(early) : early, ended: peerEnded };
  }

  /** What has the wire now. */
  carries(tunnel: OpenTunnel): void {
    this.tunnel = tunnel;
  }

  tunnelOver(): void {
    if (this.phase === "tunnel") this.close();
  }

  /** Gives it up, whatever it was doing; nobody is told. */
  discard(): void {
    if (this.phase === "closed") return;
    const { wire } = this;
    const gentle = this.written && !this.paused;
    this.attempt?.cancel();
    this.close();
    if (gentle) wire?.close();
    else wire?.abort();
  }

  // ── the wire's side ───────────────────────────────────────────────────────────────────────────────────────────

  connected(wire: OwnedWire): void {
    this.attempt = undefined;
    if (this.phase === "closed") return wire.abort();
    this.wire = wire;
    this.outbox = new Outbox(wire);
    this.guarded("connected");
  }

  failed(why: string): void {
    this.lose("refused", why);
  }

  /** Replies are passed on as they come; whoever cannot do that at once copies. */
  glance(bytes: Buffer): boolean {
    const { user, parser } = this;
    if (this.phase !== "reading" || user === undefined) return false;
    this.lends = true;
    try {
      this.received(bytes);
    } finally {
      this.lends = false;
      parser.own();
      user.lentOver();
    }
    return true;
  }

  received(bytes: Uint8Array): void {
    if (this.phase === "closed") return;
    // Bytes that answer nothing: whatever they are, the next request must not get them.
    if (this.phase === "idle") return this.dropIdle();
    if (!this.awaitsHead) this.progressed = true;
    this.answered = true;
    this.parser.receive(bytes);
    this.guarded("readable");
  }

  drained(): void {
    const { outbox } = this;
    if (outbox === undefined || this.phase === "closed") return;
    const before = outbox.taken;
    const done = outbox.flush();
    if (outbox.taken !== before) this.progressed = true;
    if (done && this.user !== undefined) this.guarded("writable");
  }

  ended(): void {
    if (this.phase === "closed") return;
    if (this.phase === "idle") return this.dropIdle();
    this.peerEnded = true;
    this.parser.receivedEnd(!this.parser.mayEndWithConnection || this.wire?.isEndCertain !== false);
    this.guarded("readable");
  }

  closed(): void {
    this.lose("closed", this.wire?.trouble ?? (this.peerEnded ? "connection closed" : "connection reset"));
  }

  private dropIdle(): void {
    this.owner.connectionIdleEnded(this);
    this.discard();
  }

  private lose(kind: LossKind, why: string): void {
    if (this.phase === "closed") return;
    if (this.phase === "idle") this.owner.connectionIdleEnded(this);
    const { user } = this;
    this.attempt?.cancel();
    this.close();
    try {
      user?.lost(kind, why);
    } catch (error) {
      this.owner.bug(error);
    }
  }

  private close(): void {
    assert(this.phase !== "closed", "a connection is closed once");
    this.phase = "closed";
    this.user = undefined;
    this.attempt = undefined;
    this.wire = undefined;
    this.outbox?.clear();
    this.owner.connectionClosed(this);
  }

  /** An assertion that fires costs this transaction and connection, nothing else. */
  private guarded(event: "connected" | "writable" | "readable"): void {
    try {
      this.user?.[event]();
    } catch (error) {
      this.owner.bug(error);
      this.abandon("bug", "internal error");
    }
  }

  /** By which what is on it came; undefined, too, when it is idle. */
  get route(): object | undefined {
    return (this.tunnel ?? this.user)?.route;
  }

  /** What is on it ends now: a tunnel on both sides, and who waits for a reply hears `stopped`. */
  breakOff(why: string): void {
    if (this.phase === "tunnel") this.tunnel?.close();
    else this.abandon("stopped", why);
  }

  private abandon(kind: LossKind, why: string): void {
    const { wire } = this;
    this.lose(kind, why);
    wire?.abort();
  }

  // ── deadlines ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** The front's sweep. */
  swept(): void {
    if (this.phase === "idle") this.idleSweeps++;
  }

  tick(nowMs: number): void {
    if (this.progressed) {
      this.progressed = false;
      this.sinceMs = nowMs;
    } else if (nowMs - this.sinceMs >= this.timeoutMs()) {
      this.expire();
    }
  }

  /** While a slow client holds the reply back nothing is expected of the upstream. */
  private timeoutMs(): number {
    switch (this.phase) {
      case "connecting":
        return this.timeouts.connectTimeoutMs;
      case "sending":
        return this.timeouts.sendTimeoutMs;
      case "reading":
        return this.paused ? Infinity : this.readingTimeoutMs();
      case "idle":
        return this.idleTimeoutMs;
      case "tunnel":
      case "closed":
        return Infinity;
    }
  }

  private readingTimeoutMs(): number {
    const { headTimeoutMs, readTimeoutMs } = this.timeouts;
    return this.awaitsHead ? (headTimeoutMs ?? readTimeoutMs) : readTimeoutMs;
  }

  private expire(): void {
    if (this.phase === "idle") return this.dropIdle();
    const doing = { connecting: "connect", sending: "write of the request", reading: "read of the reply" };
    const what = this.phase === "closed" || this.phase === "tunnel" ? "" : doing[this.phase];
    this.abandon("timeout", `${what} timed out`);
  }
}
