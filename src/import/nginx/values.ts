/** Sizes, times and switches as nginx writes them → as server.toml does. Undefined for what nginx would refuse. */
import { formatDuration, formatSize } from "../../base/units.ts";

/** ngx_parse_size: bytes, or with k, m or g. */
export function sizeOf(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d+)([kKmMgG]?)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * 1024 ** ["", "k", "m", "g"].indexOf(unit.toLowerCase());
}

const UNITS_MS: Readonly<Record<string, number>> = {
  y: 365 * 86_400_000,
  M: 30 * 86_400_000,
  w: 7 * 86_400_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
};

/** ngx_parse_time: `60`, `60s`, `1h 30m`, `1M` (a month). */
export function timeOf(text: string): number | undefined {
  if (!/^(\d+(y|M|w|d|h|ms|m|s)?\s*)+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)(y|M|w|d|h|ms|m|s)?/g)];
  return parts.reduce((sum, [, digits, unit = "s"]) => sum + Number(digits) * (UNITS_MS[unit] ?? 0), 0);
}

/** As it is written in server.toml. */
export function sizeText(text: string): string | undefined {
  const bytes = sizeOf(text);
  return bytes === undefined ? undefined : formatSize(bytes);
}

/** Within what the key allows. */
export function timeText(text: string, leastMs = 10, mostMs = 86_400_000): string | undefined {
  const ms = timeOf(text);
  return ms === undefined ? undefined : formatDuration(Math.min(Math.max(ms, leastMs), mostMs));
}
