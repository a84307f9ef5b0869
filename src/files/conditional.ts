/**
 * Preconditions of a GET or HEAD (RFC 9110 section 13) in the order of section 13.2.2, each against the validators of
 * one representation. Not here: what is done about the outcome, and byte ranges themselves (range.ts).
 */
import { parseHttpDate } from "../protocol/http/date.ts";
import type { FieldName, Fields } from "../protocol/http/fields.ts";

/** The request fields that this room looks at, several lines of one name joined as one list. */
export interface Conditions {
  readonly ifMatch: string | undefined;
  readonly ifUnmodifiedSince: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
  readonly ifRange: string | undefined;
  readonly range: string | undefined;
}

export interface Validators {
  readonly etag: string;
  readonly lastModified: string;
  readonly lastModifiedMs: number;
}

/** `whole` send it · `ranged` go on to Range · `not-modified` 304 · `failed` 412 */
export type Outcome = "whole" | "ranged" | "not-modified" | "failed";

/** A date validates strongly when the file cannot have changed again within its second (RFC 9110 section 8.8.2.2). */
const DATE_IS_STRONG_AFTER_MS = 1000;

const NO_CONDITIONS: Conditions = {
  ifMatch: undefined,
  ifUnmodifiedSince: undefined,
  ifNoneMatch: undefined,
  ifModifiedSince: undefined,
  ifRange: undefined,
  range: undefined,
};

/** One pass over the names: most requests have none of these, and those get the shared constant. */
export function readConditions(fields: Fields): Conditions {
  const { names } = fields;
  for (let i = 0; i < names.length; i++) if (isConditional((names[i] as FieldName).lower)) return collect(fields);
  return NO_CONDITIONS;
}

function isConditional(lower: string): boolean {
  const initial = lower.charCodeAt(0);
  if (initial === 0x72) return lower === "range";
  return initial === 0x69 && lower.charCodeAt(1) === 0x66 && lower.charCodeAt(2) === 0x2d;
}

function collect(fields: Fields): Conditions {
  return {
    ifMatch: joined(fields, "if-match"),
    ifUnmodifiedSince: joined(fields, "if-unmodified-since"),
    ifNoneMatch: joined(fields, "if-none-match"),
    ifModifiedSince: joined(fields, "if-modified-since"),
    ifRange: joined(fields, "if-range"),
    range: joined(fields, "range"),
  };
}

function joined(fields: Fields, lower: string): string | undefined {
  if (!fields.has(lower)) return undefined;
  return fields.all(lower).join(", ");
}

/** `clock` is the wall clock, ms. The representation exists, so `*` always matches. */
export function evaluate(conditions: Conditions, validators: Validators, method: string, clock: () => number): Outcome {
  if (conditions === NO_CONDITIONS) return "whole";
  // steps 1 and 2
  if (conditions.ifMatch !== undefined) {
    if (!matches(conditions.ifMatch, validators.etag, "strong")) return "failed";
  } else if (conditions.ifUnmodifiedSince !== undefined) {
    if (isModifiedSince(conditions.ifUnmodifiedSince, validators) === true) return "failed";
  }
  // steps 3 and 4
  if (conditions.ifNoneMatch !== undefined) {
    if (matches(conditions.ifNoneMatch, validators.etag, "weak")) return "not-modified";
  } else if (conditions.ifModifiedSince !== undefined) {
    if (isModifiedSince(conditions.ifModifiedSince, validators) === false) return "not-modified";
  }
  // step 5; RFC 9110 section 14.2: Range is for GET only
  if (conditions.range === undefined || method !== "GET") return "whole";
  return conditions.ifRange === undefined || isSame(conditions.ifRange, validators, clock()) ? "ranged" : "whole";
}

/** Undefined when the field is no date and is therefore ignored. */
function isModifiedSince(date: string, validators: Validators): boolean | undefined {
  if (date === validators.lastModified) return false;
  const sinceMs = parseHttpDate(date);
  return sinceMs === undefined ? undefined : validators.lastModifiedMs > sinceMs;
}

/** If-Range, RFC 9110 section 13.1.5: a strong tag that is ours, or exactly our date if that is strong. */
function isSame(ifRange: string, validators: Validators, nowMs: number): boolean {
  if (ifRange.startsWith("W/")) return false;
  if (ifRange.startsWith('"')) return ifRange === validators.etag;
  if (nowMs - validators.lastModifiedMs < DATE_IS_STRONG_AFTER_MS) return false;
  return ifRange === validators.lastModified || parseHttpDate(ifRange) === validators.lastModifiedMs;
}

/** RFC 9110 section 8.8.3; a tag may contain commas, so lists are read tag by tag. */
const ENTITY_TAG = /[\t ,]*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")(?=[\t ]*(?:,|$))/y;

/** Does the list, or `*`, name the tag `etag`? Strong comparison takes no `W/` on either side (section 8.8.3.2). What stands
 *  behind something malformed is not read. */
function matches(list: string, etag: string, comparison: "strong" | "weak"): boolean {
  if (list === "*") return true;
  const isWeak = etag.startsWith("W/");
  if (isWeak && comparison === "strong") return false;
  if (list === etag) return true;
  const opaque = isWeak ? etag.slice(2) : etag;
  ENTITY_TAG.lastIndex = 0;
  for (let tag = ENTITY_TAG.exec(list); tag !== null; tag = ENTITY_TAG.exec(list)) {
    if (tag[2] === opaque && (comparison === "weak" || tag[1] === undefined)) return true;
  }
  return false;
}
