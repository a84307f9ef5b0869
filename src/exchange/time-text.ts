/** Points in time as logs and variables write them, in the zone of the machine; made once a second. */
import { wallMs } from "../base/clock.ts";
import { clockOf, two } from "../base/time-of-day.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

/** `22/Nov/2026:17:41:43 +0000` ($time_local) */
export function formatLogTime(when: Date): string {
  const [sign, hours, minutes] = offsetOf(when);
  return `${two(when.getDate())}/${MONTHS[when.getMonth()]}/${when.getFullYear()}:${clockOf(when)} ${sign}${hours}${minutes}`;
}

/** `2026-11-22T17:41:43+00:00` ($time_iso8601) */
export function formatIsoTime(when: Date): string {
  const [sign, hours, minutes] = offsetOf(when);
  const day = `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`;
  return `${day}T${clockOf(when)}${sign}${hours}:${minutes}`;
}

function offsetOf(when: Date): [sign: string, hours: string, minutes: string] {
  const zone = -when.getTimezoneOffset();
  const minutes = Math.abs(zone);
  return [zone < 0 ? "-" : "+", two(Math.floor(minutes / 60)), two(minutes % 60)];
}

/** The text of this second, made by `format` when the second begins. */
export class SecondText {
  private readonly format: (when: Date) => string;
  private second = 0;
  private text = "";

  constructor(format: (when: Date) => string) {
    this.format = format;
  }

  now(): string {
    const second = Math.floor(wallMs() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.text = this.format(new Date(second * 1000));
    }
    return this.text;
  }
}
