/**
 * Expect (RFC 9110 section 10.1.1): `100-continue` is the session's business, which knows when the body is wanted; any other
 * expectation cannot be met and is answered 417, here, when the site is known whose pages and fields the answer has.
 */
import type { RequestHead } from "../protocol/http/message.ts";
import { answer } from "./canned.ts";
import type { Handler } from "./exchange.ts";

export function withExpectation(next: Handler): Handler {
  return (exchange) => (expectationFails(exchange.head) ? answer(exchange, 417) : next(exchange));
}

/** Of a request without a body nothing is expected, and of a 1.0 client it is ignored. */
function expectationFails(head: RequestHead): boolean {
  if (head.bodyLength === 0 || head.expectsContinue || head.minor === 0) return false;
  return head.fields.has("expect");
}
