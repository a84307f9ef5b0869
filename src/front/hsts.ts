/**
 * Strict-Transport-Security (RFC 6797 section 6.1): how long browsers are to remember it, and with a ramp from when on how
 * long. What a browser has been told cannot be taken back, so each stage lasts as long as it tells, as hstspreload.org
 * recommends; a mistake costs what the stage says. The browsers' own lists are asked at the end only. Pure.
 *
 *   ramp_from ──1 day──▶ ──1 week──▶ ──30 days──▶
 *             5 minutes  1 week      30 days      max_age
 */
import type { HstsConfig } from "../config/tls-config.ts";

export interface HstsStage {
  /** Milliseconds since the epoch. */
  readonly fromMs: number;
  /** Of the field; undefined: there is none. */
  readonly value: string | undefined;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** The first one has a day, since five minutes prove nothing. */
const RAMP: readonly { readonly maxAgeMs: number; readonly lastsMs: number }[] = [
  { maxAgeMs: 5 * MINUTE_MS, lastsMs: DAY_MS },
  { maxAgeMs: 7 * DAY_MS, lastsMs: 7 * DAY_MS },
  { maxAgeMs: 30 * DAY_MS, lastsMs: 30 * DAY_MS },
];

/** In the order of time; the first is in force from the beginning. */
export function hstsStages({ maxAgeMs, includeSubdomains, preload, rampFromMs }: HstsConfig): readonly HstsStage[] {
  const value = (ageMs: number, asksForLists: boolean) =>
    `max-age=${Math.floor(ageMs / 1000)}${includeSubdomains ? "; includeSubDomains" : ""}${asksForLists ? "; preload" : ""}`;
  if (rampFromMs === undefined) return [{ fromMs: 0, value: value(maxAgeMs, preload) }];
  const stages: HstsStage[] = [{ fromMs: 0, value: undefined }];
  let fromMs = rampFromMs;
  for (const stage of RAMP) {
    if (stage.maxAgeMs >= maxAgeMs) break;
    stages.push({ fromMs, value: value(stage.maxAgeMs, false) });
    fromMs += stage.lastsMs;
  }
  return [...stages, { fromMs, value: value(maxAgeMs, preload) }];
}
