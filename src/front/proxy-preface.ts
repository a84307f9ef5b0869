/**
 * The beginning of a connection on a listener that asks for the PROXY protocol: reads the header, then hands the wire over
 * to the session that it belongs to, with the client's address. Whoever sends anything else, or is too slow, is dropped: what
 * follows would be believed (specification section 2: "must not be guessed").
 */
import { monotonicMs } from "../base/clock.ts";
import type { Peer } from "../exchange/exchange.ts";
import type { OwnedWire, WireOwner } from "../net/wire.ts";
import type { ProxiedAddresses } from "../protocol/proxy-protocol/addresses.ts";
import { ProxyHeaderParser } from "../protocol/proxy-protocol/header.ts";
import { FRESH_MS, type SessionObserver } from "./options.ts";
import { peerOf, type Session } from "./session.ts";

export interface PrefaceOptions {
  /** The whole header within this. */
  readonly timeoutMs: number;
  /** Makes the wire's next owner; called once. */
  readonly begin: (wire: OwnedWire, peer: Peer) => WireOwner;
  readonly observer: SessionObserver;
}

export class ProxyPreface implements Session, WireOwner {
  private readonly wire: OwnedWire;
  private readonly options: PrefaceOptions;
  private readonly parser = new ProxyHeaderParser();
  private readonly sinceMs = monotonicMs();
  private phase: "awaited" | "begun" | "over" = "awaited";

  constructor(wire: OwnedWire, options: PrefaceOptions) {
    this.wire = wire;
    this.options = options;
  }

  received(bytes: Uint8Array): void {
    if (this.phase === "over") return;
    this.phase = "begun";
    this.parser.receive(bytes);
    switch (this.parser.next()) {
      case "need-data":
        return;
      case "failed":
        return this.refuse(this.parser.failure);
      case "header":
        return this.handOver();
    }
  }

  private handOver(): void {
    const { wire, options, parser } = this;
    this.closed();
    const next = options.begin(wire, proxiedPeer(peerOf(wire), parser.addresses));
    wire.owner = next;
    const rest = parser.takeRest();
    if (rest.length > 0) next.received(rest);
  }

  private refuse(why: string): void {
    const { remoteAddress } = this.wire;
    this.options.observer.limited("proxy_protocol", `${remoteAddress}: no PROXY protocol header: ${why}`);
    this.destroy();
  }

  drained(): void {}

  /** A health check that only connects is no mistake. */
  ended(): void {
    if (this.phase === "begun") return this.refuse("the connection ended before its end");
    this.wire.close();
    this.closed();
  }

  closed(): void {
    if (this.phase === "over") return;
    this.phase = "over";
    this.options.observer.closed(this);
  }

  destroy(): void {
    this.wire.abort();
    this.closed();
  }

  drain(idleToo: boolean): void {
    if (idleToo && this.phase === "awaited") this.ended();
  }

  idleSinceMs(nowMs: number): number {
    return this.phase === "awaited" && nowMs - this.sinceMs > FRESH_MS ? this.sinceMs : -1;
  }

  tick(nowMs: number): void {
    if (nowMs - this.sinceMs > this.options.timeoutMs) this.refuse("it did not come in time");
  }
}

/** Who the peer is, given what the header says: nothing when the balancer speaks for itself. */
export function proxiedPeer(own: Peer, addresses: ProxiedAddresses | undefined): Peer {
  if (addresses === undefined) return own;
  return {
    remoteAddress: addresses.sourceAddress,
    remotePort: addresses.sourcePort,
    localAddress: addresses.destinationAddress,
    localPort: addresses.destinationPort,
    secure: own.secure,
  };
}
