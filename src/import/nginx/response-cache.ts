/**
 * proxy_cache and uwsgi_cache, with what stands beside them → `cache` of a route. Here replies to requests with cookies are
 * not shared unless cookies are named that go past the cache, so what is kept is never more than nginx kept.
 */
import type { RouteKey, Settings, Value } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import { countOf, pathOf, stringOf, type Translation } from "./translation.ts";
import { timeText } from "./values.ts";

/** nginx: `inactive` of a cache path. */
const INACTIVE = "10m";
const YEAR_MS = 365 * 86_400_000;

const OTHERS_KEPT = "that is for 200, 203, 301, 308 and 410";

/** Of replies with these statuses ttl speaks here. */
const WITH_TTL = new Set(["any", "200"]);

export function responseCache(t: Translation, block: Block, passer: string, settings: Settings<RouteKey>): void {
  const zone = block.one(`${passer}_cache`);
  const name = zone?.args[0]?.text ?? "off";
  if (zone === undefined || name === "off") return void (zone && t.ledger.defaultHere(zone, "replies are not kept"));
  const unsaid = exceptions(block, passer).find(({ args }) => args.some(({ text }) => cookieOf(text) === undefined));
  if (unsaid !== undefined) return void refuse(t, zone, unsaid, block, passer);
  const path = t.http.own(`${passer}_cache_path`).find((each) => each.args.some(({ text }) => zoneOf(text) === name));
  storage(t, path);
  const inactive = path === undefined ? undefined : option(path, "inactive");
  const table = {
    ...lifetime(t, block, passer),
    ...keyOf(t, block, passer),
    ...cookies(t, block, passer),
    ...stale(t, block, passer, timeText(inactive ?? INACTIVE, 0, YEAR_MS) ?? INACTIVE),
    ...locking(t, block, passer),
  };
  settings.set("cache", table, zone.origin);
  t.ledger.translated(zone, "cache of the route");
}

/** To keep what nginx kept apart were worse than to keep nothing. */
function refuse(t: Translation, zone: Directive, unsaid: Directive, block: Block, passer: string): void {
  const reason = `only cookies say here that a request goes past the cache (see ${unsaid.name})`;
  t.ledger.dropped(zone, `${reason}, so no reply is kept; let the app send Cache-Control, and write cache = { ttl }`);
  for (const each of exceptions(block, passer)) t.ledger.notNeeded(each, "no reply is kept");
}

function exceptions(block: Block, passer: string): readonly Directive[] {
  return [`${passer}_cache_bypass`, `${passer}_no_cache`].flatMap((name) => block.inForce(name));
}

function cookieOf(word: string): string | undefined {
  return /^\$\{?cookie_(\w+)\}?$/.exec(word)?.[1];
}

function zoneOf(word: string): string | undefined {
  return /^keys_zone=([^:]+)/.exec(word)?.[1];
}

function option({ args }: Directive, name: string): string | undefined {
  return args.find(({ text }) => text.startsWith(`${name}=`))?.text.slice(name.length + 1);
}

/** `proxy_cache_valid 200 302 10m`, `proxy_cache_valid 5m`. */
function lifetime(t: Translation, block: Block, passer: string): Record<string, Value> {
  let ttl: string | undefined;
  for (const directive of block.inForce(`${passer}_cache_valid`)) {
    const words = directive.args.map(({ text }) => text);
    const time = timeText(words.pop() ?? "", 0, YEAR_MS);
    if (time === undefined) t.ledger.error(directive, "says no time; nginx takes 10m");
    else if (words.length > 0 && !words.some((word) => WITH_TTL.has(word)))
      t.ledger.dropped(directive, `${OTHERS_KEPT}; let the app send Cache-Control with others`);
    else {
      ttl ??= time;
      t.ledger.translated(directive, `cache = { ttl = ${JSON.stringify(time)} }; ${OTHERS_KEPT}`);
    }
  }
  return ttl === undefined ? {} : { ttl };
}

/** In memory, since `disk` has to be there beforehand, and nginx makes its directory itself. */
function storage(t: Translation, path: Directive | undefined): void {
  const written = path?.args[0]?.text;
  if (path === undefined || written === undefined) return;
  const disk = JSON.stringify(pathOf(written, t.prefix));
  t.ledger.translated(path, `cache of the route, in memory; cache = { disk = ${disk} } keeps it there, too`);
}

function keyOf(t: Translation, block: Block, passer: string): Record<string, Value> {
  const directive = block.one(`${passer}_cache_key`);
  const written = directive?.args.map(({ text }) => text).join("") ?? "";
  if (directive === undefined) return {};
  if (/^"?\$scheme(\$request_method)?(\$host|\$http_host|\$proxy_host)\$request_uri$/.test(written)) {
    t.ledger.defaultHere(directive, "scheme, host, port, path and query name a reply");
    return {};
  }
  const key = stringOf(t, directive, written);
  if (key === undefined) return {};
  t.ledger.translated(directive, "cache = { key }");
  return { key };
}

/** Requests with these go past the cache both ways. */
function cookies(t: Translation, block: Block, passer: string): Record<string, Value> {
  const names = new Set<string>();
  for (const directive of exceptions(block, passer)) {
    for (const { text } of directive.args) names.add(cookieOf(text) ?? text);
    t.ledger.translated(directive, "cache = { bypass_cookies }; from other requests all cookies are taken");
  }
  const ignored = block.one(`${passer}_ignore_headers`);
  const ignores = ignored?.args.some(({ text }) => text.toLowerCase() === "set-cookie") === true;
  if (ignored !== undefined && ignores)
    t.ledger.translated(ignored, "cache = { ignore_set_cookie }; others are believed");
  return {
    ...(names.size > 0 && { bypass_cookies: [...names] }),
    ...(ignores && { ignore_set_cookie: true }),
  };
}

function stale(t: Translation, block: Block, passer: string, kept: string): Record<string, Value> {
  const directive = block.one(`${passer}_cache_use_stale`);
  const renewed = block.one(`${passer}_cache_background_update`);
  const words = directive?.args.map(({ text }) => text) ?? [];
  if (directive === undefined || words.includes("off")) return {};
  const isRenewed = words.includes("updating") && renewed?.args[0]?.text === "on";
  if (renewed !== undefined) t.ledger.translated(renewed, "cache = { stale_while_revalidate }");
  t.ledger.translated(directive, "cache = { stale_if_error }");
  return { stale_if_error: kept, ...(isRenewed && { stale_while_revalidate: kept }) };
}

/** One request asks for all who wait, here always. */
function locking(t: Translation, block: Block, passer: string): Record<string, Value> {
  const lock = block.one(`${passer}_cache_lock`);
  if (lock !== undefined) t.ledger.defaultHere(lock, "one request asks for all who wait");
  const uses = block.one(`${passer}_cache_min_uses`);
  if (uses !== undefined && countOf(t, uses, uses.args[0]?.text) === 1)
    t.ledger.defaultHere(uses, "a reply is kept when it is first asked for");
  const timeout = block.one(`${passer}_cache_lock_timeout`);
  const wait = timeout && timeText(timeout.args[0]?.text ?? "", 0);
  if (timeout === undefined || wait === undefined) return {};
  t.ledger.translated(timeout, "cache = { wait }");
  return { wait };
}
