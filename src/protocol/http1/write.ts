/**
 * Writes reply heads (RFC 9112 section 4) and the chunked coding's frame. Framing, Connection and Date are decided here and
 * nowhere else: such fields in a ReplyHead are left out, except a Date that the application chose.
 *
 * What may stand in a field was checked where the reply came in; a CR, LF, NUL or wide character that gets here is a bug, and
 * asserting it costs less than one response split in two.
 */
import { assert, fail } from "../../base/assert.ts";
import { fromLatin1 } from "../../base/bytes.ts";
import type { FieldName, Fields } from "../http/fields.ts";
import { hasNoContent, LENGTH_UNKNOWN, type ReplyHead, type RequestHead } from "../http/message.ts";
import { reasonPhrase } from "../http/status.ts";

/** How the client finds the end of the content. `none`: there is no content, whatever `length` says. */
export type ReplyFraming = "length" | "chunked" | "close" | "none";

/** RFC 9112 section 6.3 as the sender sees it; Transfer-Encoding only to HTTP/1.1 clients (section 6.1). */
export function replyFraming(request: RequestHead, head: ReplyHead): ReplyFraming {
  const { status } = head;
  if (request.method === "HEAD" || hasNoContent(status)) return "none";
  if (request.method === "CONNECT" && status < 300) return "none";
  if (head.length !== LENGTH_UNKNOWN) return "length";
  return request.minor === 1 ? "chunked" : "close";
}

/** Fields that only the writer sets. */
const WRITERS_OWN: ReadonlySet<string> = new Set(["connection", "content-length", "keep-alive", "transfer-encoding"]);

const STATUS_LINES = new Map<number, string>();

/** What every reply begins with, interim ones too. A client that has closed its side may have gone, or may wait for its
 *  answer: that cannot be told apart before it is sent something, and nobody minds to get this byte early. */
export const REPLY_BEGIN: Uint8Array = Buffer.from("H");

/** `HTTP/1.1 200 OK CRLF`. The space stays before an empty reason. Always our own version (RFC 9112 section 2.3). */
function statusLine(status: number, reason: string | undefined): string {
  const known = STATUS_LINES.get(status);
  if (known !== undefined && reason === undefined) return known;
  assert(Number.isInteger(status) && status >= 100 && status <= 599, `the status ${status} is outside 100..599`);
  if (reason !== undefined) {
    assertClean(reason);
    return `HTTP/1.1 ${status} ${reason}\r\n`;
  }
  const made = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`;
  STATUS_LINES.set(status, made);
  return made;
}

/** Writes status line, fields, Date, framing and Connection at `offset`, with the empty line. Returns the bytes written, or
 *  -1, and nothing is written, when there is no room. `date` is an IMF-fixdate. */
export function encodeReplyHead(
  into: Buffer,
  offset: number,
  head: ReplyHead,
  framing: ReplyFraming,
  request: RequestHead,
  persistent: boolean,
  date: string,
): number {
  if (head.status < 200) fail(`the final status ${head.status} is below 200`);
  let text = statusLine(head.status, head.reason) + fieldLines(head.fields);
  if (!head.fields.has("date")) text += `Date: ${date}\r\n`;
  text += framingLine(head, framing, request);
  if (!persistent || framing === "close") text += "Connection: close\r\n";
  else if (request.minor === 0) text += "Connection: keep-alive\r\n";
  text += "\r\n";
  if (text.length > into.length - offset) return -1;
  return into.latin1Write(text, offset, text.length);
}

function framingLine(head: ReplyHead, framing: ReplyFraming, request: RequestHead): string {
  switch (framing) {
    case "length":
      return contentLength(head.length);
    case "chunked":
      return "Transfer-Encoding: chunked\r\n";
    case "close":
      return "";
    case "none":
      return announcedLength(head, request);
  }
}

/** RFC 9110 section 8.6: with HEAD and 304 what GET would have sent, never with 1xx, 204 and CONNECT's 2xx. */
function announcedLength(head: ReplyHead, request: RequestHead): string {
  const { status } = head;
  if (status === 205) return "Content-Length: 0\r\n";
  if (status < 200 || status === 204 || head.length === LENGTH_UNKNOWN) return "";
  if (request.method === "CONNECT" && status < 300) return "";
  return contentLength(head.length);
}

export function contentLength(length: number): string {
  if (!Number.isSafeInteger(length) || length < 0) fail(`the content length ${length} is no count`);
  return `Content-Length: ${length}\r\n`;
}

/** A 1xx head. A 101 gets the Connection that its Upgrade field needs (RFC 9110 section 7.8). */
export function encodeInterimHead(head: ReplyHead): Buffer {
  assert(head.status >= 100 && head.status < 200, `the interim status ${head.status} is outside 100..199`);
  const connection = head.status === 101 ? "Connection: upgrade\r\n" : "";
  return fromLatin1(`${statusLine(head.status, head.reason)}${fieldLines(head.fields)}${connection}\r\n`);
}

/** Every field but the writer's own, one line each, in order. */
export function fieldLines(fields: Fields): string {
  const { names, values } = fields;
  let text = "";
  for (let i = 0; i < names.length; i++) {
    const line = lineOf(names[i] as FieldName); // i < length
    if (line.begin === "") continue;
    const value = values[i] as string; // names and values have one length
    if (value !== line.clean) assertClean(value);
    line.clean = value.length <= CLEAN_LENGTH_MAX ? value : "";
    text += `${line.begin}${value}\r\n`;
  }
  return text;
}

/** What is known of the lines of one name. */
interface Line {
  /** `Name: `; "" for a field that only the writer sets. */
  readonly begin: string;
  /** The value that was checked last: most fields have the same one in reply after reply. */
  clean: string;
}

/** Replies use a few dozen names; a hostile upstream must not make the table grow. */
const LINES_MAX = 1024;
const lines = new Map<FieldName, Line>();

/** Longer ones seldom come again. (One that is a slice of a received head holds that head: one for each name.) */
const CLEAN_LENGTH_MAX = 256;

/** The name is checked once. */
function lineOf(name: FieldName): Line {
  const known = lines.get(name);
  if (known !== undefined) return known;
  assert(!NOT_TOKEN.test(name.text), "a field name that is no token");
  const made = { begin: WRITERS_OWN.has(name.lower) ? "" : `${name.text}: `, clean: "" };
  if (lines.size < LINES_MAX) lines.set(name, made);
  return made;
}

const UNCLEAN = /[^\t\x20-\x7e\x80-\xff]/;
const NOT_TOKEN = /^$|[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;

export function assertClean(value: string): void {
  assert(!UNCLEAN.test(value), "a control or wide character in a field value or reason phrase");
}

/** RFC 9110 section 15.2.1 */
export const CONTINUE: Buffer = fromLatin1("HTTP/1.1 100 Continue\r\n\r\n");

export const CHUNK_END: Buffer = fromLatin1("\r\n");
/** The last chunk and an empty trailer section. */
export const LAST_CHUNK: Buffer = fromLatin1("0\r\n\r\n");

/** The last chunk with these trailers (RFC 9112 section 7.1.2). */
export function encodeLastChunk(trailers: Fields): Buffer {
  return fromLatin1(`0\r\n${fieldLines(trailers)}\r\n`);
}

/** `1f CRLF`: the line before a chunk of `length` bytes, at least one (a size of 0 would end the body). */
export function chunkHeader(length: number): Buffer {
  assert(length > 0, "a chunk without content would end the body");
  return fromLatin1(`${length.toString(16)}\r\n`);
}
