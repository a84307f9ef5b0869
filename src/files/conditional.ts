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

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const KEYS: ReadonlyMap<string, keyof Conditions> = new Map([
  ["if-match", "ifMatch"],
  ["if-unmodified-since", "ifUnmodifiedSince"],
  ["if-none-match", "ifNoneMatch"],
  ["if-modified-since", "ifModifiedSince"],
  ["if-range", "ifRange"],
  ["range", "range"],
]);

const NO_CONDITIONS: Conditions = {
  ifMatch: undefined,
  ifUnmodifiedSince: undefined,
  ifNoneMatch: undefined,
  ifModifiedSince: undefined,
  ifRange: undefined,
  range: undefined,
};

/** One pass over the names: most requests have none of these, and those get the shared constant. */
export function readConditions({ names, values }: Fields): Conditions {
  let found: Writable<Conditions> | undefined = undefined;
  for (let i = 0; i < names.length; i++) {
    const { lower } = names[i] as FieldName; // i < length
    if (!isConditional(lower)) continue;
    const key = KEYS.get(lower);
    if (key === undefined) continue;
    found ??= { ...NO_CONDITIONS };
    const before: string | undefined = found[key];
    const value = values[i] as string; // as long as names
    found[key] = before === undefined ? value : `${before}, ${value}`;
  }
  return found ?? NO_CONDITIONS;
}

/** Is this the name of one of these fields, or of one like them? */
export function isConditional(lower: string): boolean {
  const initial = lower.charCodeAt(0);
  if (initial === 0x72) return lower === "range";
  return initial === 0x69 && lower.charCodeAt(1) === 0x66 && lower.charCodeAt(2) === 0x2d;
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
