/**
 * From the bytes of a field name to its FieldName, without making a string of it: a direct-mapped cache of the names met
 * last, in front of the table in http/fields.ts. A client that sends many names only pushes others out; nothing grows.
 * With each name stands its mark: a bit if this codec has something to do with the field, 0 otherwise.
 */
import { fromLatin1 } from "../../base/bytes.ts";
import { type FieldName, fieldName } from "../http/fields.ts";

export const HOST = 1 << 0;
export const CONTENT_LENGTH = 1 << 1;
export const TRANSFER_ENCODING = 1 << 2;
export const CONNECTION = 1 << 3;
export const EXPECT = 1 << 4;
export const UPGRADE = 1 << 5;

/** Fields this codec reads only to refuse a second one: two of them would let two readers choose differently. */
const ONCE_ONLY = [
  "authorization",
  "content-range",
  "content-type",
  "if-modified-since",
  "if-range",
  "if-unmodified-since",
  "max-forwards",
  "origin",
  "proxy-authorization",
  "range",
] as const;

const MARKS = new Map<string, number>([
  ["host", HOST],
  ["content-length", CONTENT_LENGTH],
  ["transfer-encoding", TRANSFER_ENCODING],
  ["connection", CONNECTION],
  ["expect", EXPECT],
  ["upgrade", UPGRADE],
  ...ONCE_ONLY.map((name, i): [string, number] => [name, 1 << (6 + i)]),
]);

/** Fields that decide framing, routing or the connection: never in trailers (RFC 9110 section 6.5.1). */
export const FRAMING_MARKS = HOST | CONTENT_LENGTH | TRANSFER_ENCODING | CONNECTION | UPGRADE | EXPECT;

/** Singletons of requests. Connection and Upgrade are lists (RFC 9110 section 5.3). */
export const REQUEST_SINGLETONS = ONCE_ONLY.reduce(
  (marks, name) => marks | (MARKS.get(name) ?? 0),
  HOST | CONTENT_LENGTH | TRANSFER_ENCODING | EXPECT,
);

/** Singletons of responses. */
export const RESPONSE_SINGLETONS = CONTENT_LENGTH | TRANSFER_ENCODING;

export interface KnownField {
  readonly name: FieldName;
  readonly bytes: Uint8Array;
  readonly mark: number;
}

/** Real traffic has a few hundred spellings. A power of two. */
const SLOTS = 1024;
const slots: (KnownField | undefined)[] = Array.from({ length: SLOTS }, () => undefined);

/** Mixes one byte of a name into its hash: callers do it while they scan the name. */
export function mixHash(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}

/** The name `bytes[start, end)`, a token whose hash is `hash` and whose text is `text.substring(start - base, …)`. */
export function knownField(
  bytes: Buffer,
  start: number,
  end: number,
  hash: number,
  text: string,
  base: number,
): KnownField {
  const slot = (hash ^ (hash >>> 10)) & (SLOTS - 1);
  const held = slots[slot];
  if (held !== undefined && isSpelled(held.bytes, bytes, start, end)) return held;
  const name = fieldName(text.substring(start - base, end - base));
  const made = { name, bytes: fromLatin1(name.text), mark: MARKS.get(name.lower) ?? 0 };
  slots[slot] = made;
  return made;
}

function isSpelled(spelling: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = spelling;
  if (length !== end - start) return false;
  let i = 0;
  while (i < length && spelling[i] === bytes[start + i]) i++;
  return i === length;
}
