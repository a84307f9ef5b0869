/** How many processes an app has and for how long each: what was written → what the supervisor goes by. */
import { IDLE_MS } from "../apps/scale.ts";
import { formatSize } from "../base/units.ts";
import type { PoolConfig } from "./app-config.ts";
import type { Context } from "./context.ts";
import type { Section } from "./keys.ts";
import type { APP_POOL } from "./schema-app-pool.ts";

export function resolvePool({ place, values }: Section<typeof APP_POOL>, context: Context): PoolConfig {
  const { max_rss: maxRss, kill_rss: killRss } = values;
  if (maxRss !== undefined && killRss !== undefined && killRss <= maxRss) {
    const should = "should be more than max_rss, at which a process is replaced without harm";
    place.into("kill_rss").wrong({ what: `is ${formatSize(killRss)}`, should });
  }
  const { cores } = context.machine;
  const { min, max, idleMs } = values.processes ?? { min: cores, max: cores, idleMs: IDLE_MS };
  return {
    processes: max,
    processesMin: min,
    idleMs,
    maxRequests: values.max_requests,
    maxLifetimeMs: values.max_lifetime,
    maxRssBytes: maxRss,
    killRssBytes: killRss,
    drainTimeoutMs: values.drain_timeout,
  };
}
