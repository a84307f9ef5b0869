/**
 * An nginx.conf, or a file of sites-enabled that is only servers → the plan. Each translator claims the directives that it
 * has understood in the ledger; notes.ts says of the rest why nothing is written for them.
 */
import { basename, dirname, resolve } from "node:path";
import type { Importing } from "../import.ts";
import type { Plan } from "../plan.ts";
import type { SourceFile } from "../source.ts";
import { Block } from "./block.ts";
import { resolveIncludes } from "./include.ts";
import { Ledger } from "./ledger.ts";
import { noteUnusedFormats, translateLogs } from "./logs.ts";
import { noteUnclaimed, passesIn } from "./notes.ts";
import { DATA_BLOCKS, type Directive, parseFile } from "./parser.ts";
import { serverSettings } from "./server-settings.ts";
import { readServers } from "./servers.ts";
import { translateServer } from "./site.ts";
import type { Translation } from "./translation.ts";
import { translateTypes } from "./types.ts";
import { constantsOf, translateMap } from "./variables.ts";

/** Where Debian's and nginx.org's packages look for relative paths. */
const PACKAGED_PREFIX = "/usr/share/nginx";

/** Directives that stand in a server; a file that begins with them is the inside of one. */
const INSIDE_SERVER = new Set(["location", "listen", "server_name", "uwsgi_pass", "proxy_pass", "root"]);

export function translateNginx(file: SourceFile, { plan, report }: Importing, prefix = prefixOf(file.path)): void {
  const confPrefix = dirname(file.path);
  const directives = resolveIncludes(parseFile(file, report), { prefix: confPrefix, report });
  const ledger = new Ledger();
  const { main, http } = layers(directives);
  const t: Translation = {
    plan,
    ledger,
    confPrefix,
    prefix,
    main,
    http,
    variables: {
      constants: constantsOf(
        new Block(
          http.directives.filter(({ name }) => name === "set"),
          undefined,
        ),
        ledger,
      ),
      named: mapNames(http),
    },
    upstreams: upstreamsOf(http),
  };
  translateAll(t);
  for (const each of directives) noteAll(ledger, each, passesIn(directives));
  dropUnusedMaps(plan);
  ledger.writeTo(report);
}

function prefixOf(path: string): string {
  const folder = dirname(path);
  if (folder.startsWith("/etc/nginx")) return PACKAGED_PREFIX;
  return basename(folder) === "conf" ? resolve(folder, "..") : folder;
}

/** A file without http { } is the inside of one, as those of sites-enabled are; one of locations, that of a server. */
function layers(directives: readonly Directive[]): { main: Block; http: Block } {
  const main = new Block(directives, undefined);
  const inside = directives.filter(({ name }) => name === "http").flatMap(({ block }) => block ?? []);
  if (inside.length > 0 || directives.some(({ name }) => name === "http"))
    return { main, http: new Block(inside, main) };
  const bare = directives.filter(({ name }) => INSIDE_SERVER.has(name));
  const [first] = bare;
  if (first === undefined) return { main: new Block([], undefined), http: main };
  const server: Directive = { name: "server", args: [], block: bare, origin: first.origin, remark: "" };
  const rest = directives.filter((directive) => !bare.includes(directive));
  return { main: new Block([], undefined), http: new Block([...rest, server], undefined) };
}

function translateAll(t: Translation): void {
  for (const map of t.http.own("map")) translateMap(t, map);
  const servers = readServers(t, t.http.own("server"));
  const blocks = servers.map(({ block }) => block);
  serverSettings(t, blocks);
  translateTypes(t, [t.http, ...blocks]);
  translateLogs(t, [...new Set(blocks)]);
  for (const server of servers) {
    const constants = new Map([...t.variables.constants, ...constantsOf(server.block, t.ledger)]);
    const root = server.block.value("root");
    if (root !== undefined) constants.set("document_root", resolve(t.prefix, root));
    const named = new Set([...t.variables.named, ...server.names.flatMap(groupsOfName)]);
    t.plan.sites.push(translateServer({ ...t, variables: { constants, named } }, server));
  }
  noteUnusedFormats(t);
}

function groupsOfName(name: string): string[] {
  return [...name.matchAll(/\(\?<(\w+)>/g)].flatMap(([, group]) => group ?? []);
}

function mapNames(http: Block): Set<string> {
  return new Set(http.own("map").map(({ args }) => (args[1]?.text ?? "").replace(/^\$\{?|\}$/g, "")));
}

function upstreamsOf(http: Block): Translation["upstreams"] {
  return new Map(
    http.own("upstream").map((directive) => {
      return [directive.args[0]?.text ?? "", { directive, block: new Block(directive.block ?? [], http) }];
    }),
  );
}

function noteAll(ledger: Ledger, directive: Directive, outer: ReadonlySet<string>): void {
  const { name, block } = directive;
  if (name === "http" || name === "events") ledger.notNeeded(directive, "what stands in it is told of line by line");
  if (name === "upstream") ledger.noEffect(directive, "nothing is passed to it");
  // What is wrong with a familiar file that is not there was said by its include.
  if (name === "include") return;
  noteUnclaimed(ledger, directive, outer);
  if (block === undefined || DATA_BLOCKS.has(name) || (name === "upstream" && !isUsed(ledger, directive))) return;
  const own = passesIn(block);
  const passes = name === "location" && own.size > 0 ? own : outer;
  for (const each of block)
    noteAll(ledger, each, name === "server" || name === "location" ? passesOf(passes, own, name) : passes);
}

function passesOf(outer: ReadonlySet<string>, own: ReadonlySet<string>, name: string): ReadonlySet<string> {
  return name === "server" && own.size > 0 ? own : outer;
}

function isUsed(ledger: Ledger, upstream: Directive): boolean {
  return (upstream.block ?? []).some((each) => ledger.knows(each));
}

/** A map that no string names: that of the Upgrade field mostly, which is passed here by itself. */
function dropUnusedMaps(plan: Plan): void {
  const text = JSON.stringify([
    ...plan.sites.map(({ settings, routes }) =>
      [settings.all, routes.map((route) => route.settings.all)].map((each) => JSON.stringify(each, withoutOrigins)),
    ),
    ...[plan.upstreams, plan.limits, plan.maps].map((tables) =>
      JSON.stringify(
        [...tables.values()].map(({ all }) => all),
        withoutOrigins,
      ),
    ),
    JSON.stringify(plan.server.all, withoutOrigins),
  ]);
  for (const name of plan.maps.keys()) {
    if (!new RegExp(`\\$(${name}\\b|\\{${name}\\})`).test(text)) plan.maps.delete(name);
  }
}

function withoutOrigins(key: string, value: unknown): unknown {
  return key === "origin" ? undefined : value;
}
