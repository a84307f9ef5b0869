/**
 * The servers of an upstream as peers: a name is resolved again whenever its addresses are too old, and every address is a
 * peer of its own. While a name was never resolved it is one peer that is connected by name; when resolving fails what is
 * known is kept. A peer that stays keeps its state and connections; one that goes finishes what it has.
 *
 * Where the configuration says how long addresses are used, the resolver must not answer out of what it has kept by their TTL.
 */
import { type Resolved, resolveName } from "../net/resolve.ts";
import { LookupTurns } from "./lookup-turns.ts";
import { NAME_TTL_MAX_MS, NAME_TTL_MIN_MS, type ServerAddress, type ServerOptions } from "./options.ts";
import type { Occupancy } from "./occupancy.ts";
import { Peer } from "./peer.ts";

/** A host name, as opposed to an address or a path. */
export function isName(address: ServerAddress): boolean {
  return address.kind === "tcp" && !/^[0-9.]+$/.test(address.host) && !address.host.includes(":");
}

interface Named {
  readonly server: ServerOptions;
  readonly host: string;
  readonly port: number;
  peers: readonly Peer[];
  dueMs: number;
  asked: boolean;
}

export interface NamesOwner {
  /** `peers` is another list now. */
  peersChanged(): void;
  /** For the log. */
  nameFailed(host: string, why: string): void;
}

export interface NamesOptions {
  readonly keepalive: number;
  /** 0: what the resolver says. */
  readonly ttlMs: number;
  /** Where requests of that server are counted for all fronts. */
  readonly occupancyFor?: (server: ServerOptions) => Occupancy | undefined;
  readonly turns?: LookupTurns;
}

export class Names {
  /** Of all servers, in the order of the configuration. */
  peers: readonly Peer[] = [];
  private readonly entries: readonly (Named | Peer)[];
  private readonly keepalive: number;
  private readonly ttlMs: number;
  private readonly owner: NamesOwner;
  private readonly occupancyFor: (server: ServerOptions) => Occupancy | undefined;
  private readonly turns: LookupTurns;
  private readonly resolve: (host: string, afresh: boolean) => Promise<Resolved>;
  private tickedMs = -Infinity;

  constructor(
    servers: readonly ServerOptions[],
    options: NamesOptions,
    owner: NamesOwner,
    resolve: Names["resolve"] = resolveName,
  ) {
    this.keepalive = options.keepalive;
    this.ttlMs = options.ttlMs;
    this.occupancyFor = options.occupancyFor ?? (() => undefined);
    this.turns = options.turns ?? new LookupTurns();
    this.owner = owner;
    this.resolve = resolve;
    this.entries = servers.map((server) => this.entryOf(server));
    this.gather();
  }

  private entryOf(server: ServerOptions): Named | Peer {
    const { address } = server;
    const peer = this.makePeer(server, address);
    if (address.kind !== "tcp" || !isName(address)) return peer;
    return { server, host: address.host, port: address.port, peers: [peer], dueMs: -Infinity, asked: false };
  }

  private makePeer(server: ServerOptions, address: ServerAddress): Peer {
    return new Peer(server, address, this.keepalive, this.occupancyFor(server));
  }

  private gather(): void {
    this.peers = this.entries.flatMap((entry) => (entry instanceof Peer ? [entry] : entry.peers));
  }

  tick(nowMs: number): void {
    this.tickedMs = nowMs;
    for (const entry of this.entries) {
      if (entry instanceof Peer || entry.asked || nowMs < entry.dueMs) continue;
      if (this.ttlMs === 0) void this.ask(entry, nowMs);
      else if (this.turns.take()) void this.ask(entry, nowMs).finally(() => this.turns.give());
    }
  }

  private async ask(entry: Named, nowMs: number): Promise<void> {
    entry.asked = true;
    try {
      const { addresses, ttlMs } = await this.resolve(entry.host, this.ttlMs > 0);
      entry.dueMs = nowMs + (this.ttlMs > 0 ? this.ttlMs : withinBounds(ttlMs));
      if (addresses.length > 0) this.update(entry, addresses);
    } catch (error) {
      // From its end on, which may have taken longer than that.
      entry.dueMs = this.tickedMs + NAME_TTL_MIN_MS;
      this.owner.nameFailed(entry.host, (error as Error).message);
    }
    entry.asked = false;
  }

  private update(entry: Named, addresses: readonly string[]): void {
    const hostOf = (peer: Peer) => (peer.address.kind === "tcp" ? peer.address.host : "");
    const before = entry.peers;
    if (before.map(hostOf).join() === addresses.join()) return;
    entry.peers = addresses.map((host) => {
      const address = { kind: "tcp", host, port: entry.port } as const;
      return before.find((peer) => hostOf(peer) === host) ?? this.makePeer(entry.server, address);
    });
    for (const peer of before) if (!entry.peers.includes(peer)) peer.pool.clear();
    this.gather();
    this.owner.peersChanged();
  }
}

function withinBounds(ttlMs: number): number {
  return Math.min(NAME_TTL_MAX_MS, Math.max(NAME_TTL_MIN_MS, ttlMs));
}
