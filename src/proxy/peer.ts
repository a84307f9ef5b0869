/**
 * One server of an upstream at one address: its place in the balance, its idle connections, and what is counted about it.
 * A name with several addresses is several of these.
 */
import { showAddress } from "../net/connect-address.ts";
import { BalancePeer, type Standing, standingOf } from "./balance.ts";
import type { ServerAddress, ServerOptions } from "./options.ts";
import { IdlePool } from "./pool.ts";
import { hash32 } from "./ring.ts";

export class Peer extends BalancePeer {
  readonly address: ServerAddress;
  /** For logs, and for the Host field of clients that send none. */
  readonly name: string;
  /** What a sticky cookie says: tells nothing of the address to who has no list of them. */
  readonly id: string;
  readonly pool: IdlePool;
  readonly options: ServerOptions;
  requests = 0;
  failures = 0;

  constructor(options: ServerOptions, address: ServerAddress, keepalive: number) {
    super(options);
    this.options = options;
    this.address = address;
    this.name = showAddress(address);
    this.id = hash32(this.name).toString(16).padStart(8, "0");
    this.pool = new IdlePool(keepalive);
  }

  status(nowMs: number): PeerStatus {
    return {
      address: this.name,
      state: standingOf(this, nowMs),
      backup: this.backup,
      active: this.active,
      idle: this.pool.size,
      requests: this.requests,
      failures: this.failures,
    };
  }
}

/** Of one front. */
export interface PeerStatus {
  readonly address: string;
  readonly state: Standing;
  readonly backup: boolean;
  /** Requests under way, idle connections. */
  readonly active: number;
  readonly idle: number;
  readonly requests: number;
  readonly failures: number;
}
