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
  /** Upgrade field of a 101. */
  readonly upgrade: string | undefined;
}

/** Parsing is synchronous and leaves nothing in this that lives on. */
const notes = new FieldNotes();

export function responseFieldRules(limits: HeadLimits): FieldRules {
  return { fieldsMax: limits.fieldsMax, singletons: RESPONSE_SINGLETONS, forbidden: 0 };
}

/** Bytes of the longest status line with its CRLF: 1 KiB; a reason phrase is a few words. */
export const STATUS_LINE_BYTES_MAX = 1024;

/** `HTTP/1.x SP 3DIGIT` is fixed; then SP and a reason phrase. */
const STATUS_AT = 9;
const REASON_AT = 13;
const STATUS_LINE = /^HTTP\/1\.[0-9] [1-5][0-9]{2}$/;

/** Is the status line, the first line at `start`, already wrong? */
export function statusLineFailure(bytes: Buffer, start: number): HeadFailure | undefined {
  return findStatusLineEnd(bytes, start).failure;
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
  const line = findStatusLineEnd(bytes, start);
  if (line.failure !== undefined) return line.failure;
  const text = bytes.latin1Slice(start, end);
  const fields = new Fields();
  notes.reset();
  const failure = parseFieldLines(bytes, line.end + 2, end, text, start, rules, fields, notes);
  if (failure !== undefined) return failure;
  const minor = text[STATUS_AT - 2] === "0" ? 0 : 1;
  const status = Number(text.substring(STATUS_AT, STATUS_AT + 3));
  const body = responseBody(method, status, minor, notes);
  if (body instanceof HeadFailure) return body;
  const ends = body.framing === "close" || body.framing === "tunnel";
  return {
    minor,
    status,
    reason: text.slice(REASON_AT, line.end - start),
    fields,
    length: body.length,
    framing: body.framing,
    persistent: !ends && isPersistent(minor, notes.connection),
    upgrade: status === 101 ? notes.upgrade : undefined,
  };
}

interface StatusLineEnd {
  /** The byte of its CR. */
  readonly end: number;
  readonly failure: HeadFailure | undefined;
}

/** Checks the line. A missing SP before an absent reason phrase is forgiven, as nginx does: nothing hangs on it. */
function findStatusLineEnd(bytes: Buffer, start: number): StatusLineEnd {
  let at = start;
  const stop = start + STATUS_LINE_BYTES_MAX;
  while (at < stop && VALUE[bytes[at] ?? NO_BYTE] === 1) at++;
  if (at === stop) return { end: at, failure: new HeadFailure("status_line_too_long") };
  if (bytes[at] === LF) return { end: at, failure: new HeadFailure("bare_lf") };
  const fixed = bytes.latin1Slice(start, Math.min(at, start + REASON_AT - 1));
  const wellFormed = STATUS_LINE.test(fixed) && (at === start + REASON_AT - 1 || bytes[start + REASON_AT - 1] === SP);
  if (!wellFormed || bytes[at] !== CR || bytes[at + 1] !== LF) {
    return { end: at, failure: new HeadFailure("bad_status_line") };
  }
  return { end: at, failure: undefined };
}
