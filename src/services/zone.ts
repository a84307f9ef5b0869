/** Time zones as functions from an instant to its offset from UTC. The data is the runtime's own (IANA), so a container
 *  without tzdata knows them too. */
import type { OffsetAt } from "./schedule.ts";

const MINUTE = 60_000;

/** Of the process: TZ, else /etc/localtime. */
export const localOffset: OffsetAt = (instant) => -new Date(instant).getTimezoneOffset() * MINUTE;

/** Undefined when there is no such zone. */
export function zoneOffset(zone: string): OffsetAt | undefined {
  const fields = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" } as const;
  try {
    const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", era: "short", ...fields });
    return (instant) => wallOf(format, instant) - Math.floor(instant / MINUTE) * MINUTE;
  } catch {
    return undefined;
  }
}

function wallOf(format: Intl.DateTimeFormat, instant: number): number {
  const found: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(instant)) found[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = found;
  return Date.UTC(year, month - 1, day, hour, minute);
}
