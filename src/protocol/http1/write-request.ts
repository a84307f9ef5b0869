/**
 * Writes request heads for an upstream (RFC 9112 section 3) from parsed fields: never a copy of what a client sent. Framing
 * and Connection are decided here; whoever forwards has removed hop-by-hop fields and added its own.
 *
 * One writer and its buffer serve all requests of a thread: begin, add…, finish; the bytes hold until the next begin.
 */
import { assert } from "../../base/assert.ts";
import { fromLatin1 } from "../../base/bytes.ts";
import type { FieldName } from "../http/fields.ts";
import { LENGTH_UNKNOWN } from "../http/message.ts";
import { assertClean, contentLength } from "./write.ts";

/** Methods whose requests announce even an absent body (RFC 9110 section 8.6). */
const METHODS_WITH_CONTENT: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/** Nearly every head, and a small body behind it. A larger head has a buffer of its own. */
const BUFFER_BYTES = 64 * 1024;

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

export class RequestHeadWriter {
  /** After `finish`: begins with the head. */
  bytes: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  private method = "";
  private text = "";

  begin(method: string, target: string): void {
    assert(METHOD.test(method), "a method that is no token");
    assert(TARGET.test(target), "a control, space or wide character in a request target");
    this.method = method;
    this.text = `${method} ${target} HTTP/1.1\r\n`;
  }

  /** A field whose value was checked where it came from: by the parser, or when a template was evaluated. */
  add(name: FieldName, value: string): void {
    this.text = `${this.text}${name.line}${value}\r\n`;
  }

  /** What a FieldLines gathered. */
  addLines(lines: string): void {
    this.text += lines;
  }

  /** What was written so far, as bytes; the writer goes on behind it. */
  split(): Buffer {
    const { text } = this;
    this.text = "";
    return fromLatin1(text);
  }

  /** A head made of parts that were written before, the last of them by `finish`. Returns the bytes of the head. */
  join(begin: Uint8Array, middle: Uint8Array, end: Uint8Array): number {
    const length = begin.length + middle.length + end.length;
    if (length > this.bytes.length) this.bytes = Buffer.allocUnsafeSlow(length);
    this.bytes.set(begin, 0);
    this.bytes.set(middle, begin.length);
    this.bytes.set(end, begin.length + middle.length);
    return length;
  }

  /** `bodyLength` LENGTH_UNKNOWN for a chunked body; `connection` undefined for no Connection field. Returns the bytes of
   *  the head. */
  finish(bodyLength: number, connection: string | undefined): number {
    let text = this.text + framingLine(this.method, bodyLength);
    if (connection !== undefined) {
      assertClean(connection);
      text += `Connection: ${connection}\r\n`;
    }
    text += "\r\n";
    this.text = "";
    if (text.length > this.bytes.length) this.bytes = Buffer.allocUnsafeSlow(text.length);
    return this.bytes.latin1Write(text, 0, text.length);
  }
}

/** Field lines that go into more than one head. Their values were checked, as for RequestHeadWriter.add. */
export class FieldLines {
  text = "";

  add(name: FieldName, value: string): void {
    this.text += `${name.line}${value}\r\n`;
  }
}

function framingLine(method: string, bodyLength: number): string {
  if (bodyLength === LENGTH_UNKNOWN) return "Transfer-Encoding: chunked\r\n";
  return bodyLength > 0 || METHODS_WITH_CONTENT.has(method) ? contentLength(bodyLength) : "";
}
