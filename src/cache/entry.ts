/** One kept reply: made of a head and its whole content, refreshed by a 304, and given to clients (RFC 9111 section 4). */
import { wallMs } from "../base/clock.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { httpDateNow, parseHttpDate } from "../protocol/http/date.ts";
import { type FieldName, Fields, fieldName } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import type { Lifetime } from "./lifetime.ts";
import { givePart } from "./part.ts";
import { varyingValue } from "./request.ts";

export interface CacheEntry {
  readonly head: ReplyHead;
  readonly body: Buffer;
  /** base/clock monotonicMs at which its age was 0. */
  readonly bornMs: number;
  readonly lifetime: Lifetime;
  /** Of the request that it answers. */
  readonly vary: readonly (readonly [lower: string, value: string])[];
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** What it costs, about. */
  readonly bytes: number;
  /** The head as it was given last: the same for all who ask within a second. */
  given: { readonly age: number; readonly head: ReplyHead } | undefined;
}

const AGE = fieldName("Age");
const DATE = fieldName("Date");

/** Objects and tables around an entry. */
const OVERHEAD_BYTES = 1024;

/** Not kept: what belongs to one client, to one hop, or to the moment. */
const DROPPED: ReadonlySet<string> = new Set(["age", "set-cookie", "content-length"]);

export function makeEntry(
  head: ReplyHead,
  body: Buffer,
  lifetime: Lifetime,
  request: Fields,
  nowMs: number,
): CacheEntry {
  const fields = new Fields();
  for (let i = 0; i < head.fields.length; i++) {
    const name = head.fields.names[i] as FieldName; // i < length
    if (!DROPPED.has(name.lower) && !name.lower.startsWith("x-accel-"))
      fields.add(name, head.fields.values[i] as string);
  }
  // Section 5.6.7 of RFC 9110: whoever receives a reply without a date gives it one.
  if (!fields.has("date")) fields.add(DATE, httpDateNow(wallMs()));
  const vary = lifetime.vary.map((lower) => [lower, varyingValue(request, lower)] as const);
  const text = [...fields.values, ...vary.flat()].reduce((sum, value) => sum + value.length, 0);
  return {
    head: { status: head.status, reason: head.reason, fields, length: body.length },
    body,
    bornMs: nowMs - lifetime.ageMs,
    lifetime,
    vary,
    etag: fields.get("etag"),
    lastModified: fields.get("last-modified"),
    bytes: body.length + 2 * text + OVERHEAD_BYTES,
    given: undefined,
  };
}

/** Section 4.3.4: the fields of the 304 take the place of those that were kept. */
export function refreshedHead(entry: CacheEntry, { fields }: ReplyHead): ReplyHead {
  const renewed = new Set(fields.names.map(({ lower }) => lower).filter((lower) => !lower.startsWith("content-")));
  const { head } = entry;
  const joined = new Fields();
  for (let i = 0; i < head.fields.length; i++) {
    const name = head.fields.names[i] as FieldName; // i < length
    if (!renewed.has(name.lower)) joined.add(name, head.fields.values[i] as string);
  }
  for (let i = 0; i < fields.length; i++) {
    const name = fields.names[i] as FieldName; // i < length
    if (renewed.has(name.lower)) joined.add(name, fields.values[i] as string);
  }
  const { status, reason, length } = head;
  return { status, reason, fields: joined, length };
}

export function answers(entry: CacheEntry, request: Fields): boolean {
  return entry.vary.every(([lower, value]) => varyingValue(request, lower) === value);
}

export type Freshness = "fresh" | "revalidate-behind" | "stale";

export function freshnessAt(entry: CacheEntry, nowMs: number): Freshness {
  const { freshMs, staleWhileRevalidateMs } = entry.lifetime;
  const beyondMs = nowMs - entry.bornMs - freshMs;
  if (beyondMs < 0) return "fresh";
  return beyondMs < staleWhileRevalidateMs ? "revalidate-behind" : "stale";
}

/** May it stand in for an error? */
export function servesOnError(entry: CacheEntry, nowMs: number): boolean {
  const { freshMs, staleIfErrorMs } = entry.lifetime;
  return nowMs - entry.bornMs - freshMs < staleIfErrorMs;
}

export function give(entry: CacheEntry, exchange: Exchange, nowMs: number): void {
  const head = agedHead(entry, nowMs);
  if (head.status === 200 && isNotModified(entry, exchange.head.fields)) {
    return exchange.reply.whole({ ...head, status: 304, reason: undefined }, entry.body);
  }
  if (head.status === 200 && givePart(head, entry.body, exchange)) return;
  exchange.reply.whole(head, entry.body);
}

function agedHead(entry: CacheEntry, nowMs: number): ReplyHead {
  const age = Math.max(0, Math.floor((nowMs - entry.bornMs) / 1000));
  if (entry.given?.age === age) return entry.given.head;
  const { fields: kept } = entry.head;
  const fields = new Fields();
  // Both arrays have `length` elements.
  for (let i = 0; i < kept.length; i++) fields.add(kept.names[i] as FieldName, kept.values[i] as string);
  fields.add(AGE, String(age));
  const head = { ...entry.head, fields };
  entry.given = { age, head };
  return head;
}

/** RFC 9110 section 13.2.2, steps 3 and 4; the other preconditions went to the server. */
function isNotModified(entry: CacheEntry, request: Fields): boolean {
  if (request.has("if-none-match")) {
    return entry.etag !== undefined && namesTag(request.all("if-none-match").join(", "), entry.etag);
  }
  const date = request.get("if-modified-since");
  if (date === undefined || entry.lastModified === undefined) return false;
  const [since, modified] = [parseHttpDate(date), parseHttpDate(entry.lastModified)];
  return since !== undefined && modified !== undefined && modified <= since;
}

const ENTITY_TAG = /(?:W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g;

/** Weak comparison (section 8.8.3.2). */
function namesTag(list: string, etag: string): boolean {
  if (list.trim() === "*") return true;
  const wanted = etag.replace(/^W\//, "");
  return [...list.matchAll(ENTITY_TAG)].some(([, tag]) => tag === wanted);
}
