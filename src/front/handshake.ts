/**
 * The beginning of an encrypted connection: waits for its handshake, within a bound, then hands the wire over to the session
 * that it belongs to. Here a connection is counted before it has cost more than a socket.
 *
 *   (PROXY header, where the address asks for one) ──▶ handshake ──▶ session
 */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Peer } from "../exchange/exchange.ts";
import type { SecureOwner } from "../net/listen-tls.ts";
import type { TlsFacts } from "../net/tls-facts.ts";
import type { OwnedWire, WireOwner } from "../net/wire.ts";
import { ProxyHeaderParser } from "../protocol/proxy-protocol/header.ts";
import { FRESH_MS, type SessionObserver } from "./options.ts";
import { proxiedPeer } from "./proxy-preface.ts";
import { peerOf, type Session } from "./session.ts";

export interface HandshakeOptions {
  /** All of it within this. */
  readonly timeoutMs: number;
  /** It begins with a PROXY header, as proxy-preface.ts reads it of plain connections. */
  readonly isProxied: boolean;
  /** May this address have another connection? Asked before any answer, since that would cost a handshake. */
  readonly mayConnect: (address: string) => boolean;
  /** Makes the wire's next owner; called once. */
  readonly begin: (wire: OwnedWire, peer: Peer) => WireOwner;
  readonly observer: SessionObserver;
  readonly log: Log;
}

export class Handshake implements Session, SecureOwner {
  readonly before: SecureOwner["before"] = undefined;
  private readonly wire: OwnedWire;
  private readonly options: HandshakeOptions;
  private readonly sinceMs = monotonicMs();
  private peer: Peer;
  private isOver = false;

  constructor(wire: OwnedWire, options: HandshakeOptions) {
    this.wire = wire;
    this.options = options;
    this.peer = peerOf(wire);
    if (options.isProxied) {
      const parser = new ProxyHeaderParser();
      this.before = (bytes) => this.readHeader(parser, bytes);
    }
  }

  private readHeader(parser: ProxyHeaderParser, bytes: Uint8Array): number | "more" | "refused" {
    parser.receive(bytes);
    switch (parser.next()) {
      case "need-data":
        return "more";
      case "failed": {
        const why = `${this.wire.remoteAddress}: no PROXY protocol header: ${parser.failure}`;
        this.options.observer.limited("proxy_protocol", why);
        return this.turnAway();
      }
      case "header": {
        this.peer = proxiedPeer(this.peer, parser.addresses);
        const own = bytes.length - parser.takeRest().length;
        return this.options.mayConnect(this.peer.remoteAddress) ? own : this.turnAway();
      }
    }
  }

  private turnAway(): "refused" {
    this.destroy();
    return "refused";
  }

  secured(facts: TlsFacts): void {
    if (this.isOver) return;
    this.over();
    this.wire.owner = this.options.begin(this.wire, { ...this.peer, tls: facts });
  }

  /** Scanners do little else; a client of one's own that cannot connect is looked for with `log_level = "info"`. */
  refused(why: string): void {
    if (this.isOver) return;
    const level = why === "" ? "debug" : "info";
    this.options.log[level](`${this.peer.remoteAddress}: no TLS: ${why || "the client left"}`);
  }

  received(): void {}

  drained(): void {}

  ended(): void {
    this.wire.close();
    this.over();
  }

  closed(): void {
    this.over();
  }

  private over(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.options.observer.closed(this);
  }

  destroy(): void {
    this.wire.abort();
    this.over();
  }

  drain(idleToo: boolean): void {
    if (idleToo) this.destroy();
  }

  idleSinceMs(nowMs: number): number {
    return nowMs - this.sinceMs > FRESH_MS ? this.sinceMs : -1;
  }

  tick(nowMs: number): void {
    if (nowMs - this.sinceMs <= this.options.timeoutMs) return;
    this.options.observer.limited("handshake_timeout", `${this.peer.remoteAddress}: the connection is closed`);
    this.destroy();
  }
}
