/** The methods that files answer to: GET and HEAD, and OPTIONS says so (RFC 9110 section 9.3.7; nginx: 405). */
import { answer } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { Fields } from "../protocol/http/fields.ts";

export const ALLOW = Fields.of([["Allow", "GET, HEAD, OPTIONS"]]);

export function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** Of any other method. */
export function refuseMethod(exchange: Exchange): void {
  answer(exchange, exchange.head.method === "OPTIONS" ? 204 : 405, ALLOW);
}
