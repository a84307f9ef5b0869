/**
 * Field lines (RFC 9112 section 5) of heads and trailers of both directions: checks their grammar, fills a Fields, and
 * notes the values that framing and routing need. It decides nothing about them beyond "may stand once".
 */
import type { Fields } from "../http/fields.ts";
import { HeadFailure } from "./failure.ts";
import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  HOST,
  knownField,
  mixHash,
  TRANSFER_ENCODING,
  UPGRADE,
} from "./known-fields.ts";
import { FIELD_NAME_BYTES_MAX } from "./limits.ts";
import { COLON, CR, isOws, LF, NO_BYTE, TCHAR, VALUE } from "./scan.ts";

/** The values that this codec acts on, as text. */
export class FieldNotes {
  /** Marks of the fields met (known-fields.ts). */
  seen = 0;
  host: string | undefined = undefined;
  contentLength: string | undefined = undefined;
  transferEncoding: string | undefined = undefined;
  /** All Connection fields, joined. */
  connection: string | undefined = undefined;
  expect: string | undefined = undefined;
  /** All Upgrade fields, joined. */
  upgrade: string | undefined = undefined;

  reset(): void {
    this.seen = 0;
    this.host = undefined;
    this.contentLength = undefined;
    this.transferEncoding = undefined;
    this.connection = undefined;
    this.expect = undefined;
    this.upgrade = undefined;
  }

  copy(): FieldNotes {
    return Object.assign(new FieldNotes(), this);
  }

  note(mark: number, value: string): void {
    this.seen |= mark;
    if (mark === HOST) this.host = value;
    else if (mark === CONNECTION) this.connection = joined(this.connection, value);
    else if (mark === CONTENT_LENGTH) this.contentLength = value;
    else if (mark === TRANSFER_ENCODING) this.transferEncoding = value;
    else if (mark === UPGRADE) this.upgrade = joined(this.upgrade, value);
    else if (mark === EXPECT) this.expect = value;
  }
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}

export interface FieldRules {
  readonly fieldsMax: number;
  /** Marks of the fields that may stand only once. */
  readonly singletons: number;
  /** Marks of the fields that may not stand at all. */
  readonly forbidden: number;
}

/**
 * Parses `bytes[start, end)`, whole lines without the closing empty line. `text` is the latin-1 text of the section that
 * begins at byte `base`. Mistakes are reported in the order of the bytes.
 */
export function parseFieldLines(
  bytes: Buffer,
  start: number,
  end: number,
  text: string,
  base: number,
  rules: FieldRules,
  fields: Fields,
  notes: FieldNotes,
): HeadFailure | undefined {
  const { names, values } = fields;
  for (let line = start; line < end;) {
    let at = line;
    let hash = 0;
    let byte = bytes[at] ?? NO_BYTE;
    while (TCHAR[byte] === 1) {
      hash = mixHash(hash, byte);
      byte = bytes[++at] ?? NO_BYTE;
    }
    const nameEnd = at;
    if (byte !== COLON || nameEnd === line || nameEnd - line > FIELD_NAME_BYTES_MAX) {
      return nameFailure(line, nameEnd, byte, line === start);
    }
    do byte = bytes[++at] ?? NO_BYTE;
    while (isOws(byte));
    const valueStart = at;
    while (VALUE[byte] === 1) byte = bytes[++at] ?? NO_BYTE;
    if (byte !== CR || bytes[at + 1] !== LF) return valueFailure(byte);
    if (names.length === rules.fieldsMax) return tooManyFields(rules.fieldsMax);
    let valueEnd = at;
    while (valueEnd > valueStart && isOws(bytes[valueEnd - 1])) valueEnd--;

    const { name, mark } = knownField(bytes, line, nameEnd, hash, text, base);
    const value = text.substring(valueStart - base, valueEnd - base);
    names.push(name);
    values.push(value);
    if (mark !== 0) {
      if ((mark & rules.forbidden) !== 0)
        return new HeadFailure("forbidden_trailer", `the trailer field ${name.text} belongs in the head`);
      if ((mark & rules.singletons & notes.seen) !== 0)
        return new HeadFailure("repeated_field", `the field ${name.text} is repeated`);
      notes.note(mark, value);
    }
    line = at + 2;
  }
  return undefined;
}

function nameFailure(start: number, end: number, stoppedAt: number, first: boolean): HeadFailure {
  const empty = start === end;
  if (isOws(stoppedAt) && empty) return new HeadFailure(first ? "space_before_first_field" : "obs_fold");
  if (end - start > FIELD_NAME_BYTES_MAX) return new HeadFailure("field_name_too_long");
  if (isOws(stoppedAt)) return new HeadFailure("space_before_colon");
  if (stoppedAt === LF) return new HeadFailure("bare_lf");
  return new HeadFailure(stoppedAt === COLON ? "empty_field_name" : "bad_field_name");
}

function valueFailure(stoppedAt: number): HeadFailure {
  if (stoppedAt === CR) return new HeadFailure("bare_cr");
  return new HeadFailure(stoppedAt === LF ? "bare_lf" : "bad_field_value");
}

function tooManyFields(fieldsMax: number): HeadFailure {
  return new HeadFailure("too_many_fields", `the head has more than ${fieldsMax} fields`);
}

/** `head of more than 65536 bytes; the largest field is Cookie (61234 bytes)`: tells an administrator what to look at. */
export function headTooLarge(bytes: Buffer, start: number, end: number, bytesMax: number): HeadFailure {
  let largest = "";
  let size = 0;
  for (let line = bytes.indexOf(LF, start) + 1; line > start && line < end;) {
    const next = bytes.indexOf(LF, line) + 1;
    const lineEnd = next === 0 || next > end ? end : next;
    if (lineEnd - line > size) {
      size = lineEnd - line;
      largest = nameOf(bytes, line, lineEnd);
    }
    line = lineEnd;
  }
  const suffix = size === 0 ? "" : `; the largest field is ${largest} (${size} bytes)`;
  return new HeadFailure("head_too_large", `the head has more than ${bytesMax} bytes${suffix}`);
}

function nameOf(bytes: Buffer, line: number, end: number): string {
  let at = line;
  while (at < end && at - line < FIELD_NAME_BYTES_MAX && TCHAR[bytes[at] ?? NO_BYTE] === 1) at++;
  return bytes.latin1Slice(line, at);
}
