/**
 * May a reply be kept in a shared cache, and for how long (RFC 9111 sections 3 and 4.2, RFC 5861)? Pure. Freshness comes
 * from X-Accel-Expires, s-maxage, max-age, Expires, in this order (nginx); nothing is guessed, but `ttl` may be configured.
 */
import { type CacheControl, parseCacheControl } from "../protocol/http/cache-control.ts";
import { parseHttpDate } from "../protocol/http/date.ts";
import type { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import type { CacheOptions } from "./options.ts";

const SECOND_MS = 1000;

/** Final statuses that are understood here; 206 is not (section 3), nor are the passing troubles of a server. */
const STORABLE: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 302, 307, 308, 404, 405, 410, 414, 451, 501]);

/** Of these `ttl` may say how long they are good: not of a page that is not there yet. */
const STORABLE_BY_TTL: ReadonlySet<number> = new Set([200, 203, 301, 308, 410]);

export interface Lifetime {
  readonly freshMs: number;
  /** When it came here. */
  readonly ageMs: number;
  /** Beyond its freshness. */
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** Also for requests with Authorization (section 3.5). */
  readonly forAuthorized: boolean;
  /** Lower-case names of the request fields that it depends on. */
  readonly vary: readonly string[];
}

export interface Circumstances {
  /** X-Accel-Expires, where it was taken out of the fields. */
  readonly accelExpires: string | undefined;
  /** The request carried cookies, and the server saw them. */
  readonly sawCookies: boolean;
  readonly wallMs: number;
  /** From the request to the head of the reply. */
  readonly delayMs: number;
}

/** Undefined: it is not kept. */
export function lifetimeOf(head: ReplyHead, around: Circumstances, options: CacheOptions): Lifetime | undefined {
  const { status, fields } = head;
  const control = parseCacheControl(fields);
  const accel = accelMs(around.accelExpires ?? fields.get("x-accel-expires"), around.wallMs);
  if (!STORABLE.has(status) || accel === 0) return undefined;
  // Who may have that file was decided for this request.
  if (fields.has("x-accel-redirect") || fields.has("x-sendfile")) return undefined;
  // A word for this cache alone counts more than one for all (nginx).
  if (accel === undefined && (control?.noStore === true || control?.isPrivate === true)) return undefined;
  if (fields.has("content-range") || (fields.has("set-cookie") && !options.ignoreSetCookie)) return undefined;
  const vary = varyOf(fields, options);
  const saidMs = accel ?? freshnessOf(fields, control, around) ?? byTtl(status, around, options);
  if (vary === undefined || saidMs === undefined) return undefined;
  const freshMs = accel === undefined && control?.noCache === true ? 0 : saidMs;
  const ageMs = ageOf(fields) + around.delayMs;
  const isValidable = fields.has("etag") || fields.has("last-modified");
  const forbidsStale = control?.mustRevalidate === true || control?.noCache === true || control?.sMaxage !== undefined;
  const stale = (configured: number | undefined, said: number | undefined) =>
    forbidsStale ? 0 : (configured ?? (said ?? 0) * SECOND_MS);
  const staleWhileRevalidateMs = stale(options.staleWhileRevalidateMs, control?.staleWhileRevalidate);
  const staleIfErrorMs = stale(options.staleIfErrorMs, control?.staleIfError);
  if (freshMs <= ageMs && !isValidable && staleWhileRevalidateMs === 0 && staleIfErrorMs === 0) return undefined;
  const forAuthorized =
    control !== undefined && (control.isPublic || control.sMaxage !== undefined || control.mustRevalidate);
  return { freshMs, ageMs, staleWhileRevalidateMs, staleIfErrorMs, forAuthorized, vary };
}

/** Undefined: it says nothing. */
function freshnessOf(fields: Fields, control: CacheControl | undefined, { wallMs }: Circumstances): number | undefined {
  const seconds = control?.sMaxage ?? control?.maxAge;
  if (seconds !== undefined) return seconds * SECOND_MS;
  const expires = fields.get("expires");
  if (expires === undefined) return control?.noCache === true ? 0 : undefined;
  // What is no date, `0` first of all, is in the past (section 5.3).
  const untilMs = parseHttpDate(expires) ?? 0;
  return Math.max(0, untilMs - (parseHttpDate(fields.get("date") ?? "") ?? wallMs));
}

/** nginx: seconds, or `@` and the time of the epoch; 0 forbids. */
function accelMs(value: string | undefined, wallMs: number): number | undefined {
  const found = /^(@?)(\d{1,10})$/.exec(value ?? "");
  if (found === null) return undefined;
  const ms = Number(found[2]) * SECOND_MS;
  return found[1] === "@" ? Math.max(0, ms - wallMs) : ms;
}

/** Of a page that was made for somebody with cookies, nothing but its maker can say that it is for all. */
function byTtl(status: number, { sawCookies }: Circumstances, { ttlMs }: CacheOptions): number | undefined {
  return sawCookies || !STORABLE_BY_TTL.has(status) ? undefined : ttlMs;
}

function ageOf(fields: Fields): number {
  const age = fields.get("age") ?? "";
  return /^\d{1,10}$/.test(age) ? Number(age) * SECOND_MS : 0;
}

/** Undefined for `*`. A reply that is coded depends on Accept-Encoding, whether it says so or not. */
function varyOf(fields: Fields, { bypassCookies }: CacheOptions): readonly string[] | undefined {
  const named = fields.all("vary").join(",").split(",");
  const names = new Set(named.map((name) => name.trim().toLowerCase()).filter((name) => name !== ""));
  if (names.has("*")) return undefined;
  if (fields.has("content-encoding")) names.add("accept-encoding");
  if (bypassCookies.length > 0) names.delete("cookie");
  return [...names].toSorted();
}
