/** Bytes: the few operations on Uint8Array that the rooms share. No I/O, no Buffer pool of its own. */

declare global {
  /** Node and Bun have these; the type packages leave them out. */
  interface Buffer {
    latin1Slice(start?: number, end?: number): string;
    latin1Write(text: string, offset?: number, length?: number): number;
    asciiSlice(start?: number, end?: number): string;
    utf8Slice(start?: number, end?: number): string;
    utf8Write(text: string, offset?: number, length?: number): number;
  }
}

export const EMPTY = Buffer.alloc(0);

/** One latin-1 character per byte, which is how protocol text is kept in this house. */
export function latin1(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return asBuffer(bytes).latin1Slice(start, end);
}

/** The bytes of a latin-1 string; characters above U+00FF lose their high byte, so callers check first. */
export function fromLatin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** A Buffer over the same memory (no copy). */
export function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The same bytes in memory of their own: of what is only lent. */
export function copyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafe(bytes.length);
  copy.set(bytes, 0);
  return copy;
}

/** Both, in order; the other one itself when one is empty. */
export function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const whole = Buffer.allocUnsafe(a.length + b.length);
  whole.set(a, 0);
  whole.set(b, a.length);
  return whole;
}
