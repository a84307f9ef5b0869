/**
 * add_header and expires (expires.ts) → `headers` and `cache`. nginx inherits add_header from the outer block only where the inner one
 * has none at all; where a location has its own, those of the site are therefore written into each route.
 *
 * Without `always` nginx adds a field to success only. Of what says how long a reply may be kept that is kept up: on files
 * it is `cache`, on what others answer a map that looks at the status.
 */
import { FRAMING } from "../../config/schema-headers.ts";
import { type ConditionalHeaders, conditionalHeaders } from "./conditional-headers.ts";
import { freeName, type MapKey, type RouteKey, Settings, type SiteKey, type Value } from "../plan.ts";
import type { Block } from "./block.ts";
import { type CacheControl, cacheControl } from "./expires.ts";
import { isOwn } from "./options.ts";
import type { Directive } from "./parser.ts";
import { stringOf, type Translation } from "./translation.ts";

/** Where nginx adds fields without `always`, and sets those of expires. */
const SUCCESS = "~ ^(200|201|204|206|301|302|303|304|307|308)$";

/** Names that say how long something may be kept: wrong on an error. */
const OF_CACHES = new Set(["cache-control", "expires", "pragma"]);

/** Have all locations of a server the fields of the server? */
export function sharesHeaders(server: Block, locations: readonly Block[]): boolean {
  const hasExpires = server.inForce("expires").length > 0;
  const isOwnIn = (block: Block) => isOwn(block, server, ["add_header"]) || conditionalHeaders(block) !== undefined;
  return !hasExpires && !locations.some(isOwnIn);
}

export function siteHeaders(t: Translation, server: Block, settings: Settings<SiteKey>): void {
  addFields(t, server, settings as Settings<RouteKey & SiteKey>, false);
}

/** `isShared`: the fields of add_header are the site's. */
export function routeHeaders(t: Translation, block: Block, settings: Settings<RouteKey>, isShared: boolean): void {
  const isFiles = settings.has("files");
  const control = cacheControl(t, block, isFiles);
  if (control !== undefined && isFiles) settings.set("cache", control.value, control.origin);
  if (!isShared) addFields(t, block, settings as Settings<RouteKey & SiteKey>, isFiles);
  if (control !== undefined && !isFiles) onSuccess(t, settings, control);
}

function addFields(t: Translation, block: Block, settings: Settings<RouteKey & SiteKey>, isFiles: boolean): void {
  const add: Record<string, Value> = {};
  const lines = block.inForce("add_header");
  for (const line of lines) {
    const [name = "", value = "", always] = line.args.map(({ text }) => text);
    const lower = name.toLowerCase();
    if (lower === "content-type" && block.has("return")) continue;
    if (isFiles && (lower === "cache-control" || lower === "pragma")) {
      t.ledger.translated(line, lower === "pragma" ? "cache; Pragma says the same to HTTP/1.0" : "cache");
      continue;
    }
    if (FRAMING.has(lower)) {
      t.ledger.notNeeded(line, "connections and lengths are the server's to say");
      continue;
    }
    const text = stringOf(t, line, value);
    if (text === undefined) continue;
    if (text === "") t.ledger.noEffect(line, "a field without a value is not sent");
    else {
      const before = add[name];
      const sent = OF_CACHES.has(lower) && always !== "always" ? onlyOnSuccess(t, name, text, line) : text;
      add[name] = before === undefined ? sent : [...(Array.isArray(before) ? (before as Value[]) : [before]), sent];
      t.ledger.translated(line, always === "always" ? "headers = { add }" : "headers = { add }; here on errors, too");
    }
  }
  const conditional = conditionalHeaders(block);
  if (conditional !== undefined) addConditional(t, conditional, add);
  const origin = lines[0]?.origin ?? conditional?.cases[0]?.lines[0]?.origin;
  if (Object.keys(add).length > 0) settings.set("headers", { add }, origin);
}

/** Where a condition holds its fields stand alone: what is added otherwise is then empty, and not sent. */
function addConditional(t: Translation, { source, cases }: ConditionalHeaders, add: Record<string, Value>): void {
  const known = cases.map(({ key, lines }) => ({ key, fields: fieldsOf(t, lines) }));
  for (const name of new Set([...Object.keys(add), ...known.flatMap(({ fields }) => [...fields.keys()])])) {
    const before = add[name] ?? "";
    const values = Object.fromEntries(known.map(({ key, fields }) => [key, fields.get(name) ?? ""]));
    if (typeof before !== "string" || Object.values(values).every((value) => value === before)) continue;
    const settings = new Settings<MapKey>();
    settings.set("source", source, cases[0]?.lines[0]?.origin);
    settings.set("values", values, cases[0]?.lines[0]?.origin);
    if (before !== "") settings.set("default", before, cases[0]?.lines[0]?.origin);
    const map = freeName(`added_${name.toLowerCase().replaceAll("-", "_")}`, t.plan.maps);
    t.plan.maps.set(map, settings);
    add[name] = `$${map}`;
  }
}

/** What frames a reply is the server's to say, and its type the rule's (rules.ts). */
function fieldsOf(t: Translation, lines: readonly Directive[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [name = "", value = ""] = line.args.map(({ text }) => text);
    const lower = name.toLowerCase();
    if (FRAMING.has(lower)) t.ledger.notNeeded(line, "connections and lengths are the server's to say");
    else if (lower !== "content-type") {
      const text = stringOf(t, line, value);
      if (text === undefined) continue;
      fields.set(name, text);
      t.ledger.translated(line, "headers = { add }, by a [map.NAME] of the condition");
    } else if (!t.ledger.knows(line)) t.ledger.defaultHere(line, "a reply says its own type");
  }
  return fields;
}

function onSuccess(t: Translation, settings: Settings<RouteKey>, { value, origin }: CacheControl): void {
  const name = mapFor(t, String(value), "$sent_http_cache_control", origin);
  const before = settings.get("headers");
  const table = typeof before === "object" && !Array.isArray(before) ? before : {};
  settings.set("headers", { ...table, set: { "Cache-Control": `$${name}` } }, origin);
}

/** A field without a value is not sent. */
function onlyOnSuccess(t: Translation, name: string, value: string, line: Directive): string {
  return `$${mapFor(t, value, "", line.origin, name)}`;
}

/** [map.NAME] that is `value` where a reply is a success. */
function mapFor(
  t: Translation,
  value: string,
  otherwise: string,
  origin: Directive["origin"],
  field = "cache",
): string {
  const settings = new Settings<MapKey>();
  settings.comment = "Only on success: an error is not to be kept.";
  settings.set("source", "$status", origin);
  settings.set("values", { [SUCCESS]: value }, origin);
  if (otherwise !== "") settings.set("default", otherwise, origin);
  const shape = JSON.stringify(settings.all.map(({ key, value: each }) => [key, each]));
  for (const [known, map] of t.plan.maps) {
    if (JSON.stringify(map.all.map(({ key, value: each }) => [key, each])) === shape) return known;
  }
  const base = `${field.toLowerCase().replaceAll("-", "_")}_on_success`;
  const name = t.plan.maps.has(base) ? `${base}${t.plan.maps.size + 1}` : base;
  t.plan.maps.set(name, settings);
  return name;
}
