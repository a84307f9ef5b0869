/**
 * What a request over HTTP says about the hops on its way: how many there may still be (Max-Forwards, RFC 9110 section
 * 7.6.2), and whether this hop takes trailers (TE, section 10.1.4). Which fields go on at all is forward.ts's business.
 */
import { answer } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { Fields } from "../protocol/http/fields.ts";
import { acceptsTrailers, nominatesTe } from "../protocol/http/trailers.ts";

/** The methods whose requests count their hops; TRACE does not come so far. */
function countsHops(method: string): boolean {
  return method === "OPTIONS" || method === "TRACE";
}

/** Hops that this request may still make; undefined when it does not count them, or in no valid way. */
function hopsLeft({ head }: Exchange): number | undefined {
  if (!countsHops(head.method)) return undefined;
  const value = head.fields.get("max-forwards");
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

/** True: the request ends here, and was answered by us as the final recipient. */
export function answeredAsLastHop(exchange: Exchange): boolean {
  if (hopsLeft(exchange) !== 0) return false;
  answer(exchange, 204, Fields.of([["Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]]));
  return true;
}

/** Adds the fields of this hop to those of the request. */
export function addHopFields(exchange: Exchange, fields: Fields): void {
  const left = hopsLeft(exchange);
  if (left !== undefined) fields.set("Max-Forwards", String(left - 1));
  if (saysTrailers(exchange)) fields.add("TE", "trailers");
}

/** The Connection field of the request: a TE field is of this connection only, and says so. */
export function connectionOptions(exchange: Exchange, keepsAlive: boolean): string | undefined {
  const options = keepsAlive ? [] : ["close"];
  if (saysTrailers(exchange)) options.push("TE");
  return options.length === 0 ? undefined : options.join(", ");
}

/** Does the request of this hop say `TE: trailers`? */
function saysTrailers({ head }: Exchange): boolean {
  return acceptsTrailers(head) && nominatesTe(head);
}
