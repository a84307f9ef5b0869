/**
 * The Range field (RFC 9110 section 14.2) against a file of known size. One range is served. Of several the whole file
 * is sent instead, which section 14.2 allows, and which takes the reward from asking for a thousand overlapping ones.
 */

export type RangeChoice =
  | { readonly kind: "whole" }
  /** Bytes `first` to `last`, both included. */
  | { readonly kind: "part"; readonly first: number; readonly last: number }
  | { readonly kind: "unsatisfiable" };

const WHOLE: RangeChoice = { kind: "whole" };
const UNSATISFIABLE: RangeChoice = { kind: "unsatisfiable" };

/** Section 14.1.2: `first-last`, `first-` or `-suffix`; blanks around it belong to the list. */
const RANGE_SPEC = /^[\t ]*(?:([0-9]+)-([0-9]*)|-([0-9]+))[\t ]*$/;
const BLANK = /^[\t ]*$/;

/** What is no valid byte range is ignored, as if there were no Range field. */
export function chooseRange(field: string, size: number): RangeChoice {
  const equals = field.indexOf("=");
  if (equals === -1 || field.slice(0, equals).toLowerCase() !== "bytes") return WHOLE;
  const specs = field.slice(equals + 1).split(",");
  const given = specs.filter((spec) => !BLANK.test(spec));
  const only = given.length === 1 ? RANGE_SPEC.exec(given[0] as string) : null;
  return only === null ? WHOLE : place(only[1], only[2], only[3], size);
}

/** More digits than a Number holds exactly are far beyond any file: rounding does not matter. */
function place(
  first: string | undefined,
  last: string | undefined,
  suffix: string | undefined,
  size: number,
): RangeChoice {
  if (suffix !== undefined) return placeSuffix(Number(suffix), size);
  const from = Number(first);
  const to = last === undefined || last === "" ? Infinity : Number(last);
  // A last position before the first makes the field invalid, which is ignored.
  if (to < from) return WHOLE;
  if (from >= size) return UNSATISFIABLE;
  return { kind: "part", first: from, last: Math.min(to, size - 1) };
}

/** `-0` asks for nothing. More than there is asks for all of it; of an empty file no Content-Range can be written. */
function placeSuffix(length: number, size: number): RangeChoice {
  if (length === 0) return UNSATISFIABLE;
  if (size === 0) return WHOLE;
  return { kind: "part", first: Math.max(0, size - length), last: size - 1 };
}
