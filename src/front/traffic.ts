/** What a front knows of what it does, as it tells the master; plain data. */
import type { CacheUsage } from "../cache/cache.ts";
import type { UpstreamStatus } from "../proxy/upstream.ts";
import type { RouteCounts } from "../exchange/route-counts.ts";

export interface FrontTraffic {
  readonly front: number;
  /** When this thread began to count, Unix milliseconds: a replaced front counts from zero. */
  readonly since: number;
  readonly caches: readonly CacheUsage[];
  readonly upstreams: readonly UpstreamStatus[];
  readonly routes: readonly RouteCounts[];
  readonly connections: { readonly idle: number; readonly active: number };
  /** Of access logs. */
  readonly lostLogLines: number;
  /** Kept replies that were forgotten, when that was asked for. */
  readonly forgotten: number;
}
