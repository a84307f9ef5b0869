/**
 * expires, and the Cache-Control of add_header beside it, as one value. Of files it is `cache`: one for all, or by name where a
 * map of the media type decides, through the types in force. Of what others answer a variable becomes a map, too. Not here:
 * the fields around (headers.ts).
 */
import { DEFAULT_CACHE_CONTROL } from "../../files/cache-control.ts";
import { freeName, type MapKey, Settings, type Value } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import { stringOf, type Translation } from "./translation.ts";
import { defaultTypeOf, typesInForce } from "./types.ts";
import { timeOf } from "./values.ts";

export interface CacheControl {
  /** Of files a table where it goes by their names. */
  readonly value: Value;
  readonly origin: Directive["origin"];
}

const BY_NAME = "write cache = { … } by the names of files";

export function cacheControl(t: Translation, block: Block, isFiles: boolean): CacheControl | undefined {
  const expires = block.one("expires");
  const lines = isFiles
    ? block.inForce("add_header").filter(({ args }) => args[0]?.text.toLowerCase() === "cache-control")
    : [];
  const written = lines.flatMap((line) => stringOf(t, line, line.args[1]?.text ?? "") ?? []);
  const origin = (expires ?? lines[0])?.origin;
  if (origin === undefined) return undefined;
  const value =
    expires !== undefined && hasVariable(expires)
      ? byVariable(t, block, expires, isFiles ? written : undefined)
      : together(written, expires && ageOf(t, expires), isFiles);
  return value === undefined ? undefined : { value, origin };
}

/** Of two ages the first counts; they are the same in all files that have two. */
function together(written: readonly string[], age: string | undefined, isFiles: boolean): string | undefined {
  const parts = [...written.flatMap((value) => value.split(/\s*,\s*/)), ...(age === undefined ? [] : [age])];
  const unique = [...new Set(parts.filter((part) => part !== ""))];
  const single = unique.filter(
    (part, index) => !part.startsWith("max-age=") || unique.findIndex((each) => each.startsWith("max-age=")) === index,
  );
  if (single.length === 0) return undefined;
  return single.length === 1 && age !== undefined && isFiles ? shortOf(single[0] ?? "") : single.join(", ");
}

/** `max-age=2592000` as `30d`. */
function shortOf(directive: string): string {
  const seconds = /^max-age=(\d+)$/.exec(directive)?.[1];
  if (seconds === undefined) return directive;
  const count = Number(seconds);
  for (const [unit, scale] of [
    ["d", 86_400],
    ["h", 3600],
    ["m", 60],
  ] as const) {
    if (count > 0 && count % scale === 0) return `${count / scale}${unit}`;
  }
  return `${count}s`;
}

/** The directive of Cache-Control that expires stands for; undefined for off. */
function ageOf(t: Translation, expires: Directive): string | undefined {
  const first = expires.args[0]?.text ?? "";
  if (isReckoned(first))
    return void t.ledger.lost(expires, `is reckoned from the time of the request here; ${BY_NAME}, with a duration`);
  if (first === "off") return void t.ledger.defaultHere(expires, "nothing is said of it unless cache does");
  const age = ageOfWord(first);
  if (age === undefined) return void t.ledger.error(expires, `${first} is no time; nginx takes 30d, max, epoch or off`);
  t.ledger.translated(expires, "cache: Cache-Control, which every client understands since 1999, without Expires");
  return age;
}

/** From when the file was changed, or to a time of the day. */
function isReckoned(word: string): boolean {
  return word === "modified" || word.startsWith("@");
}

function ageOfWord(word: string): string | undefined {
  if (word === "max") return "max-age=315360000";
  if (word === "epoch" || word.startsWith("-")) return "no-cache";
  const ms = timeOf(word.replace(/^\+/, ""));
  return ms === undefined ? undefined : `max-age=${Math.floor(ms / 1000)}`;
}

// ── by a variable ─────────────────────────────────────────────────────────────────────────────────────────────────────

function hasVariable({ args }: Directive): boolean {
  return args.some(({ text }) => text.includes("$"));
}

/** `written`: of files what add_header says; undefined: others answer. */
function byVariable(
  t: Translation,
  block: Block,
  expires: Directive,
  written: readonly string[] | undefined,
): Value | undefined {
  const map = readMap(t, expires);
  if (map === undefined) {
    const why = "its variable is no map of times to what a request or a reply says";
    return void t.ledger.lost(expires, `${why}; ${BY_NAME}, or a time without variables`);
  }
  const isCharsetAdded = (block.value("charset") ?? "off") !== "off";
  if (written === undefined && isCharsetAdded && map.source === CONTENT_TYPE)
    return void t.ledger.lost(
      expires,
      "beside charset, which is in the type already here; write a time without variables",
    );
  if (written === undefined) return byMap(t, expires, map);
  if (map.source !== CONTENT_TYPE)
    return void t.ledger.lost(expires, `${map.source} decides about it; ${BY_NAME}, or a location for each time`);
  t.ledger.translated(expires, "cache by the names that have these types");
  return byName(block, map, written);
}

const CONTENT_TYPE = "$sent_http_content_type";

/** `map $source $name { … }` whose values are times; undefined within: off. */
interface TimesMap {
  readonly name: string;
  readonly source: string;
  readonly texts: ReadonlyMap<string, string | undefined>;
  readonly expressions: readonly { readonly regex: RegExp; readonly age: string | undefined }[];
  readonly fallback: string | undefined;
}

function readMap(t: Translation, { args }: Directive): TimesMap | undefined {
  const name = /^\$(?:\{(\w+)\}|(\w+))$/
    .exec(args[0]?.text ?? "")
    ?.slice(1)
    .join("");
  if (name === undefined || args.length > 1) return undefined;
  const settings = t.plan.maps.get(name);
  const values = settings?.get("values");
  if (settings === undefined || typeof values !== "object" || settings.has("hostnames")) return undefined;
  const fallback = settings.get("default") ?? "";
  const entries = Object.entries(values);
  if (![fallback, ...entries.map(([, value]) => value)].every(isTime)) return undefined;
  const isExpression = ([key]: [string, Value]) => key.startsWith("~");
  return {
    name,
    source: String(settings.get("source")).replace(/^\$\{(\w+)\}$/, "$$$1"),
    texts: new Map(
      entries
        .filter((entry) => !isExpression(entry))
        .map(([key, value]) => [key.toLowerCase(), ageOfWord(String(value))]),
    ),
    expressions: entries.filter(isExpression).map(([key, value]) => {
      const [, loose, source = ""] = /^~(\*?)\s*(.*)$/s.exec(key) ?? [];
      return { regex: new RegExp(source, loose === "*" ? "is" : "s"), age: ageOfWord(String(value)) };
    }),
    fallback: ageOfWord(String(fallback)),
  };
}

/** nginx sends nothing for what is empty. */
function isTime(value: Value): boolean {
  return typeof value === "string" && (value === "" || value === "off" || ageOfWord(value) !== undefined);
}

function lookUp({ texts, expressions, fallback }: TimesMap, type: string): string | undefined {
  const lower = type.toLowerCase();
  if (texts.has(lower)) return texts.get(lower);
  const found = expressions.find(({ regex }) => regex.test(type));
  return found === undefined ? fallback : found.age;
}

/** Names are looked at as they are written: each extension stands there in lower and in upper case. */
function byName(block: Block, map: TimesMap, written: readonly string[]): Value | undefined {
  const valueOf = (types: readonly string[]) => {
    const ages = types.map((type) => lookUp(map, type));
    const age = ages.find((each) => each !== map.fallback) ?? ages[0];
    return together(written, age, true) ?? DEFAULT_CACHE_CONTROL;
  };
  const rest = valueOf([defaultTypeOf(block)]);
  const table: Record<string, string> = {};
  for (const [extension, types] of typesInForce(block)) {
    const value = valueOf(types);
    if (value === rest || !/^[\w+~-]+$/.test(extension)) continue;
    for (const name of new Set([extension, extension.toUpperCase()])) table[`*.${name}`] = value;
  }
  const isDefault = rest === DEFAULT_CACHE_CONTROL;
  if (Object.keys(table).length === 0) return isDefault ? undefined : rest;
  return isDefault ? table : { ...table, "*": rest };
}

/** Its values as directives; where it says nothing what was answered stands. */
function byMap(t: Translation, expires: Directive, { name: given, fallback }: TimesMap): string {
  const before = t.plan.maps.get(given);
  const settings = new Settings<MapKey>();
  const asAnswered = "$sent_http_cache_control";
  const values = before?.get("values");
  settings.set("source", before?.get("source") ?? "", expires.origin);
  settings.set(
    "values",
    Object.fromEntries(Object.entries(values ?? {}).map(([key, each]) => [key, ageOfWord(String(each)) ?? asAnswered])),
    expires.origin,
  );
  settings.set("default", fallback ?? asAnswered, expires.origin);
  t.ledger.translated(expires, `headers = { set = { Cache-Control } }, by a [map.NAME] of the values of $${given}`);
  const shape = shapeOf(settings);
  for (const [known, map] of t.plan.maps) if (shapeOf(map) === shape) return `$${known}`;
  const name = freeName(`cache_control_of_${given}`, t.plan.maps);
  t.plan.maps.set(name, settings);
  return `$${name}`;
}

function shapeOf({ all }: Settings<MapKey>): string {
  return JSON.stringify(all.map(({ key, value }) => [key, value]));
}
