/**
 * Writes request heads for an upstream (RFC 9112 section 3) from parsed fields: never a copy of what a client sent. Framing
 * and Connection are decided here; whoever forwards has removed hop-by-hop fields and added its own.
 */
import { assert } from "../../base/assert.ts";
import { fromLatin1 } from "../../base/bytes.ts";
import type { Fields } from "../http/fields.ts";
import { LENGTH_UNKNOWN } from "../http/message.ts";
import { assertClean, contentLength, fieldLines } from "./write.ts";

/** Methods whose requests announce even an absent body (RFC 9110 section 8.6). */
const METHODS_WITH_CONTENT: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/** `bodyLength` LENGTH_UNKNOWN for a chunked body; `connection` undefined for no Connection field. */
export function encodeRequestHead(
  method: string,
  target: string,
  fields: Fields,
  bodyLength: number,
  connection: string | undefined,
): Buffer {
  assert(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method), "a method that is no token");
  assert(/^[\x21-\x7e\x80-\xff]+$/.test(target), "a control, space or wide character in a request target");
  let text = `${method} ${target} HTTP/1.1\r\n${fieldLines(fields)}${framingLine(method, bodyLength)}`;
  if (connection !== undefined) {
    assertClean(connection);
    text += `Connection: ${connection}\r\n`;
  }
  return fromLatin1(`${text}\r\n`);
}

function framingLine(method: string, bodyLength: number): string {
  if (bodyLength === LENGTH_UNKNOWN) return "Transfer-Encoding: chunked\r\n";
  return bodyLength > 0 || METHODS_WITH_CONTENT.has(method) ? contentLength(bodyLength) : "";
}
