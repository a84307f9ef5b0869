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

/** A power of two. */
const VIEWS = 16;
/** Of memory that is used again and again views of this length at most are the same objects (net/receive-buffer.ts). */
const VIEWED_BYTES_MAX = 2048;
const viewed: Buffer[] = Array.from({ length: VIEWS }, () => EMPTY);
const views: Buffer[] = Array.from({ length: VIEWS }, () => EMPTY);
const starts = new Int32Array(VIEWS);
const ends = new Int32Array(VIEWS);

/** `bytes[start, end)`, no copy: what repeats itself stands where it stood before, and is the same object then. */
export function viewOf(bytes: Buffer, start: number, end: number): Buffer {
  if (bytes.length > VIEWED_BYTES_MAX) return bytes.subarray(start, end);
  const slot = (start * 7 + end) & (VIEWS - 1);
  if (viewed[slot] === bytes && starts[slot] === start && ends[slot] === end) return views[slot] as Buffer; // slot < VIEWS
  const view = bytes.subarray(start, end);
  viewed[slot] = bytes;
  views[slot] = view;
  starts[slot] = start;
  ends[slot] = end;
  return view;
}

/** One of them; 0 where there is none. */
export function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
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
