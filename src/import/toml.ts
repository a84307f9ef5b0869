/** Values as they are written in TOML 1.0: the shortest form that people read well. Not here: tables and their order. */
import type { Value } from "./plan.ts";

export function tomlKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : tomlString(key);
}

/** A literal string where a basic one would be full of escapes, as for regular expressions. */
export function tomlString(text: string): string {
  const isPlain = !/[\\"]/.test(text);
  // eslint-disable-next-line no-control-regex
  const fitsLiteral = !/['\0-\x08\x0a-\x1f\x7f]/.test(text);
  if (!isPlain && fitsLiteral) return `'${text}'`;
  // JSON's escapes are TOML's, but for DEL, which it leaves as it is.
  return JSON.stringify(text).replaceAll("\x7f", "\\u007f");
}

/** On one line. */
export function tomlValue(value: Value): string {
  if (typeof value === "string") return tomlString(value);
  if (typeof value !== "object") return String(value);
  if (isList(value)) return `[${value.map(tomlValue).join(", ")}]`;
  const pairs = Object.entries(value).map(([key, each]) => `${tomlKey(key)} = ${tomlValue(each)}`);
  return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
}

/** A list with an element on each line. */
export function tomlLongList(values: readonly Value[]): string {
  return `[\n${values.map((value) => `  ${tomlValue(value)},\n`).join("")}]`;
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** A table, that is. */
export function isInline(value: Value): value is { readonly [key: string]: Value } {
  return typeof value === "object" && !isList(value);
}
