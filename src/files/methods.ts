/** The methods that files answer to: GET and HEAD. Every other one is refused, OPTIONS too (as nginx and Caddy do), and is told these. */
import { answer } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { Fields } from "../protocol/http/fields.ts";

/** Of a 405 (RFC 9110 section 15.5.6). */
export const ALLOW_OF_FILES = Fields.of([["Allow", "GET, HEAD"]]);

export function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** Of any other method. */
export function refuseMethod(exchange: Exchange): void {
  answer(exchange, 405, ALLOW_OF_FILES);
}
