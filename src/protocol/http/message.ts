/**
 * HTTP messages whatever version carries them (RFC 9110): what a request head and a reply head consist of.
 * Text is latin-1: one character per byte of the wire.
 */
import { EMPTY } from "../../base/bytes.ts";
import { Fields } from "./fields.ts";
import type { KeptReply } from "./kept-reply.ts";

/** Body length of a message whose end only its framing tells (chunked). */
export const LENGTH_UNKNOWN = -1;

export type TargetForm = "origin" | "absolute" | "authority" | "asterisk";

/** A request head after every check of its grammar: nothing in it is ambiguous. */
export interface RequestHead {
  readonly method: string;
  /** Raw request target, byte for byte: REQUEST_URI. */
  readonly target: string;
  readonly form: TargetForm;
  /** Decoded once, dot segments resolved, slashes merged; begins with `/` (`*` for the asterisk form). For routing,
   *  PATH_INFO and files. */
  readonly path: string;
  /** Raw path as sent, without query; of an absolute-form target only its path. */
  readonly rawPath: string;
  /** Raw, without `?`; undefined when the target has no `?`. */
  readonly query: string | undefined;
  /** Lower case, without port, IPv6 with brackets; "" when an HTTP/1.0 request has none. */
  readonly host: string;
  /** Port of the Host field or the absolute target; undefined when it names none. */
  readonly hostPort: number | undefined;
  /** HTTP/1.minor; higher minors are taken as 1 (RFC 9110 section 6.2). */
  readonly minor: 0 | 1;
  readonly fields: Fields;
  /** Content bytes: 0 for none, LENGTH_UNKNOWN for chunked. */
  readonly bodyLength: number;
  /** May the connection serve another request after this one (RFC 9112 section 9.3)? */
  readonly persistent: boolean;
  /** `Expect: 100-continue` of an HTTP/1.1 client that has a body to send. */
  readonly expectsContinue: boolean;
  /** Upgrade field of an HTTP/1.1 request whose Connection names it (RFC 9110 section 7.8). */
  readonly upgrade: string | undefined;
  /** Has this very object been met before (http1/head-memo.ts)? Then what is made of it alone is worth keeping. */
  repeats?: boolean;
}

/** A reply before its framing: Content-Length, Transfer-Encoding, Connection and Date are the writer's business and
 *  are not in `fields`. */
export interface ReplyHead {
  /** 200..599 */
  readonly status: number;
  /** Reason phrase; undefined for the standard one. */
  readonly reason: string | undefined;
  readonly fields: Fields;
  /** Content bytes; LENGTH_UNKNOWN when only the end will tell. For HEAD, 304: what GET would have sent (it is
   *  announced, not sent). */
  readonly length: number;
  /** Of a head that is sent again and again: what a session keeps of its encoding. */
  readonly prepared?: PreparedHead;
  /** What this head and its content, which are sent again and again, look like on the wire. */
  kept?: KeptReply | undefined;
}

/** What a head that is sent again and again, with whatever content, looked like when it was encoded last, for whoever encodes
 *  it next. The protocol that fills it says when it still holds. Made once, by whoever makes the head, and never for a head
 *  that is sent but once. */
export class PreparedHead {
  bytes: Uint8Array = EMPTY;
  /** The second, since 1970, that its Date tells. */
  second = Number.NaN;
  /** Do its fields speak to this server (exchange/accel.ts)? Undefined before somebody has looked. */
  speaksToUs: boolean | undefined = undefined;
}

/** Field names that belong to the connection, not the message (RFC 9110 section 7.6.1). Lower case. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** Has a reply of this status to this method no content (RFC 9112 section 6.3 rule 1)? */
export function isBodiless(method: string, status: number): boolean {
  return method === "HEAD" || status === 204 || status === 304 || status < 200;
}

/** Has a reply of this status no content, whatever was asked? RFC 9110 section 15.3.6: a 205 has none either, though its
 *  framing says so (`Content-Length: 0`). */
export function hasNoContent(status: number): boolean {
  return status === 205 || isBodiless("GET", status);
}
