/**
 * From the bytes of a whole response head to a ResponseHead, or to the first mistake in it. An upstream is trusted no more
 * than a client: whatever is off the grammar is refused. Specification: RFC 9112 sections 4 to 6.
 */
import { Fields } from "../http/fields.ts";
import { isPersistent } from "./connection-options.ts";
import { HeadFailure } from "./failure.ts";
import { FieldNotes, type FieldRules, parseFieldLines } from "./field-lines.ts";
import { type ResponseFraming, responseBody } from "./framing.ts";
import { RESPONSE_SINGLETONS } from "./known-fields.ts";
import type { HeadLimits } from "./limits.ts";
import { CR, LF, NO_BYTE, SP, VALUE } from "./scan.ts";

export interface ResponseHead {
  readonly minor: 0 | 1;
  readonly status: number;
  /** As sent; may be empty. */
  readonly reason: string;
  readonly fields: Fields;
  /** Content bytes announced; LENGTH_UNKNOWN for chunked, until close, and HEAD or 304 replies that announce none. */
  readonly length: number;
  readonly framing: ResponseFraming;
  /** May the connection serve another request when this response is complete? */
  readonly persistent: boolean;
  /** The Keep-Alive field. */
  readonly keepAlive: string | undefined;
  /** Upgrade field of a 101. */
  readonly upgrade: string | undefined;
  /** Has this very object been met before (response-memo.ts)? */
  repeats: boolean;
}

/** Parsing is synchronous and leaves nothing in this that lives on. */
const notes = new FieldNotes();

export function responseFieldRules(limits: HeadLimits): FieldRules {
  return { fieldsMax: limits.fieldsMax, singletons: RESPONSE_SINGLETONS, forbidden: 0 };
}

/** Bytes of the longest status line with its CR: 1 KiB; a reason phrase is a few words. */
export const STATUS_LINE_BYTES_MAX = 1024;

/** `HTTP/1.x SP 3DIGIT` is fixed; then SP and a reason phrase. */
const STATUS_AT = 9;
const REASON_AT = 13;
const VERSION = Buffer.from("HTTP/1.", "latin1");
const DIGIT_ZERO = 0x30;

/** Is the status line, the first line at `start`, already wrong? */
export function statusLineFailure(bytes: Buffer, start: number): HeadFailure | undefined {
  const end = findLineEnd(bytes, start);
  return isStatusLine(bytes, start, end) ? undefined : lineFailure(bytes, start, end);
}

/** `bytes[start, end)` are status line and field lines, without the empty line; or the part up to a byte that cannot be
 *  right. */
export function parseResponseHead(
  bytes: Buffer,
  start: number,
  end: number,
  method: string,
  rules: FieldRules,
): ResponseHead | HeadFailure {
  const lineEnd = findLineEnd(bytes, start);
  if (!isStatusLine(bytes, start, lineEnd)) return lineFailure(bytes, start, lineEnd);
  const text = bytes.latin1Slice(start, end);
  const fields = new Fields();
  notes.reset();
  const failure = parseFieldLines(bytes, lineEnd + 2, end, text, start, rules, fields, notes);
  if (failure !== undefined) return failure;
  const minor = text[STATUS_AT - 2] === "0" ? 0 : 1;
  const status = statusOf(bytes, start);
  const body = responseBody(method, status, minor, notes);
  if (body instanceof HeadFailure) return body;
  const ends = body.framing === "close" || body.framing === "tunnel";
  return {
    minor,
    status,
    reason: text.slice(REASON_AT, lineEnd - start),
    fields,
    length: body.length,
    framing: body.framing,
    persistent: !ends && isPersistent(minor, notes.connection),
    keepAlive: fields.get("keep-alive"),
    upgrade: status === 101 ? notes.upgrade : undefined,
    repeats: false,
  };
}

/** The byte that cannot stand in the line: of a good one its CR. */
function findLineEnd(bytes: Buffer, start: number): number {
  let at = start;
  const stop = start + STATUS_LINE_BYTES_MAX;
  while (at < stop && VALUE[bytes[at] ?? NO_BYTE] === 1) at++;
  return at;
}

/** A missing SP before an absent reason phrase is forgiven, as nginx does: nothing hangs on it. */
function isStatusLine(bytes: Buffer, start: number, end: number): boolean {
  if (end === start + STATUS_LINE_BYTES_MAX || bytes[end] !== CR || bytes[end + 1] !== LF) return false;
  for (let i = 0; i < VERSION.length; i++) if (bytes[start + i] !== VERSION[i]) return false;
  const first = (bytes[start + STATUS_AT] ?? 0) - DIGIT_ZERO;
  if (!isDigit(bytes[start + VERSION.length]) || bytes[start + STATUS_AT - 1] !== SP || first < 1 || first > 5)
    return false;
  if (!isDigit(bytes[start + STATUS_AT + 1]) || !isDigit(bytes[start + STATUS_AT + 2])) return false;
  return end === start + REASON_AT - 1 || bytes[start + REASON_AT - 1] === SP;
}

function lineFailure(bytes: Buffer, start: number, end: number): HeadFailure {
  if (end === start + STATUS_LINE_BYTES_MAX) return new HeadFailure("status_line_too_long");
  return new HeadFailure(bytes[end] === LF ? "bare_lf" : "bad_status_line");
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= DIGIT_ZERO && byte <= DIGIT_ZERO + 9;
}

/** Three digits that were checked. */
function statusOf(bytes: Buffer, start: number): number {
  let status = 0;
  for (let i = 0; i < 3; i++) status = status * 10 + (bytes[start + STATUS_AT + i] ?? 0) - DIGIT_ZERO;
  return status;
}
