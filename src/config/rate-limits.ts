/** [limit.NAME] as it was written → the limit as it is kept; and the names of limits that sites and routes say. */
import { formatDuration } from "../base/units.ts";
import type { Scope } from "../exchange/scope.ts";
import type { RateLimitConfig } from "./config.ts";
import type { Section } from "./keys.ts";
import type { Placed } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import type { ROOT } from "./schema.ts";
import type { LIMIT } from "./schema-guards.ts";
import { readTemplate } from "./templates.ts";

/** Nobody waits longer for a page; a gateway in front of us gives up after a minute. */
const WAIT_MAX_MS = 60_000;

type LimitSection = Placed<Section<typeof LIMIT>> & { readonly name: string };

/** `scope`: what a key may name; captures of a route are none of it, since routes share the limit. */
export function resolveRateLimits(limits: readonly LimitSection[], scope: Scope): RateLimitConfig[] {
  return limits.flatMap(({ name, place, value: { values } }) => {
    const key = readTemplate(place.into("key"), values.key, scope);
    const { rate, burst, delay, entries, status } = values;
    if (delay !== undefined && delay > burst) place.into("delay").unfit(`at most the burst, ${burst}`);
    const waitMs = rate === undefined || delay === undefined ? 0 : ((burst - delay) * rate.intervalUs) / 1000;
    if (waitMs > WAIT_MAX_MS) {
      const what = `lets a request wait for ${formatDuration(Math.floor(waitMs / 1000) * 1000)}`;
      place
        .into("delay")
        .wrong({ what, should: `should be nearer to the burst: at most ${formatDuration(WAIT_MAX_MS)}` });
    }
    if (key === undefined || rate === undefined) return [];
    return [{ name, rate: rate.text, intervalUs: rate.intervalUs, key: values.key, burst, delay, entries, status }];
  });
}

/** Names that refer to nothing, and limits that nobody names. */
export function checkLimitNames({ values }: Section<typeof ROOT>): void {
  const known = values.limit.map((limit) => limit.name);
  const used = new Set<string>();
  const sections = values.site.flatMap((site) => [site.value, ...(site.value.values.routes ?? []).map((r) => r.value)]);
  for (const section of sections) {
    for (const { place, value } of section.values.limit ?? []) {
      used.add(value);
      if (known.includes(value)) continue;
      const suggestion = nearest(value, known);
      if (suggestion !== undefined) used.add(suggestion);
      const others = known.length === 0 ? "there is no [limit.NAME]" : `known: ${known.join(", ")}`;
      const should = suggestion === undefined ? others : undefined;
      place.wrong({ what: `names no limit: ${JSON.stringify(value)}`, should, suggestion });
    }
  }
  for (const { name, place } of values.limit) {
    if (used.has(name)) continue;
    place.warn({ what: "limits nothing", should: `should have a site or route with limit = ${JSON.stringify(name)}` });
  }
}
