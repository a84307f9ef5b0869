/** limit_req_zone and limit_req → [limit.NAME] and `limit`. */
import { freeName, type LimitKey, type RouteKey, Settings, type SiteKey } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import { countOf, stringOf, type Translation } from "./translation.ts";

type Key = RouteKey & SiteKey;

/** nginx's limit_req_status. */
const STATUS = 503;
const HERE_STATUS = 429;

export function rateLimits(t: Translation, block: Block, settings: Settings<Key>): void {
  const names = block.inForce("limit_req").flatMap((directive) => limitOf(t, directive, block) ?? []);
  if (names.length === 0) return;
  settings.set("limit", names.length === 1 ? (names[0] as string) : names, block.one("limit_req")?.origin); // length 1
}

function limitOf(t: Translation, directive: Directive, block: Block): string | undefined {
  const words = directive.args.map(({ text }) => text);
  const option = (name: string) => words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const zone = option("zone");
  const definition = t.http.own("limit_req_zone").find(({ args }) => zoneName(args.map(({ text }) => text)) === zone);
  if (zone === undefined || definition === undefined) return void t.ledger.error(directive, "names no limit_req_zone");
  const limit = readZone(t, definition);
  if (limit === undefined) return undefined;
  const burst = countOf(t, directive, option("burst") ?? "0") ?? 0;
  if (burst > 0) limit.set("burst", burst, directive.origin);
  if (burst > 0 && !words.includes("nodelay"))
    limit.set("delay", countOf(t, directive, option("delay") ?? "0") ?? 0, directive.origin);
  const written = block.one("limit_req_status");
  const status = written === undefined ? STATUS : (countOf(t, written, written.args[0]?.text) ?? STATUS);
  if (status !== HERE_STATUS) limit.set("status", status, block.one("limit_req_status")?.origin);
  const told = block.one("limit_req_status");
  if (told !== undefined) t.ledger.translated(told, `[limit.${zone}] status`);
  t.ledger.translated(directive, `[limit.${zone}]`);
  return named(t, zone, limit);
}

function zoneName(words: readonly string[]): string | undefined {
  return words.map((word) => /^zone=([^:]+):/.exec(word)?.[1]).find((name) => name !== undefined);
}

function readZone(t: Translation, definition: Directive): Settings<LimitKey> | undefined {
  const words = definition.args.map(({ text }) => text);
  const [, count, period] = /^rate=(\d+)r\/([sm])$/.exec(words.find((word) => word.startsWith("rate=")) ?? "") ?? [];
  if (count === undefined) return void t.ledger.error(definition, "says no rate; nginx takes rate=10r/s");
  const key = stringOf(t, definition, words[0] ?? "");
  if (key === undefined) return undefined;
  const limit = new Settings<LimitKey>();
  limit.set("rate", `${count}/${period}`, definition.origin);
  if (key !== "$remote_addr") limit.set("key", key, definition.origin);
  t.ledger.translated(definition, `[limit.${zoneName(words)}]`);
  return limit;
}

/** The same limit, or one more: burst and status belong to it here. */
function named(t: Translation, zone: string, limit: Settings<LimitKey>): string {
  const shape = (settings: Settings<LimitKey>) => JSON.stringify(settings.all.map(({ key, value }) => [key, value]));
  for (const [name, known] of t.plan.limits) if (name.startsWith(zone) && shape(known) === shape(limit)) return name;
  const name = freeName(zone, t.plan.limits);
  t.plan.limits.set(name, limit);
  return name;
}
