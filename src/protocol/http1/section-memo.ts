/**
 * The field lines of request heads that were met lately, by their bytes. A client that walks through a site sends another target with
 * each request and the same fields behind it; to compare them with those before costs a tenth of what it costs to parse them. As in
 * head-memo.ts: only what was found faultless is kept, in a fixed table, so that nothing is decided here and nothing grows.
 */
import type { Fields } from "../http/fields.ts";
import type { FieldNotes } from "./field-lines.ts";

/** Larger ones carry cookies of their own and the like. */
const BYTES_MAX = 2048;
/** A power of two; with the fields at most 1 MiB. */
const SLOTS = 256;
/** How many bytes tell one from another, spread over all of it. */
const SAMPLES = 8;

export interface KnownSection {
  readonly bytes: Buffer;
  /** Never changed. */
  readonly fields: Fields;
  readonly notes: FieldNotes;
}

export class SectionMemo {
  private readonly known: (KnownSection | undefined)[] = Array.from({ length: SLOTS }, () => undefined);

  /** What `bytes[start, end)` were before. */
  find(bytes: Buffer, start: number, end: number): KnownSection | undefined {
    if (end - start > BYTES_MAX) return undefined;
    const held = this.known[slotOf(bytes, start, end)];
    if (held === undefined || held.bytes.length !== end - start) return undefined;
    return held.bytes.compare(bytes, start, end) === 0 ? held : undefined;
  }

  /** They were parsed without a mistake, into these. */
  keep(bytes: Buffer, start: number, end: number, fields: Fields, notes: FieldNotes): void {
    if (end - start > BYTES_MAX) return;
    const copy = Buffer.allocUnsafe(end - start);
    bytes.copy(copy, 0, start, end);
    this.known[slotOf(bytes, start, end)] = { bytes: copy, fields, notes: notes.copy() };
  }
}

function slotOf(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  let hash = length;
  for (let i = 1; i <= SAMPLES; i++) hash = Math.imul(hash, 31) + (bytes[start + ((length * i) >> 3) - 5] ?? 0);
  return (hash ^ (hash >>> 8)) & (SLOTS - 1);
}
