/**
 * HTTP-date (RFC 9110 section 5.6.7): writes IMF-fixdate, reads it and the two obsolete forms. Times are milliseconds
 * since 1970-01-01 UTC; the wire has whole seconds. Specification of the forms:
 *
 *   Sun, 06 Nov 1994 08:49:37 GMT    IMF-fixdate
 *   Sunday, 06-Nov-94 08:49:37 GMT   RFC 850
 *   Sun Nov  6 08:49:37 1994         asctime
 */
import { two } from "../../base/time-of-day.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const LONG_DAYS = "Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

const DAY = `(?:${DAYS.join("|")})`;
const MONTH = `(?<month>${MONTHS.join("|")})`;
const TIME = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`;
const FORMS = [
  new RegExp(String.raw`^${DAY}, (?<day>\d\d) ${MONTH} (?<year>\d{4}) ${TIME} GMT$`),
  new RegExp(String.raw`^(?:${LONG_DAYS}), (?<day>\d\d)-${MONTH}-(?<year>\d\d) ${TIME} GMT$`),
  new RegExp(String.raw`^${DAY} ${MONTH} (?<day>[ \d]\d) ${TIME} (?<year>\d{4})$`),
];

const SECOND_MS = 1000;

export function formatHttpDate(ms: number): string {
  const date = new Date(ms);
  const day = DAYS[date.getUTCDay()];
  const month = MONTHS[date.getUTCMonth()];
  const year = String(date.getUTCFullYear()).padStart(4, "0");
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${day}, ${two(date.getUTCDate())} ${month} ${year} ${time} GMT`;
}

let cachedSecond = Number.NaN;
let cachedText = "";

/** The second since 1970 that a Date field written now would tell. */
export function httpSecond(wallMs: number): number {
  return Math.floor(wallMs / SECOND_MS);
}

/** formatHttpDate, worked out once a second. */
export function httpDateNow(wallMs: number): string {
  const second = httpSecond(wallMs);
  if (second !== cachedSecond) {
    cachedSecond = second;
    cachedText = formatHttpDate(second * SECOND_MS);
  }
  return cachedText;
}

/** Undefined for what is no HTTP-date: the field is then to be ignored. The day's name is not compared with the date.
 *  `nowMs` places the two-digit year of the RFC 850 form. */
export function parseHttpDate(text: string, nowMs: number = Date.now()): number | undefined {
  for (const form of FORMS) {
    const groups = form.exec(text)?.groups;
    if (groups !== undefined) return dateOf(groups, nowMs);
  }
  return undefined;
}

function dateOf(groups: Record<string, string | undefined>, nowMs: number): number | undefined {
  const part = (name: string) => Number(groups[name]);
  const year = groups["year"]?.length === 2 ? fullYear(part("year"), nowMs) : part("year");
  const month = MONTHS.indexOf(groups["month"] as (typeof MONTHS)[number]); // the form has matched
  if (part("hour") > 23 || part("minute") > 59 || part("second") > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month, part("day")); // Date.UTC would take the years 0 to 99 for 1900 to 1999
  if (date.getUTCMonth() !== month || date.getUTCDate() !== part("day")) return undefined; // 31 February
  return date.setUTCHours(part("hour"), part("minute"), part("second"));
}

/** A year that would be more than 50 years ahead is the past one with the same digits (RFC 9110 section 5.6.7). */
function fullYear(twoDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + twoDigits;
  return year > thisYear + 50 ? year - 100 : year;
}
