/**
 * An nginx.conf, or files of sites-enabled that are only servers → the plan. Each translator claims the directives that it
 * has understood in the ledger; notes.ts says of the rest why nothing is written for them.
 */
import { basename, dirname, resolve } from "node:path";
import type { Importing } from "../import.ts";
import type { Plan } from "../plan.ts";
import type { SourceFile } from "../source.ts";
import { Block } from "./block.ts";
import { resolveIncludes } from "./include.ts";
import { Ledger, type Misfortune } from "./ledger.ts";
import { noteUnusedFormats, translateLogs } from "./logs.ts";
import { noteUnclaimed, passesIn } from "./notes.ts";
import { DATA_BLOCKS, type Directive, parseFile } from "./parser.ts";
import { serverSettings } from "./server-settings.ts";
import { readServers } from "./servers.ts";
import { checkShape } from "./shape.ts";
import { translateServer } from "./site.ts";
import type { Translation } from "./translation.ts";
import { translateTypes } from "./types.ts";
import { translateMap, variablesOf } from "./variables.ts";

/** Where Debian's and nginx.org's packages look for relative paths. */
const PACKAGED_PREFIX = "/usr/share/nginx";

/** Directives that stand in a server; a file that begins with them is the inside of one. */
const INSIDE_SERVER = new Set(["location", "listen", "server_name", "uwsgi_pass", "proxy_pass", "root"]);

/** Folders of files that an nginx.conf beside them includes: paths in them are relative to its folder. */
const PARTS_FOLDERS = new Set(["sites-enabled", "sites-available", "conf.d", "snippets", "vhosts", "vhosts.d"]);

export interface NginxFiles {
  /** As -p has it. */
  readonly prefix?: string | undefined;
  /** Of -g: they stand in main. */
  readonly global?: readonly Directive[];
}

interface Read {
  readonly file: SourceFile;
  readonly directives: readonly Directive[];
}

/** Files of one nginx: those without http { } are the inside of that of another one, or of all of them together, as they
 *  are where an nginx.conf includes them. */
export function translateNginx(files: readonly SourceFile[], importing: Importing, options: NginxFiles = {}): void {
  const { report } = importing;
  const { prefix, global = [] } = options;
  const included = new Set<string>();
  const read = files.map((file): Read => {
    const inclusion = { prefix: configurationFolder(file.path), report, included };
    return { file, directives: [...global, ...resolveIncludes(parseFile(file, report), inclusion)] };
  });
  const isWhole = ({ directives }: Read) => directives.some(({ name }) => name === "http");
  const parts = read.filter((each) => !isWhole(each) && !included.has(each.file.path));
  const [whole, ...others] = read.filter(isWhole);
  const inside = parts.flatMap(({ directives }) => directives);
  if (whole !== undefined) translateOne(whole, inside, importing, prefix);
  else if (parts[0] !== undefined) translateOne({ ...parts[0], directives: inside }, [], importing, prefix);
  for (const each of others) translateOne(each, [], importing, prefix);
}

/** `inside`: more of what stands in its http { }. */
function translateOne(
  { file, directives }: Read,
  inside: readonly Directive[],
  { plan, report }: Importing,
  prefix = prefixOf(file.path),
): void {
  const confPrefix = configurationFolder(file.path);
  const ledger = new Ledger();
  const { main, http } = layers(directives, inside);
  const t: Translation = {
    plan,
    ledger,
    confPrefix,
    prefix,
    main,
    http,
    variables: {
      constants: new Map(),
      named: mapNames(http),
      states: new Map(),
    },
    pages: new Map(),
    upstreams: upstreamsOf(http),
  };
  translateAll(t);
  const all = [...directives, ...inside];
  checkShape(ledger, all);
  for (const each of all) noteAll(ledger, each, passesIn(all));
  dropUnusedMaps(plan, ledger, http);
  ledger.writeTo(report);
}

function configurationFolder(path: string): string {
  const folder = dirname(path);
  return PARTS_FOLDERS.has(basename(folder)) ? dirname(folder) : folder;
}

/** Of relative paths, where none is said. */
export function prefixOf(path: string): string {
  const folder = configurationFolder(path);
  if (folder.startsWith("/etc/nginx")) return PACKAGED_PREFIX;
  return basename(folder) === "conf" ? resolve(folder, "..") : folder;
}

/** A file without http { } is the inside of one, as those of sites-enabled are; one of locations, that of a server. */
function layers(directives: readonly Directive[], more: readonly Directive[]): { main: Block; http: Block } {
  const main = new Block(directives, undefined);
  const inside = directives.filter(({ name }) => name === "http").flatMap(({ block }) => block ?? []);
  if (inside.length > 0 || directives.some(({ name }) => name === "http"))
    return { main, http: new Block([...inside, ...more], main) };
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
    const known = variablesOf(server.block, t.ledger);
    const constants = new Map(known.constants);
    const root = server.block.value("root");
    if (root !== undefined) constants.set("document_root", resolve(t.prefix, root));
    const named = new Set([...t.variables.named, ...server.names.flatMap(groupsOfName)]);
    t.plan.sites.push(
      ...translateServer({ ...t, pages: new Map(), variables: { constants, named, states: known.states } }, server),
    );
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
  if (block === undefined || DATA_BLOCKS.has(name)) return;
  const why = GROUPS.has(name) ? ledger.misfortuneOf(directive) : undefined;
  if (why !== undefined) return goWith(ledger, name, block, why);
  const own = passesIn(block);
  const passes = name === "location" && own.size > 0 ? own : outer;
  for (const each of block)
    noteAll(ledger, each, name === "server" || name === "location" ? passesOf(passes, own, name) : passes);
}

/** What stands in them shares their fate. */
const GROUPS = new Set(["location", "if", "limit_except", "upstream"]);

function goWith(ledger: Ledger, name: string, inside: readonly Directive[], why: Misfortune): void {
  for (const each of inside) {
    if (!ledger.knows(each)) ledger[why](each, `goes with its ${name}`);
    goWith(ledger, name, each.block ?? [], why);
  }
}

function passesOf(outer: ReadonlySet<string>, own: ReadonlySet<string>, name: string): ReadonlySet<string> {
  return name === "server" && own.size > 0 ? own : outer;
}

/** A map that no string names: that of the Upgrade field mostly, which is passed here by itself. */
function dropUnusedMaps(plan: Plan, ledger: Ledger, http: Block): void {
  const unused = unusedMaps(plan);
  for (const directive of http.own("map")) {
    const name = (directive.args[1]?.text ?? "").replace(/^\$\{?|\}$/g, "");
    if (unused.has(name)) ledger.withdrawn(directive, "nothing that is written asks for it");
  }
  for (const name of unused) plan.maps.delete(name);
}

function unusedMaps(plan: Plan): Set<string> {
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
  return new Set([...plan.maps.keys()].filter((name) => !new RegExp(`\\$(${name}\\b|\\{${name}\\})`).test(text)));
}

function withoutOrigins(key: string, value: unknown): unknown {
  return key === "origin" ? undefined : value;
}
