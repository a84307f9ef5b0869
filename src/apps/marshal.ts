/**
 * Python's `marshal` format, as far as an environ needs it: a dict of str to str. One `marshal.loads` reads it at C speed.
 * Not a serializer of everything. Specification: CPython Python/marshal.c; these codes are read by every Python since 3.4.
 *
 *     dict     '{'  (key value)…  '0'
 *     str      'z'  u8 length   ASCII bytes                 up to 255 characters, all ASCII
 *              'a'  u32 length  ASCII bytes                 longer
 *              'u'  u32 length  UTF-8 bytes                 any character above 0x7f
 */

const DICT = 0x7b;
const DICT_END = 0x30;
const SHORT_ASCII = 0x7a;
const ASCII = 0x61;
const UNICODE = 0x75;

/** Above this length one native call beats a loop over characters. */
const LOOP_CHARACTERS_MAX = 48;
/** Distinct keys are few; a client that invents header names must not fill memory. */
const KEYS_MAX = 1024;
const KEY_CHARACTERS_MAX = 64;

/** Writes into one buffer that is used again for every frame. When it is too small, `overflowed` is true at the end and
 *  the bytes mean nothing. */
export class MarshalWriter {
  readonly buffer: Buffer;
  position = 0;
  overflowed = false;
  private readonly keys = new Map<string, Uint8Array>();

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  /** Starts anew at `position`. */
  begin(position: number): void {
    this.position = position;
    this.overflowed = false;
  }

  beginDict(): void {
    if (this.hasRoom(1)) this.buffer[this.position++] = DICT;
  }

  endDict(): void {
    if (this.hasRoom(1)) this.buffer[this.position++] = DICT_END;
  }

  /** One pair of a dict. Both are latin-1 strings. */
  pair(key: string, value: string): void {
    this.key(key);
    this.string(value);
  }

  /** Pairs that were written before (`bytesFrom`), as they are. */
  bytes(bytes: Uint8Array): void {
    if (!this.hasRoom(bytes.length)) return;
    this.buffer.set(bytes, this.position);
    this.position += bytes.length;
  }

  private key(key: string): void {
    const known = this.keys.get(key);
    if (known !== undefined) return this.bytes(known);
    const start = this.position;
    this.string(key);
    if (this.overflowed || this.keys.size >= KEYS_MAX || key.length > KEY_CHARACTERS_MAX) return;
    this.keys.set(key, Uint8Array.prototype.slice.call(this.buffer, start, this.position));
  }

  string(text: string): void {
    // The worst case: five bytes in front, every character two bytes of UTF-8.
    if (!this.hasRoom(5 + text.length * 2)) return;
    if (text.length > LOOP_CHARACTERS_MAX) return this.longString(text);
    const { buffer, position } = this;
    let at = position + 2;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return this.unicode(text);
      buffer[at++] = code;
    }
    buffer[position] = SHORT_ASCII;
    buffer[position + 1] = text.length;
    this.position = at;
  }

  private longString(text: string): void {
    const { buffer, position } = this;
    const start = position + 5;
    const length = buffer.utf8Write(text, start);
    const short = length === text.length && length <= 255;
    if (short) buffer.copyWithin(position + 2, start, start + length);
    buffer[position] = short ? SHORT_ASCII : length === text.length ? ASCII : UNICODE;
    if (short) buffer[position + 1] = length;
    else writeU32(buffer, position + 1, length);
    this.position = short ? position + 2 + length : start + length;
  }

  private unicode(text: string): void {
    const { buffer, position } = this;
    const length = buffer.utf8Write(text, position + 5);
    buffer[position] = UNICODE;
    writeU32(buffer, position + 1, length);
    this.position = position + 5 + length;
  }

  private hasRoom(bytes: number): boolean {
    if (this.position + bytes > this.buffer.length) this.overflowed = true;
    return !this.overflowed;
  }
}

function writeU32(buffer: Uint8Array, at: number, value: number): void {
  buffer[at] = value;
  buffer[at + 1] = value >>> 8;
  buffer[at + 2] = value >>> 16;
  buffer[at + 3] = value >>> 24;
}
