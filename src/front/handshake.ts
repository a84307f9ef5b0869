/**
 * The beginning of an encrypted connection: waits for its handshake, within a bound, then hands the wire over to the session
 * that it belongs to. Here a connection is counted before it has cost more than a socket.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Peer } from "../exchange/exchange.ts";
import type { SecureOwner } from "../net/listen-tls.ts";
import type { TlsFacts } from "../net/tls-facts.ts";
import type { OwnedWire, WireOwner } from "../net/wire.ts";
import { FRESH_MS, type SessionObserver } from "./options.ts";
import { peerOf, type Session } from "./session.ts";

export interface HandshakeOptions {
  /** The whole handshake within this. */
  readonly timeoutMs: number;
  /** Makes the wire's next owner; called once. */
  readonly begin: (wire: OwnedWire, peer: Peer) => WireOwner;
  readonly observer: SessionObserver;
  readonly log: Log;
}

export class Handshake implements Session, SecureOwner {
  private readonly wire: OwnedWire;
  private readonly options: HandshakeOptions;
  private readonly sinceMs = monotonicMs();
  private isOver = false;

  constructor(wire: OwnedWire, options: HandshakeOptions) {
    this.wire = wire;
    this.options = options;
  }

  secured(facts: TlsFacts): void {
    if (this.isOver) return;
    this.over();
    this.wire.owner = this.options.begin(this.wire, { ...peerOf(this.wire), tls: facts });
  }

  /** Scanners do little else; a client of one's own that cannot connect is looked for with `log_level = "info"`. */
  refused(why: string): void {
    this.options.log.info(`${this.wire.remoteAddress}: no TLS: ${why}`);
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
    this.options.observer.limited("handshake_timeout", `${this.wire.remoteAddress}: the connection is closed`);
    this.destroy();
  }
}
