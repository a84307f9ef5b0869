/**
 * `upstream NAME { }` and the addresses of proxy_pass and uwsgi_pass → [upstream.NAME]. What locations say of a pass
 * (timeouts, headers, …) belongs to the upstream here, so an upstream that is passed to in two ways becomes two of them.
 */
import { freeName, Settings, type UpstreamKey, type Value } from "../plan.ts";
import { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import { withPlaceholders } from "./strings.ts";
import { countOf, stringOf, type Translation } from "./translation.ts";
import { timeText } from "./values.ts";

export interface PassAddress {
  /** The name of an `upstream { }`, or an address. */
  readonly authority: string;
  readonly protocol: "http" | "https" | "uwsgi";
}

/** The upstream with these settings: one that is the same already, or a new one under the next free name. */
export function upstreamNamed(
  t: Translation,
  address: PassAddress,
  pass: Directive,
  settings: Settings<UpstreamKey>,
): string {
  const known = t.upstreams.get(address.authority);
  const whole = new Settings<UpstreamKey>();
  if (address.protocol !== "http") whole.set("protocol", address.protocol, pass.origin);
  if (known === undefined) whole.set("servers", [serverAddress(address)], pass.origin);
  else addGroup(t, known.block, known.directive, whole, address.protocol);
  for (const { key, value, origin, comment } of settings.all) whole.set(key, value, origin, comment);
  for (const source of settings.sources) whole.sources.add(source);
  if (known !== undefined)
    for (const { origin } of [known.directive, ...known.block.directives]) whole.sources.add(origin);
  const wanted = known === undefined ? nameOf(address.authority) : address.authority;
  return reuse(t.plan.upstreams, wanted, whole);
}

function reuse(upstreams: Map<string, Settings<UpstreamKey>>, wanted: string, whole: Settings<UpstreamKey>): string {
  const shape = shapeOf(whole);
  for (const [name, settings] of upstreams) {
    if (!name.startsWith(freeName(wanted, new Map())) || shapeOf(settings) !== shape) continue;
    for (const source of whole.sources) settings.sources.add(source);
    return name;
  }
  const name = freeName(wanted, upstreams);
  upstreams.set(name, whole);
  return name;
}

function shapeOf(settings: Settings): string {
  return JSON.stringify(settings.all.map(({ key, value }) => [key, value]).toSorted());
}

function serverAddress({ authority, protocol }: PassAddress): string {
  return withPort(withPlaceholders(authority), protocol === "https" ? 443 : 80);
}

/** nginx's port where none is written; a unix path ends at its colon. */
function withPort(authority: string, port: number): string {
  if (authority.startsWith("unix:")) return authority.replace(/:$/, "").replace(/^unix:\/+/, "unix:/");
  const text = authority.replace(/^localhost(?=:|$)/, "127.0.0.1");
  return /:(\d+|\$ENV\{\w+\})$/.test(text) || /^\$ENV\{\w+\}$/.test(text) ? text : `${text}:${port}`;
}

/** A short name: of the socket, the host, or the port on this machine. */
function nameOf(authority: string): string {
  const socket = /^unix:.*?([^/]+?)(\.sock(et)?)?:?$/.exec(authority)?.[1];
  if (socket !== undefined) return socket;
  const [, host = "", port = ""] = /^(.*?)(?::(\w+))?$/.exec(authority) ?? [];
  if (/^(127\.|localhost$|\[?::1)/.test(host)) return `local${port}`;
  return host.replace(/\$\{?(\w+)\}?/g, (_, name: string) => name.toLowerCase());
}

function addGroup(
  t: Translation,
  block: Block,
  directive: Directive,
  settings: Settings<UpstreamKey>,
  protocol: PassAddress["protocol"],
): void {
  t.ledger.translated(directive, `[upstream.${directive.args[0]?.text ?? ""}]`);
  const servers = block.own("server").flatMap((server) => groupServer(t, server, protocol));
  settings.set("servers", servers, directive.origin);
  for (const each of block.directives) {
    if (protocol === "uwsgi" && each.name.startsWith("keepalive"))
      t.ledger.noEffect(each, "uwsgi servers close a connection after each reply");
    else if (each.name !== "server") groupSetting(t, each, settings);
  }
}

/** Options of a server that say the same here. */
const SAME = new Set(["weight", "max_fails", "fail_timeout", "max_conns", "slow_start"]);

function groupServer(t: Translation, server: Directive, protocol: PassAddress["protocol"]): Value[] {
  const [address, ...options] = server.args.map(({ text }) => text);
  if (address === undefined) {
    t.ledger.error(server, "names no address");
    return [];
  }
  const table: Record<string, Value> = {
    address: withPort(withPlaceholders(address), protocol === "https" ? 443 : 80),
  };
  for (const option of options) {
    const [name = "", value = ""] = option.split("=", 2);
    if (name === "backup" || name === "down") table[name] = true;
    else if (SAME.has(name))
      table[name] = /_time|slow/.test(name) ? (timeText(value, 0) ?? value) : (countOf(t, server, value) ?? 1);
    else if (name === "resolve") continue;
    else t.ledger.dropped(server, `${option} has no counterpart here`);
  }
  if (table["weight"] === 1) delete table["weight"];
  // nginx's way to say that a server which failed is asked again at once.
  if (table["fail_timeout"] === "0s") {
    delete table["fail_timeout"];
    table["max_fails"] = 0;
  }
  if (typeof table["weight"] === "number" && table["weight"] > 100) {
    t.ledger.lost(server, "a weight is at most 100 here; divide all of them");
  }
  t.ledger.translated(server, "one of servers");
  return [Object.keys(table).length === 1 ? (table["address"] as Value) : table];
}

function groupSetting(t: Translation, directive: Directive, settings: Settings<UpstreamKey>): void {
  const { name, args, origin } = directive;
  const say = (key: UpstreamKey, value: Value, text = `${key} = ${JSON.stringify(value)}`) => {
    settings.set(key, value, origin);
    t.ledger.translated(directive, text);
  };
  switch (name) {
    case "least_conn":
      return say("balance", "least_conn");
    case "random":
      return say("balance", "random");
    case "ip_hash":
      say("balance", "hash");
      return t.ledger.translated(directive, 'balance = "hash" by the whole address; nginx looks at a /24 of IPv4');
    case "hash":
      return hashBy(t, directive, settings);
    case "sticky":
      return sticky(t, directive, settings);
    case "keepalive":
      return t.ledger.defaultHere(directive, "idle connections are kept for each server");
    case "keepalive_timeout":
      return say("keepalive_timeout", timeText(args[0]?.text ?? "") ?? "60s");
    case "keepalive_requests":
      return say("keepalive_requests", countOf(t, directive, args[0]?.text) ?? 1);
    case "keepalive_time":
      return say("keepalive_age", timeText(args[0]?.text ?? "") ?? "1h");
    case "zone":
      return t.ledger.notNeeded(directive, "what fronts know of servers needs no zone");
    case "queue":
      return say("wait", timeText(/timeout=(\S+)/.exec(args[1]?.text ?? "")?.[1] ?? "60s", 0, 300_000) ?? "1m");
    default:
      return t.ledger.lost(directive, "has no counterpart in an upstream here");
  }
}

function hashBy(t: Translation, directive: Directive, settings: Settings<UpstreamKey>): void {
  const key = stringOf(t, directive, directive.args[0]?.text ?? "");
  if (key === undefined) return;
  settings.set("balance", "hash", directive.origin);
  settings.set("hash_key", key, directive.origin);
  t.ledger.translated(directive, 'balance = "hash", which is always consistent here');
}

function sticky(t: Translation, directive: Directive, settings: Settings<UpstreamKey>): void {
  const [kind, name = "route"] = directive.args.map(({ text }) => text);
  if (kind !== "cookie") return t.ledger.lost(directive, "only sticky cookie has a counterpart here");
  settings.set("balance", "sticky", directive.origin);
  settings.set("sticky_cookie", name, directive.origin);
  t.ledger.translated(directive, 'balance = "sticky"; the lifetime is that of the browser');
}
