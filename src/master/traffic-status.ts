/** What the fronts say of their caches and upstreams → what `server status` says: added up, by route and by server. Pure. */
import type { CacheUsage } from "../cache/cache.ts";
import type { FrontTraffic } from "../front/traffic.ts";
import type { PeerStatus } from "../proxy/peer.ts";

export interface UpstreamServerStatus extends Omit<PeerStatus, "state"> {
  /** How many fronts find it in which state: each judges by its own requests and checks. */
  readonly fronts: Readonly<Partial<Record<PeerStatus["state"], number>>>;
}

export interface TrafficStatus {
  readonly upstreams: readonly { readonly name: string; readonly servers: readonly UpstreamServerStatus[] }[];
  readonly caches: readonly CacheUsage[];
}

export function trafficStatus(answers: readonly FrontTraffic[]): TrafficStatus {
  const upstreams = groups(answers.flatMap((answer) => answer.upstreams)).map((same) => ({
    name: same[0].name,
    servers: same[0].servers.map((_, i) => joinServers(same.flatMap(({ servers }) => servers[i] ?? []))),
  }));
  const caches = groups(answers.flatMap((answer) => answer.caches)).map((same) => same.reduce(joinCaches));
  return { upstreams, caches };
}

/** Of the same name, in the order in which the names come first; none is empty. */
function groups<T extends { readonly name: string }>(all: readonly T[]): [T, ...T[]][] {
  const byName = new Map<string, [T, ...T[]]>();
  for (const each of all) {
    const same = byName.get(each.name);
    if (same === undefined) byName.set(each.name, [each]);
    else same.push(each);
  }
  return [...byName.values()];
}

/** Every front has the same servers in the same order. */
function joinServers(same: readonly PeerStatus[]): UpstreamServerStatus {
  const fronts: Partial<Record<PeerStatus["state"], number>> = {};
  for (const { state } of same) fronts[state] = (fronts[state] ?? 0) + 1;
  const sum = (value: (each: PeerStatus) => number) => same.reduce((total, each) => total + value(each), 0);
  return {
    address: same[0]?.address ?? "",
    backup: same[0]?.backup ?? false,
    active: sum(({ active }) => active),
    idle: sum(({ idle }) => idle),
    requests: sum(({ requests }) => requests),
    failures: sum(({ failures }) => failures),
    fronts,
  };
}

function joinCaches(one: CacheUsage, other: CacheUsage): CacheUsage {
  return {
    name: one.name,
    hits: one.hits + other.hits,
    misses: one.misses + other.misses,
    bypassed: one.bypassed + other.bypassed,
    entries: one.entries + other.entries,
    bytes: one.bytes + other.bytes,
    diskEntries: one.diskEntries + other.diskEntries,
    diskBytes: one.diskBytes + other.diskBytes,
  };
}
