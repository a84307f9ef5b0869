/**
 * One server of an upstream at one address: its place in the balance, its idle connections, and what is counted about it.
 * A name with several addresses is several of these.
 */
import { hash32 } from "../base/hash.ts";
import { showAddress } from "../net/connect-address.ts";
import { BalancePeer, type Standing, standingOf } from "./balance.ts";
import type { Occupancy } from "./occupancy.ts";
import type { ServerAddress, ServerOptions } from "./options.ts";
import { IdlePool } from "./pool.ts";

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

  /** Undefined: nobody else is to know how many requests it has, so that they cost no shared memory. */
  private readonly occupancy: Occupancy | undefined;
  private readonly key: number;

  /** `occupancy`: where its requests are counted for others, too. */
  constructor(options: ServerOptions, address: ServerAddress, keepalive: number, occupancy?: Occupancy) {
    super(options);
    this.options = options;
    this.address = address;
    this.name = showAddress(address);
    this.id = hash32(this.name).toString(16).padStart(8, "0");
    this.pool = new IdlePool(keepalive);
    this.occupancy = occupancy;
    this.key = occupancy?.keyOf(this.name) ?? 0;
  }

  override get occupied(): number {
    return this.occupancy?.of(this.key) ?? this.active;
  }

  override get load(): number {
    return this.occupancy?.about(this.key) ?? this.active;
  }

  begun(): void {
    this.active++;
    this.requests++;
    this.occupancy?.add(this.key, 1);
  }

  ended(): void {
    this.active--;
    this.occupancy?.add(this.key, -1);
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
