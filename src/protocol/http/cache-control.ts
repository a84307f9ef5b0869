/** The Cache-Control field as a shared cache reads it (RFC 9111 section 5.2, RFC 5861). What is not known is ignored. */
import type { FieldName, Fields } from "./fields.ts";

export interface CacheControl {
  readonly noStore: boolean;
  readonly noCache: boolean;
  readonly isPrivate: boolean;
  readonly isPublic: boolean;
  /** Also proxy-revalidate. */
  readonly mustRevalidate: boolean;
  /** Seconds. */
  readonly maxAge: number | undefined;
  readonly sMaxage: number | undefined;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
}

/** Section 1.2.2: what is larger than a cache can hold counts as this. */
const SECONDS_MAX = 2_147_483_648;

/** token [ "=" ( token / quoted-string ) ] */
const DIRECTIVE = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g;

/** Qualified forms (`private="x"`) are taken for the whole, which is safe and allowed (sections 5.2.2.4 and 5.2.2.7). */
export function parseCacheControl(fields: Fields): CacheControl | undefined {
  const found = directives(fields);
  if (found === undefined) return undefined;
  const seconds = (name: string) => (found.has(name) ? secondsOf(found.get(name) ?? "") : undefined);
  return {
    noStore: found.has("no-store"),
    noCache: found.has("no-cache"),
    isPrivate: found.has("private"),
    isPublic: found.has("public"),
    mustRevalidate: found.has("must-revalidate") || found.has("proxy-revalidate"),
    maxAge: seconds("max-age"),
    sMaxage: seconds("s-maxage"),
    staleWhileRevalidate: seconds("stale-while-revalidate"),
    staleIfError: seconds("stale-if-error"),
  };
}

/** Of a directive that is there twice the first counts (section 4.2.1). */
function directives(fields: Fields): Map<string, string> | undefined {
  const { names, values } = fields;
  let found: Map<string, string> | undefined = undefined;
  for (let i = 0; i < names.length; i++) {
    if ((names[i] as FieldName).lower !== "cache-control") continue;
    found ??= new Map();
    for (const [, name = "", quoted, plain] of (values[i] as string).matchAll(DIRECTIVE)) {
      const lower = name.toLowerCase();
      if (!found.has(lower)) found.set(lower, quoted ?? plain ?? "");
    }
  }
  return found;
}

/** What is no number of seconds is stale at once (section 4.2.1). */
function secondsOf(value: string): number {
  return /^\d+$/.test(value) ? Math.min(Number(value), SECONDS_MAX) : 0;
}
