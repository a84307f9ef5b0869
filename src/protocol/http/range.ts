/**
 * The Range field (RFC 9110 section 14.2) against content of known size. Several ranges are served in the order asked for,
 * within bounds that take the reward from asking for a thousand overlapping ones (section 17.15): not more than
 * `rangesMax`, not more bytes than the file has (as nginx), and no more than two that overlap. Beyond, the field is
 * ignored, which section 14.2 allows, and the whole file is sent. So it is where there is nothing to take a part of: some
 * clients send a Range with every request, and of an empty file `bytes=0-` should not be an error (as nginx and Go).
 */

/** nginx: max_ranges, unlimited. Readers of PDF and maps ask for a few dozen at a time. */
export const RANGES_MAX = 32;

/** Section 14.2 names more than two overlapping ranges as the sign of a broken client or an attack. */
const OVERLAPPING_MAX = 2;

/** Bytes `first` to `last`, both included. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

export type RangeChoice =
  | { readonly kind: "whole" }
  | ({ readonly kind: "part" } & Range)
  /** Two or more. */
  | { readonly kind: "parts"; readonly ranges: readonly Range[] }
  | { readonly kind: "unsatisfiable" };

const WHOLE: RangeChoice = { kind: "whole" };
const UNSATISFIABLE: RangeChoice = { kind: "unsatisfiable" };

/** Section 14.1.2: `first-last`, `first-` or `-suffix`; blanks around it belong to the list. */
const RANGE_SPEC = /^[\t ]*(?:([0-9]+)-([0-9]*)|-([0-9]+))[\t ]*$/;
const BLANK = /^[\t ]*$/;

/** What is no valid byte range is ignored, as if there were no Range field. `rangesMax` 0: every one is. */
export function chooseRange(field: string, size: number, rangesMax: number = RANGES_MAX): RangeChoice {
  if (size === 0) return WHOLE;
  const equals = field.indexOf("=");
  if (equals === -1 || field.slice(0, equals).toLowerCase() !== "bytes") return WHOLE;
  const specs = field.slice(equals + 1).split(",", MORE_THAN_ANYONE_ASKS);
  const given = specs.filter((spec) => !BLANK.test(spec));
  if (given.length === 0 || given.length > rangesMax) return WHOLE;
  const ranges: Range[] = [];
  for (const spec of given) {
    const range = place(spec, size);
    if (range === "invalid") return WHOLE;
    if (range !== "unsatisfiable") ranges.push(range);
  }
  return choose(ranges, size);
}

/** The list is not split further; it holds blanks in the worst case. */
const MORE_THAN_ANYONE_ASKS = 4096;

function choose(ranges: readonly Range[], size: number): RangeChoice {
  const [only] = ranges;
  if (only === undefined) return UNSATISFIABLE;
  if (ranges.length === 1) return { kind: "part", first: only.first, last: only.last };
  const bytes = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  return bytes > size || overlapping(ranges) > OVERLAPPING_MAX ? WHOLE : { kind: "parts", ranges };
}

/** How many ranges share a byte with another one. */
function overlapping(ranges: readonly Range[]): number {
  const sorted = ranges.toSorted((a, b) => a.first - b.first);
  const found = new Set<Range>();
  let widest = sorted[0];
  for (const range of sorted.slice(1)) {
    if (widest !== undefined && range.first <= widest.last) found.add(range).add(widest);
    if (widest === undefined || range.last > widest.last) widest = range;
  }
  return found.size;
}

/** More digits than a Number holds exactly are far beyond any file: rounding does not matter. */
function place(spec: string, size: number): Range | "invalid" | "unsatisfiable" {
  const match = RANGE_SPEC.exec(spec);
  if (match === null) return "invalid";
  const [, first, last, suffix] = match;
  if (suffix !== undefined) return placeSuffix(Number(suffix), size);
  const from = Number(first);
  const to = last === undefined || last === "" ? Infinity : Number(last);
  // A last position before the first makes the field invalid, which is ignored.
  if (to < from) return "invalid";
  return from >= size ? "unsatisfiable" : { first: from, last: Math.min(to, size - 1) };
}

/** `-0` asks for nothing. More than there is asks for all of it. */
function placeSuffix(length: number, size: number): Range | "unsatisfiable" {
  if (length === 0) return "unsatisfiable";
  return { first: Math.max(0, size - length), last: size - 1 };
}
