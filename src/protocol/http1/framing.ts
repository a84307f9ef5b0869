/**
 * Message body length, RFC 9112 section 6.3, for requests and responses: the one place where framing is decided. The
 * rules are numbered as there. Whatever two readers could read differently is refused, never repaired.
 */
import { LENGTH_UNKNOWN } from "../http/message.ts";
import { HeadFailure } from "./failure.ts";
import type { FieldNotes } from "./field-lines.ts";
import { LENGTH_DIGITS_MAX, LENGTH_SIGNIFICANT_DIGITS_MAX } from "./limits.ts";

/** How the end of a response's content is found. `tunnel`: what follows is no HTTP any more. */
export type ResponseFraming = "none" | "length" | "chunked" | "close" | "tunnel";

/** Content bytes of a request: 0 for none, LENGTH_UNKNOWN for chunked. */
export function requestBodyLength(minor: 0 | 1, notes: FieldNotes): number | HeadFailure {
  // Rules 1 and 2 are about responses. Repeated fields were refused when they were read.
  const { transferEncoding, contentLength } = notes;
  // Rules 3 and 4.
  if (transferEncoding !== undefined) {
    return transferEncodingFailure(minor, transferEncoding, contentLength) ?? LENGTH_UNKNOWN;
  }
  // Rule 7.
  if (contentLength === undefined) return 0;
  // Rules 5 and 6.
  return parseContentLength(contentLength);
}

export interface ResponseBody {
  readonly framing: ResponseFraming;
  /** Announced content bytes, LENGTH_UNKNOWN when none are. Of a HEAD or 304 reply: what GET would have sent. */
  readonly length: number;
}

/** `method` is the one that was asked with. */
export function responseBody(
  method: string,
  status: number,
  minor: 0 | 1,
  notes: FieldNotes,
): ResponseBody | HeadFailure {
  const { transferEncoding, contentLength } = notes;
  // The fields are judged even where they do not count: an upstream that sends both is not to be trusted.
  if (transferEncoding !== undefined) {
    const refused = transferEncodingFailure(minor, transferEncoding, contentLength);
    if (refused !== undefined) return refused;
  }
  const length = contentLength === undefined ? LENGTH_UNKNOWN : parseContentLength(contentLength);
  if (typeof length !== "number") return length;
  // Rule 1; a 101 has switched protocols, so what follows is a tunnel (RFC 9110 section 15.2.2).
  if (status === 101) return { framing: "tunnel", length: 0 };
  if (status < 200 || status === 204) return { framing: "none", length: 0 };
  if (method === "HEAD" || status === 304) return { framing: "none", length };
  // Rule 2.
  if (method === "CONNECT" && status < 300) return { framing: "tunnel", length: 0 };
  // Rules 3 and 4.
  if (transferEncoding !== undefined) return { framing: "chunked", length: LENGTH_UNKNOWN };
  // Rule 8, then rules 5 and 6.
  return { framing: length === LENGTH_UNKNOWN ? "close" : "length", length };
}

/** Rules 3 and 4: Transfer-Encoding is `chunked`, nothing else, and alone. */
function transferEncodingFailure(
  minor: 0 | 1,
  value: string,
  contentLength: string | undefined,
): HeadFailure | undefined {
  // Section 6.1: an HTTP/1.0 peer that sends the field has faulty framing.
  if (minor === 0) return new HeadFailure("te_in_http10");
  // Rule 3: TE would win, but "ought to be handled as an error": it is how requests are smuggled.
  if (contentLength !== undefined) return new HeadFailure("te_and_cl");
  if (value === "chunked" || value.toLowerCase() === "chunked") return undefined;
  return refusedCodings(value);
}

const CODING = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Rule 4: chunked once and last, or 400; other codings are valid but unknown here, 501 (section 6.1). */
function refusedCodings(value: string): HeadFailure {
  const codings = value.split(",").map((coding) => coding.replace(/^[ \t]+|[ \t]+$/g, "").toLowerCase());
  if (!codings.every((coding) => CODING.test(coding))) return new HeadFailure("te_invalid");
  const chunked = codings.indexOf("chunked");
  if (chunked !== -1 && chunked !== codings.length - 1) return new HeadFailure("te_chunked_not_final");
  return new HeadFailure("te_unknown");
}

const DIGIT_ZERO = 0x30;
const DIGIT_NINE = 0x39;

/** Rule 5: 1*DIGIT and nothing else. Digits are counted before they become a number, so that none is rounded. */
function parseContentLength(value: string): number | HeadFailure {
  const { length } = value;
  if (length === 0) return new HeadFailure("cl_invalid");
  let significant = 0;
  let number = 0;
  for (let i = 0; i < length; i++) {
    const char = value.charCodeAt(i);
    if (char < DIGIT_ZERO || char > DIGIT_NINE) return new HeadFailure("cl_invalid");
    if (significant > 0 || char !== DIGIT_ZERO) significant++;
    number = number * 10 + (char - DIGIT_ZERO);
  }
  const tooLarge = length > LENGTH_DIGITS_MAX || significant > LENGTH_SIGNIFICANT_DIGITS_MAX;
  return tooLarge ? new HeadFailure("cl_too_large") : number;
}
