/**
 * The shape of the schema: a key with its kind, default and sentence of documentation, and tables of keys, which are
 * kinds themselves. Reading a table finds unknown and missing keys and gives every value the type its kind has.
 */
import { formatDuration, formatSize } from "../base/units.ts";
import type { Json } from "./json-schema.ts";
import { type Kind, readKind } from "./kinds.ts";
import { isTable, type Place, show } from "./place.ts";

export interface Key<T> {
  /** Gives what the fallback is of; the constructors below see to that. */
  readonly kind: Kind<unknown>;
  /** What the value is when the key is not written, or when it was refused. */
  readonly fallback: T;
  /** The default as people read it; undefined for a required key. */
  readonly fallbackText: string | undefined;
  readonly doc: string;
  /** The one key beside which this one has a meaning. */
  readonly only: string | undefined;
}

export type Schema = Readonly<Record<string, Key<unknown>>>;

export type Values<S extends Schema> = { readonly [K in keyof S]: S[K]["fallback"] };

/** A table that was read, and where it stands. */
export interface Section<S extends Schema> {
  readonly place: Place;
  readonly values: Values<S>;
}

/** `fallback` is shown through the unit of the kind, unless `shown` says it better. */
export function byDefault<T>(kind: Kind<T>, fallback: NoInfer<T>, doc: string, shown?: string): Key<T> {
  return { kind, fallback, fallbackText: shown ?? `\`${show(fallback)}\``, doc, only: undefined };
}

export function durationKey(kind: Kind<number>, fallbackMs: number, doc: string): Key<number> {
  return byDefault(kind, fallbackMs, doc, `\`"${formatDuration(fallbackMs)}"\``);
}

export function sizeKey(kind: Kind<number>, fallbackBytes: number, doc: string): Key<number> {
  return byDefault(kind, fallbackBytes, doc, `\`"${formatSize(fallbackBytes)}"\``);
}

/** `otherwise` says what holds when it is not written. */
export function optional<T>(kind: Kind<T>, otherwise: string, doc: string): Key<T | undefined> {
  return { kind, fallback: undefined, fallbackText: otherwise, doc, only: undefined };
}

export function required<T>(kind: Kind<T>, doc: string): Key<T | undefined> {
  return { kind, fallback: undefined, fallbackText: undefined, doc, only: undefined };
}

/** Has a meaning only beside the key `other`. */
export function only<T>(other: string, key: Key<T>): Key<T> {
  return { ...key, only: other };
}

export function table<S extends Schema>(schema: S, expected = "a table"): Kind<Section<S>> {
  const read = (place: Place) => {
    if (!isTable(place.value)) return void place.unfit(expected);
    refuseUnknown(schema, place, place.value);
    const values: Record<string, unknown> = {};
    for (const [name, key] of Object.entries(schema)) values[name] = readKey(key, place, name);
    // Built from the schema's own keys, each read by its own kind.
    return { place, values: values as Values<S> };
  };
  return { expected, json: () => tableJson(schema), keys: schema, read };
}

/** For editors. */
export function tableJson(schema: Schema): Json {
  const keys = Object.entries(schema);
  const required = keys.filter(([, key]) => key.fallbackText === undefined).map(([name]) => name);
  const properties = Object.fromEntries(keys.map(([name, key]) => [name, keyJson(key)]));
  return { type: "object", additionalProperties: false, properties, ...(required.length > 0 && { required }) };
}

function keyJson(key: Key<unknown>): Json {
  const description = describe(key);
  const { only: other } = key;
  const beside = other === undefined ? "" : ` Only beside ${other}.`;
  return { description: `${description}${beside}`, ...key.kind.json(), ...defaultJson(key) };
}

function describe({ doc, fallbackText }: Key<unknown>): string {
  if (fallbackText === undefined) return `${doc} Required.`;
  return fallbackText === "–" ? doc : `${doc} Default: ${fallbackText}.`;
}

/** A default that is a value of the file, such as `"30s"`, and no sentence. */
function defaultJson({ fallbackText }: Key<unknown>): Json {
  const value = literalDefault(fallbackText);
  return value === undefined ? {} : { default: value };
}

/** The value that a default's text names; undefined where it says in words what holds. */
export function literalDefault(fallbackText: string | undefined): unknown {
  const written = /^`([^`]+)`$/.exec(fallbackText ?? "")?.[1];
  if (written === undefined) return undefined;
  try {
    return JSON.parse(written);
  } catch {
    return undefined;
  }
}

function refuseUnknown(schema: Schema, place: Place, written: object): void {
  for (const name of Object.keys(written)) {
    if (!Object.hasOwn(schema, name)) place.into(name).unknown(Object.keys(schema));
  }
}

function readKey(key: Key<unknown>, table: Place, name: string): unknown {
  const place = table.into(name);
  if (!table.has(name)) {
    if (key.fallbackText === undefined) place.wrong({ what: "is missing", should: `should be ${key.kind.expected}` });
    return key.fallback;
  }
  if (key.only !== undefined && !table.has(key.only)) {
    place.wrongKey({ what: "has no meaning here", should: `belongs to ${key.only}` });
  }
  return readKind(key.kind, place) ?? key.fallback;
}
