/**
 * The kind of `cache`: how long files may be kept, or the directives (RFC 9111 section 5.2.2, RFC 5861, RFC 8246), for all
 * files or by pattern.
 */
import { parseDuration } from "../base/units.ts";
import { type CacheRule, IMMUTABLE } from "../files/cache-control.ts";
import { anyOf } from "./json-schema.ts";
import { either, type Kind, namedOf, Refusal, text } from "./kinds.ts";
import { nearest } from "./nearest.ts";

/** One that is not here is a spelling mistake until it is added. */
const CACHE_DIRECTIVES = [
  "immutable",
  "max-age",
  "must-revalidate",
  "must-understand",
  "no-cache",
  "no-store",
  "no-transform",
  "private",
  "proxy-revalidate",
  "public",
  "s-maxage",
  "stale-if-error",
  "stale-while-revalidate",
];

const WITH_SECONDS = new Set(["max-age", "s-maxage", "stale-if-error", "stale-while-revalidate"]);

type CacheValue = Omit<CacheRule, "pattern">;

const cacheText: Kind<CacheValue> = text(
  'a duration ("30d"), "immutable", "off" or Cache-Control directives ("no-cache", "public, max-age=60")',
  (written) => {
    if (written === "off") return { value: undefined, isAge: false };
    if (written === "immutable") return { value: IMMUTABLE, isAge: false };
    const age = parseDuration(written);
    if (age !== undefined) return maxAge(age);
    for (const directive of written.split(",").map((each) => each.trim())) {
      const refusal = refuseDirective(directive);
      if (refusal !== undefined) return refusal;
    }
    return { value: written, isAge: false };
  },
);

function refuseDirective(directive: string): Refusal | undefined {
  const found = /^([a-z-]+)(?:=(\d+))?$/i.exec(directive);
  const name = found?.[1]?.toLowerCase() ?? directive;
  if (!CACHE_DIRECTIVES.includes(name)) return new Refusal(undefined, nearest(name, [...CACHE_DIRECTIVES, "off"]));
  if (WITH_SECONDS.has(name) === (found?.[2] !== undefined)) return undefined;
  return new Refusal(WITH_SECONDS.has(name) ? `${name}=seconds` : `${name} without a value`);
}

/** A plain number is a duration in seconds, as everywhere. */
const CACHE_VALUE: Kind<CacheValue> = {
  expected: cacheText.expected,
  json: () => anyOf(cacheText.json(), { type: "integer", minimum: 0 }),
  read: (place) => {
    const { value } = place;
    return typeof value === "number" && Number.isInteger(value) && value >= 0
      ? maxAge(value * 1000)
      : cacheText.read(place);
  },
};

function maxAge(ms: number): CacheValue {
  return { value: `max-age=${Math.floor(ms / 1000)}`, isAge: true };
}

function refusePattern(written: string): string | undefined {
  return written === "" || /[\0?[\]{}]/.test(written)
    ? 'should be a pattern such as "*.html", "css/*" or "*"'
    : undefined;
}

const single: Kind<readonly CacheRule[]> = {
  expected: CACHE_VALUE.expected,
  json: () => CACHE_VALUE.json(),
  read: (place) => {
    const value = CACHE_VALUE.read(place);
    return value === undefined ? undefined : [{ pattern: "*", ...value }];
  },
};

const byPattern = namedOf(CACHE_VALUE, 'a table such as { "*.html" = "no-cache", "*" = "30d" }', refusePattern);

const several: Kind<readonly CacheRule[]> = {
  expected: byPattern.expected,
  json: () => byPattern.json(),
  read: (place) => byPattern.read(place)?.map(({ name, value }) => ({ pattern: name, ...value })),
};

export const CACHE: Kind<readonly CacheRule[]> = either(single, several);
