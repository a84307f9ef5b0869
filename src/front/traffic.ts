/** What a front knows of the caches and upstreams it uses, as it tells the master; plain data. */
import type { CacheUsage } from "../cache/cache.ts";
import type { UpstreamStatus } from "../proxy/upstream.ts";

export interface FrontTraffic {
  readonly caches: readonly CacheUsage[];
  readonly upstreams: readonly UpstreamStatus[];
  /** Kept replies that were forgotten, when that was asked for. */
  readonly forgotten: number;
}
