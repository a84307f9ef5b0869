/** The kinds of value of access rules, rate limits, authentication and error pages. */
import { isAccessRule } from "../exchange/access.ts";
import { type Kind, Refusal, text } from "./kinds.ts";

/** Beyond this a burst is no burst: its bucket would take hours to leak at usual rates. */
export const BURST_MAX = 1_000_000;

/** Requests of one period; the shortest interval is a microsecond, the resolution of the buckets. */
const RATE_REQUESTS_MAX = 1_000_000;

const PERIODS_US: Readonly<Record<string, number>> = { s: 1e6, m: 60e6, h: 3600e6 };

export interface Rate {
  /** As written: `10/s`. */
  readonly text: string;
  /** Between two requests at exactly this rate, microseconds. */
  readonly intervalUs: number;
}

export const RATE: Kind<Rate> = text('a rate such as "10/s", "30/m" or "100/h"', (written) => {
  const [, digits = "", period = ""] = /^(\d+) ?(?:\/|r\/) ?([smh])$/.exec(written) ?? [];
  const periodUs = PERIODS_US[period];
  const requests = Number(digits);
  if (periodUs === undefined || requests < 1 || requests > RATE_REQUESTS_MAX) return new Refusal();
  return { text: `${requests}/${period}`, intervalUs: Math.floor(periodUs / requests) };
});

export const ACCESS_RULE: Kind<string> = text(
  '"allow ADDRESS" or "deny ADDRESS", the address being "all", "unix:", an IP address or a range such as "10.0.0.0/8"',
  (written) => {
    const rule = written.trim().replace(/\s+/g, " ").replace(/;$/, "");
    return isAccessRule(rule) ? rule : new Refusal();
  },
);

/** It stands in a quoted string of a header field. */
export const REALM: Kind<string> = text("a text of visible ASCII and blanks, without quotes", (written) =>
  /^[ !#-[\]-~]+$/.test(written) ? written : new Refusal(),
);

const STATUSES = /^(?:[45]\d\d|[45]xx)(?: +(?:[45]\d\d|[45]xx))*$/;

export function refuseStatuses(written: string): string | undefined {
  return STATUSES.test(written)
    ? undefined
    : 'should be a status from 400 to 599, "4xx", "5xx", or some with blanks between';
}

/** A name below a directory of files. */
export const CANDIDATE: Kind<string> = text(
  '"$uri", "$uri/", "$uri.html" or a path such as "/index.html"',
  (written) => {
    const [, rest = written] = /^\$(?:uri|\{uri\})(.*)$/s.exec(written) ?? [];
    if (/[$\0]/.test(rest.replace(/\$(?:uri|\{uri\})/g, ""))) return new Refusal("without variables but $uri");
    if (rest === written && !written.startsWith("/")) return new Refusal(undefined, `/${written}`);
    return written.replaceAll("${uri}", "$uri");
  },
);
