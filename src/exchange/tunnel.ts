/**
 * A connection that has left HTTP (101, RFC 9110 section 7.8): what arrives on one wire is written to the other, both ways,
 * until both have ended. Nothing here reads the bytes.
 *
 *   client ──▶ received ──▶ outbox ──▶ server        While an outbox is not empty the wire that fills it is paused, so that
 *   client ◀── outbox ◀── received ◀── server        a tunnel holds no more than one read in each direction.
 *
 * Half-closes are passed on behind the bytes before them. A side that is gone ends the other one as soon as that has what
 * was sent to it: a WebSocket's closing frame is not lost to the reset that comes behind it.
 */
import { EMPTY } from "../base/bytes.ts";
import type { Outbox } from "../net/outbox.ts";
import type { OwnedWire, WireOwner } from "../net/wire.ts";
import type { ReplyHead } from "../protocol/http/message.ts";

/** A side whose peer is gone has this long to read what it was sent and to close (front: LINGER_MS). */
export const TUNNEL_LINGER_MS = 5_000;

/** One end, from whoever had the connection before. */
export interface TunnelEnd {
  readonly wire: OwnedWire;
  readonly outbox: Outbox;
  /** What came behind the head. */
  readonly early: Uint8Array;
  /** The peer has half-closed already. */
  readonly ended: boolean;
}

/** `idle`: nothing moved for too long. `stopped`: this server closed it. */
export type TunnelOutcome = "ended" | "idle" | "stopped";

export interface TunnelOptions {
  readonly idleTimeoutMs: number;
  /** Both wires are closed. Called once. */
  readonly over: (outcome: TunnelOutcome) => void;
}

/** Of a session whose client asked for another protocol: makes its connection one end of a tunnel. */
export interface Upgrader {
  /** Was somebody asked for the other protocol? Set by whoever asks. */
  offered: boolean;
  /** Sends the 101 and joins the two. What it returns closes both, as Tunnel.close does; to no effect when they are. */
  upgrade(head: ReplyHead, server: TunnelEnd, options: TunnelOptions): { close(): void };
}

export class Tunnel {
  private readonly client: Side;
  private readonly server: Side;
  private readonly options: TunnelOptions;
  private state: "open" | "over" = "open";
  private sinceMs = -1;

  constructor(client: TunnelEnd, server: TunnelEnd, options: TunnelOptions) {
    this.options = options;
    this.client = new Side(client, this);
    this.server = new Side(server, this);
    this.client.other = this.server;
    this.server.other = this.client;
  }

  /** From now on it owns both wires. */
  begin(): void {
    this.client.begin();
    this.server.begin();
    this.settle();
  }

  /** Bytes that were sent to the client, behind the 101. */
  get clientBytes(): number {
    return this.client.given;
  }

  /** Passes half-closes on, and is over when there is nothing left to do. */
  settle(): void {
    if (this.state === "over") return;
    this.client.passEnd();
    this.server.passEnd();
    if (this.client.done && this.server.done) this.finish("ended");
  }

  /** Compares its deadline with the clock (base/clock monotonicMs). Whatever moved since the last call begins it anew. */
  tick(nowMs: number): void {
    const moved = [this.client.moved(), this.server.moved()].includes(true);
    if (moved || this.sinceMs === -1) this.sinceMs = nowMs;
    const lingers = this.client.lost || this.server.lost;
    const boundMs = lingers ? TUNNEL_LINGER_MS : this.options.idleTimeoutMs;
    if (nowMs - this.sinceMs >= boundMs) this.finish(lingers ? "ended" : "idle");
  }

  /** Closes both, after what the kernel has taken. */
  close(): void {
    this.finish("stopped");
  }

  private finish(outcome: TunnelOutcome): void {
    if (this.state === "over") return;
    this.state = "over";
    this.client.close();
    this.server.close();
    this.options.over(outcome);
  }
}

/** One wire of a tunnel. */
class Side implements WireOwner {
  /** Set before any event arrives. */
  other: Side | undefined = undefined;
  /** Bytes given to it. */
  given = 0;
  private readonly wire: OwnedWire;
  private readonly outbox: Outbox;
  private readonly tunnel: Tunnel;
  private input: "open" | "ended" | "lost" = "open";
  private output: "open" | "shut" = "open";
  private active = true;
  private early: Uint8Array;

  constructor({ wire, outbox, early, ended }: TunnelEnd, tunnel: Tunnel) {
    this.wire = wire;
    this.early = early;
    this.outbox = outbox;
    this.tunnel = tunnel;
    if (ended) this.input = "ended";
  }

  begin(): void {
    const { wire, early } = this;
    wire.owner = this;
    wire.carryMessages?.();
    this.early = EMPTY;
    if (early.length > 0) this.received(early);
    else if (this.other?.outbox.empty === true) wire.resume();
    else wire.pause();
  }

  // ── WireOwner ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** What the other side does not take at once is copied. */
  glance(bytes: Buffer): boolean {
    this.pass(bytes, "lent");
    return true;
  }

  received(bytes: Uint8Array): void {
    this.pass(bytes, "given");
  }

  private pass(bytes: Uint8Array, how: "lent" | "given"): void {
    const { other } = this;
    // Its reader is gone; what is still to be read from there is awaited.
    if (other === undefined || other.input === "lost") return this.wire.resume();
    this.active = true;
    if (other.give(bytes, how)) this.wire.resume();
    else this.wire.pause();
  }

  private give(bytes: Uint8Array, how: "lent" | "given"): boolean {
    this.given += bytes.length;
    return how === "lent" ? this.outbox.writeSoon(bytes, bytes.length) : this.outbox.write(bytes);
  }

  drained(): void {
    if (this.input === "lost") return;
    const before = this.outbox.pending;
    const done = this.outbox.flush();
    if (this.outbox.pending < before) this.active = true;
    if (!done) return;
    this.other?.wire.resume();
    this.tunnel.settle();
  }

  ended(): void {
    if (this.input === "open") this.input = "ended";
    this.tunnel.settle();
  }

  closed(): void {
    this.input = "lost";
    this.outbox.clear();
    this.other?.wire.resume();
    this.tunnel.settle();
  }

  // ── the tunnel's side ─────────────────────────────────────────────────────────────────────────────────────────

  get lost(): boolean {
    return this.input === "lost";
  }

  /** The other side sends no more: neither do we to this one. */
  passEnd(): void {
    if (this.output === "shut" || this.input === "lost" || this.other?.input === "open" || !this.outbox.sent) return;
    this.output = "shut";
    this.wire.shutdown();
  }

  get done(): boolean {
    return this.input === "lost" || (this.input === "ended" && this.output === "shut");
  }

  /** Since the last call. */
  moved(): boolean {
    const { active } = this;
    this.active = false;
    return active;
  }

  /** A peer that has not read all it was sent must not take that for the whole. */
  close(): void {
    const before = this.input;
    this.input = "lost";
    if (before === "lost") return;
    if (this.outbox.sent) this.wire.close();
    else this.wire.abort();
    this.outbox.clear();
  }
}
