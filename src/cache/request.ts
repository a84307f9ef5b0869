/**
 * Requests as the cache sees them: which it may answer, what names their reply, and the request that is made of one of them
 * on behalf of all. In that request nothing is left that is not part of the name and could still shape the reply: whoever
 * fills the cache must not choose what others get (cache poisoning by unkeyed input).
 */
import type { Exchange } from "../exchange/exchange.ts";
import { evaluate } from "../exchange/template.ts";
import { parseCacheControl } from "../protocol/http/cache-control.ts";
import { type FieldName, Fields, fieldName } from "../protocol/http/fields.ts";
import type { RequestHead } from "../protocol/http/message.ts";
import type { CacheEntry } from "./entry.ts";
import type { CacheOptions } from "./options.ts";

/** `lookup` may be answered from the cache and fill it; `bypass` goes past it; `unsafe` changes what it may hold. */
export type RequestKind = "lookup" | "bypass" | "unsafe";

/** RFC 9110 section 9.2.1. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Preconditions are for the server to judge; what asks for a date or a tag is answered here. */
const FOR_THE_SERVER: ReadonlySet<string> = new Set(["if-match", "if-unmodified-since"]);

export function kindOf(exchange: Exchange, options: CacheOptions): RequestKind {
  const { head } = exchange;
  if (!SAFE.has(head.method)) return "unsafe";
  if ((head.method !== "GET" && head.method !== "HEAD") || head.bodyLength !== 0) return "bypass";
  // What a gateway says of a request is passed on as it is, and need not be what its fields say.
  if (head.upgrade !== undefined || exchange.params !== undefined) return "bypass";
  const { names } = head.fields;
  for (let i = 0; i < names.length; i++) {
    if (bypassesBy((names[i] as FieldName).lower, head.fields, options)) return "bypass";
  }
  return "lookup";
}

function bypassesBy(lower: string, fields: Fields, { bypassCookies }: CacheOptions): boolean {
  if (lower === "cookie") return bypassCookies.some((name) => hasCookie(fields, name));
  if (lower === "cache-control") return parseCacheControl(fields)?.noStore === true;
  return FOR_THE_SERVER.has(lower);
}

/** A part is given of what is kept; nothing is fetched for it but the part. */
export function asksForPart({ head }: Exchange): boolean {
  return head.fields.has("range");
}

/** Also an empty one: whoever set it knows what it means. */
function hasCookie(fields: Fields, name: string): boolean {
  return fields.all("cookie").some((cookies) => cookies.split(";").some((each) => each.trim().split("=")[0] === name));
}

/** Somebody is known by name: only what is expressly for all may be given to them. */
export function isAuthorized({ head, remoteUser }: Exchange): boolean {
  return remoteUser !== "" || head.fields.has("authorization");
}

export function keyOf(exchange: Exchange, { key }: CacheOptions): string {
  if (key !== undefined) return evaluate(key, exchange);
  const { peer, head, mount } = exchange;
  const forwarded = exchange.forwarding === "believed" ? believedHost(exchange) : "";
  return `${peer.secure ? "https" : "http"}://${placeOf(exchange)} ${head.hostPort ?? ""} ${mount}${forwarded}`;
}

/** What a trusted proxy says was asked for is part of the name. */
function believedHost({ head: { fields }, forwardedHost }: Exchange): string {
  return ` ${fields.get("x-forwarded-host") ?? forwardedHost} ${fields.get("x-forwarded-port") ?? ""}`;
}

/** Host and target, by which replies are invalidated and purged, whatever else names them. */
export function placeOf({ head }: Exchange): string {
  return head.query === undefined ? `${head.host}${head.rawPath}` : `${head.host}${head.rawPath}?${head.query}`;
}

/** The value of a field that Vary names. */
export function varyingValue(fields: Fields, lower: string): string {
  if (lower === "accept-encoding") return codingsOf(fields);
  return fields
    .all(lower)
    .join(", ")
    .replace(/[ \t]+/g, " ");
}

const CODINGS = ["br", "gzip", "zstd"] as const;

/** Clients spell it in a hundred ways; what matters is which of the usual codings they take. */
function codingsOf(fields: Fields): string {
  const sent = fields.all("accept-encoding").join(",").toLowerCase();
  if (sent === "") return "";
  const taken = new Map(
    sent.split(",").map((each) => {
      const [coding = "", ...parameters] = each.split(";").map((part) => part.trim());
      return [coding, !parameters.some((part) => /^q=0(?:\.0*)?$/.test(part))] as const;
    }),
  );
  return CODINGS.filter((coding) => taken.get(coding) ?? taken.get("*") ?? false).join(", ");
}

/** Never part of the name of a reply, and known to shape some. X-Forwarded-* and Forwarded count only when a trusted proxy
 *  says them; then they say who the client is, and the host is part of the name. */
const SHAPING: ReadonlySet<string> = new Set([
  "x-host",
  "x-original-host",
  "x-original-url",
  "x-rewrite-url",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "forwarded",
  "content-type",
  "content-length",
  "transfer-encoding",
  "cache-control",
  "pragma",
  "expect",
  "if-none-match",
  "if-modified-since",
  "range",
  "if-range",
]);

function isPassed(name: FieldName, exchange: Exchange, options: CacheOptions): boolean {
  // For an application both are the same.
  const lower = name.ambiguous ? name.lower.replaceAll("_", "-") : name.lower;
  if (lower === "cookie") return options.bypassCookies.length === 0;
  if (lower.startsWith("x-forwarded-") && exchange.forwarding !== "believed") return false;
  return !SHAPING.has(lower);
}

const ACCEPT_ENCODING = fieldName("Accept-Encoding");

/** What is asked on behalf of all; of the server of `stale`, whether that is still good. */
export function fetchHead(exchange: Exchange, options: CacheOptions, stale: CacheEntry | undefined): RequestHead {
  const { head } = exchange;
  const fields = new Fields();
  for (let i = 0; i < head.fields.length; i++) {
    const name = head.fields.names[i] as FieldName; // i < length
    if (name.lower === "accept-encoding" || !isPassed(name, exchange, options)) continue;
    fields.add(name, head.fields.values[i] as string);
  }
  const codings = codingsOf(head.fields);
  if (codings !== "") fields.add(ACCEPT_ENCODING, codings);
  if (stale?.etag !== undefined) fields.add("If-None-Match", stale.etag);
  if (stale?.lastModified !== undefined) fields.add("If-Modified-Since", stale.lastModified);
  return { ...head, method: "GET", fields, expectsContinue: false, upgrade: undefined };
}
