/**
 * Trailers of a request on their way to the next hop (RFC 9110 section 6.5). They come behind everything that was decided
 * about the head, so that only those go on which can undo nothing of it, whatever a server makes of them: none that has a
 * meaning in the head of a request, that says who the client is or holds `_` (proxy/forward.ts, from a trusted proxy
 * neither), that Connection names, or that the configuration writes itself (`headers_up`).
 *
 * Only behind a body that goes on as it comes. One that was taken in first is sent with its length: chunks in its place would be
 * the client's choice, and reach servers that read none and take them for the next request.
 *
 * Not here: trailers of replies (reply-side.ts); what no trailer may be at all (the codec refuses it).
 */
import type { Exchange } from "../exchange/exchange.ts";
import type { HeaderRules } from "../exchange/reply-headers.ts";
import { type FieldName, Fields } from "../protocol/http/fields.ts";
import { passableTrailers } from "../protocol/http/trailers.ts";
import { isOursToSay, nominatedBy } from "./forward.ts";

/** Controls, conditions, the context and the negotiation of a request (RFC 9110 sections 6.5.1, 10.1, 12.5 and 13.1), and the
 *  method in other words. What requests and replies share is passableTrailers's. */
const REQUEST_HEAD_ONLY: ReadonlySet<string> = new Set([
  "accept",
  "expect",
  "from",
  "max-forwards",
  "origin",
  "pragma",
  "range",
  "referer",
  "user-agent",
  "via",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
]);

const HEAD_ONLY_BEGINNINGS = ["accept-", "access-control-", "if-", "proxy-", "sec-"];

/** Those that go on, in order; undefined when none do. */
export function requestTrailers(
  exchange: Exchange,
  sent: Fields | undefined,
  headersUp: HeaderRules | undefined,
): Fields | undefined {
  if (sent === undefined) return undefined;
  const nominated = nominatedBy(exchange.head.fields);
  const passed = new Fields();
  for (let i = 0; i < sent.length; i++) {
    const name = sent.names[i] as FieldName; // i < length
    if (mayFollow(name, headersUp) && nominated?.has(name.lower) !== true) passed.add(name, sent.values[i] as string);
  }
  return passableTrailers(passed);
}

/** The value of the Trailer field: of the names that the client announced, those that go on if they come. */
export function announcedTrailers(exchange: Exchange, headersUp: HeaderRules | undefined): string | undefined {
  const { fields } = exchange.head;
  if (!fields.has("trailer")) return undefined;
  const announced = new Fields();
  for (const name of fields.all("trailer").join(",").split(",")) {
    if (TOKEN.test(name.trim())) announced.add(name.trim(), "");
  }
  const passed = requestTrailers(exchange, announced, headersUp);
  return passed?.names.map(({ text }) => text).join(", ");
}

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function mayFollow(name: FieldName, headersUp: HeaderRules | undefined): boolean {
  const { lower } = name;
  if (isOursToSay(name) || REQUEST_HEAD_ONLY.has(lower)) return false;
  if (HEAD_ONLY_BEGINNINGS.some((beginning) => lower.startsWith(beginning))) return false;
  return headersUp?.rules.some(({ field }) => field.lower === lower) !== true;
}
