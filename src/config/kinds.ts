/**
 * The kinds of value that a key may have: what each is called, what it should be, and how it is read from TOML.
 * A kind refuses by reporting at the value's place; it then gives undefined (a list: what is left of it).
 * Numbers may also be written as strings, because `"$ENV{WORKERS}"` is one.
 */
import { formatDuration, formatSize, parseDuration, parseSize } from "../base/units.ts";
import type { Schema } from "./keys.ts";
import { anyOf, BOOLEAN, type Json, listOrOne, oneOf, tableOf, TEXT, wholeNumber } from "./json-schema.ts";
import { nearest } from "./nearest.ts";
import { isTable, type Place, UNRESOLVED } from "./place.ts";

export interface Kind<T> {
  /** Completes "should be …". */
  readonly expected: string;
  /** The bounds, for a test of every key; undefined for kinds without. */
  readonly bounds?: readonly [number, number];
  /** The same for editors; a function, since only `server config schema` asks. */
  json(): Json;
  /** The keys of its table form. */
  readonly keys?: Schema;
  /** Of a table with names of the user's own: what each of them is. */
  readonly item?: Kind<unknown>;
  /** `place.value` is neither undefined nor UNRESOLVED. */
  read(place: Place): T | undefined;
}

/** Reads unless there is nothing or it was already reported. */
export function readKind<T>(kind: Kind<T>, place: Place): T | undefined {
  if (place.value === undefined || place.value === UNRESOLVED) return undefined;
  return kind.read(place);
}

/** Why a text is not what it should be, when there is more to say than the kind's `expected`. */
export class Refusal {
  readonly should: string | undefined;
  readonly suggestion: string | undefined;

  constructor(should?: string, suggestion?: string) {
    this.should = should;
    this.suggestion = suggestion;
  }
}

const WHOLE_PATTERN = "^\\d+$";
/** As base/units reads them. */
const DURATION_PATTERN = "^\\d+$|^(?=\\d)(\\d+y)?(\\d+w)?(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$";
const SIZE_PATTERN = "^\\d+ ?([Bb]|[KkMmGgTt]([Ii]?[Bb])?)?$";

export function integer(min: number, max: number): Kind<number> {
  return bounded(
    `an integer from ${min} to ${max}`,
    [min, max],
    (text) => (/^\d+$/.test(text) ? Number(text) : NaN),
    1,
    WHOLE_PATTERN,
  );
}

/** Milliseconds. */
export function duration(min: number, max: number): Kind<number> {
  const expected = `a duration from ${formatDuration(min)} to ${formatDuration(max)} ("250ms", "30s", "5m", "1h", "30d"; a plain number is seconds)`;
  return bounded(expected, [min, max], parseDuration, 1000, DURATION_PATTERN);
}

/** Bytes. */
export function size(min: number, max: number): Kind<number> {
  const expected = `a size from ${formatSize(min)} to ${formatSize(max)} ("16KiB", "100MB", "1G"; a plain number is bytes)`;
  return bounded(expected, [min, max], parseSize, 1, SIZE_PATTERN);
}

function bounded(
  expected: string,
  bounds: readonly [number, number],
  parse: (text: string) => number | undefined,
  plainScale: number,
  pattern: string,
): Kind<number> {
  const read = (place: Place) => {
    const { value } = place;
    const number = typeof value === "string" ? parse(value) : plain(value, plainScale);
    if (number !== undefined && number >= bounds[0] && number <= bounds[1]) return number;
    place.unfit(expected);
    return undefined;
  };
  const [min, max] = bounds.map((bound) => bound / plainScale) as [number, number];
  const json = () => wholeNumber(Math.ceil(min), Math.floor(max), pattern);
  return { expected, bounds, json, read };
}

function plain(value: unknown, scale: number): number | undefined {
  return typeof value === "number" && Number.isInteger(value) ? value * scale : undefined;
}

/** A string that `parse` turns into a T or refuses; `json` where editors may know more of it. */
export function text<T = string>(expected: string, parse: (text: string) => T | Refusal, json: Json = TEXT): Kind<T> {
  const read = (place: Place) => {
    const result = typeof place.value === "string" ? parse(place.value) : new Refusal();
    if (!(result instanceof Refusal)) return result;
    place.unfit(result.should ?? expected, result.suggestion);
    return undefined;
  };
  return { expected, json: () => json, read };
}

/** Any string without a NUL, which no file name, argument or environment variable can hold. */
export function string(expected = "a string"): Kind<string> {
  return text(expected, (value) => (value.includes("\0") ? new Refusal("without a NUL character") : value));
}

/** A string with something in it: names of files and commands. */
export function nonEmpty(expected: string): Kind<string> {
  return text(expected, (value) => (value === "" || value.includes("\0") ? new Refusal() : value));
}

export function choice<const T extends string>(values: readonly T[]): Kind<T> {
  const expected = `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`;
  const parse = (value: string) => {
    const found = values.find((each) => each === value);
    return found ?? new Refusal(undefined, nearest(value, values));
  };
  return text<T>(expected, parse, oneOf(values));
}

/** Also as a string, because `"$ENV{DEBUG}"` is one. */
export const boolean: Kind<boolean> = {
  expected: "true or false",
  json: () => BOOLEAN,
  read: (place) => {
    const { value } = place;
    if (value === true || value === "true") return true;
    if (value === false || value === "false") return false;
    place.unfit("true or false");
    return undefined;
  },
};

export function numberChoice(values: readonly number[]): Kind<number> {
  const expected = `one of ${values.join(", ")}`;
  const read = (place: Place) => {
    const number = Number(typeof place.value === "string" ? place.value : plain(place.value, 1));
    if (values.includes(number)) return number;
    place.unfit(expected);
    return undefined;
  };
  return { expected, json: () => oneOf([...values, ...values.map(String)]), read };
}

/** Either kind; the table form is read by `table`, anything else by `simple`. */
export function either<T>(simple: Kind<T>, table: Kind<T>): Kind<T> {
  const expected = `${simple.expected}, or ${table.expected}`;
  const json = () => anyOf(simple.json(), table.json());
  return {
    expected,
    json,
    ...(table.keys && { keys: table.keys }),
    read: (place) => (isTable(place.value) ? table : simple).read(place),
  };
}

/** A value with the place it was read at, for checks that come later. */
export interface Placed<T> {
  readonly place: Place;
  readonly value: T;
}

/** A list of them, or one of them without the brackets. */
export function listOf<T>(item: Kind<T>, expected = `${item.expected}, or a list of them`): Kind<readonly Placed<T>[]> {
  const read = (place: Place) => {
    const list = Array.isArray(place.value) ? place.value.map((_, index) => place.into(index)) : [place];
    return list.flatMap((each) => {
      const value = readKind(item, each);
      return value === undefined ? [] : [{ place: each, value }];
    });
  };
  return { expected, json: () => listOrOne(item.json()), read };
}

/** A table of any names, each with one of these. `refuseName` says what a name should be, or undefined if it may stand. */
export function namedOf<T>(
  item: Kind<T>,
  expected: string,
  refuseName: (name: string) => string | undefined,
): Kind<readonly (Placed<T> & { readonly name: string })[]> {
  const read = (place: Place) => {
    if (!isTable(place.value)) return void place.unfit(expected);
    return Object.keys(place.value).flatMap((name) => {
      const each = place.into(name);
      const should = refuseName(name);
      if (should !== undefined) each.wrongKey({ what: `is named ${JSON.stringify(name)}`, should });
      const value = readKind(item, each);
      return value === undefined ? [] : [{ place: each, name, value }];
    });
  };
  return { expected, json: () => tableOf(item.json()), item, read };
}
