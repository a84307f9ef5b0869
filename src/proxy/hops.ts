/**
 * What a request over HTTP says about the hops on its way: how many there may still be (Max-Forwards, RFC 9110 section
 * 7.6.2), and whether this hop takes trailers (TE, section 10.1.4). Which fields go on at all is forward.ts's business.
 */
import { ALLOW_ANY } from "../exchange/allow.ts";
import { answer } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { fieldName } from "../protocol/http/fields.ts";
import { acceptsTrailers, nominatesTe } from "../protocol/http/trailers.ts";
import type { FieldSink } from "./forward.ts";

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
  answer(exchange, 204, ALLOW_ANY);
  return true;
}

const MAX_FORWARDS = fieldName("Max-Forwards");
const TE = fieldName("TE");

/** Does this request count its hops, so that its field is written anew? */
export function countsDown(exchange: Exchange): boolean {
  return countsHops(exchange.head.method) && hopsLeft(exchange) !== undefined;
}

/** Tells `sink` the fields of this hop, behind those of the request. */
export function addHopFields(exchange: Exchange, sink: FieldSink): void {
  const left = hopsLeft(exchange);
  if (left !== undefined) sink.add(MAX_FORWARDS, String(left - 1));
  if (saysTrailers(exchange)) sink.add(TE, "trailers");
}

/** The Connection field of the request: a TE field is of this connection only, and says so. */
export function connectionOptions(exchange: Exchange, keepsAlive: boolean, upgrades: boolean): string | undefined {
  const trailers = saysTrailers(exchange);
  if (upgrades) return trailers ? "upgrade, TE" : "upgrade";
  if (keepsAlive) return trailers ? "TE" : undefined;
  return trailers ? "close, TE" : "close";
}

/** Does the request of this hop say `TE: trailers`? */
function saysTrailers({ head }: Exchange): boolean {
  return acceptsTrailers(head) && nominatesTe(head);
}
