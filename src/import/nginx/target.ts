/** What a location answers with → the target of a route: what it returns, passes to, or serves. */
import { type RouteKey, Settings, type Value } from "../plan.ts";
import type { Block } from "./block.ts";
import { filesTarget, type TargetOf } from "./files-target.ts";
import { type Located, type Location, triedFiles } from "./location.ts";
import { passOf, translatePass } from "./pass.ts";
import { GUARDS } from "./options.ts";
import type { Directive } from "./parser.ts";
import { responseCache } from "./response-cache.ts";
import { addRules, EVERY_PATH, exceptRules, isStatement, returned, type RuleContext, soleRedirect } from "./rules.ts";
import { stringOf, type Translation } from "./translation.ts";

type Table = Readonly<Record<string, Value>>;

/** Fills in the target of a route; where nginx would have nothing either it is a 404. Is it decided before anybody asks who
 *  may, as what `return` answers is? */
export function routeTarget(
  t: Translation,
  located: Located,
  settings: Settings<RouteKey>,
  named: ReadonlyMap<string, Location>,
): boolean {
  const { block, match } = located.location;
  const captures = match.kind === "regex" ? match.captures : [];
  const path = match.kind === "regex" ? undefined : match.path;
  const context: RuleContext = { captures, place: "location", block, path, states: new Map(t.variables.states) };
  const statements = block.directives.filter(isStatement);
  const [only] = statements;
  if (only?.name === "return") {
    ignoreAfterReturn(t, block, only);
    addReturn(t, only, context, settings);
    return true;
  }
  const rules = [...addRules(t, statements, context), ...exceptRules(t, block)];
  const redirect = passOf(block) === undefined ? soleRedirect(rules, (rule) => fitsAll(rule, located)) : undefined;
  if (redirect !== undefined) {
    setAll(settings, redirect, only);
    return true;
  }
  const isDecided = passOf(block) === undefined && rules.some((rule) => fitsAll(rule, located));
  if (isDecided) settings.set("error", 404, only?.origin);
  else contentTarget(t, located, settings, named);
  // Of a directory the path below the route is asked for, so a new path is looked for anew.
  const kept = settings.has("upstream") ? rules : rules.map(withoutStay);
  if (settings.has("strip_prefix") && rules.some((rule) => rule["stay"] === true)) ruleOutPrefix(located, settings);
  const own = settings.get("rules");
  const all = [...kept, ...(Array.isArray(own) ? (own as Value[]) : [])];
  if (all.length > 0) settings.set("rules", all, only?.origin);
  return false;
}

/** Does a rewrite fit every path of its location, so that nothing is left to serve? */
function fitsAll({ when, match }: Readonly<Record<string, Value>>, { location }: Located): boolean {
  if (when !== undefined || location.match.kind === "regex") return false;
  const prefix = location.match.path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const own = [`^${prefix}(.*)$`, `^${prefix}(.*)`, `^${prefix}`, `^${prefix}$`];
  const fits = location.match.kind === "exact" ? own : own.slice(0, -1);
  return match === undefined || EVERY_PATH.has(String(match)) || fits.includes(String(match));
}

function withoutStay(rule: Readonly<Record<string, Value>>): Value {
  return Object.fromEntries(Object.entries(rule).filter(([key]) => key !== "stay"));
}

function addReturn(t: Translation, directive: Directive, context: RuleContext, settings: Settings<RouteKey>): void {
  setAll(settings, returned(t, directive, context) ?? { error: 404 }, directive);
}

function setAll(
  settings: Settings<RouteKey>,
  values: Readonly<Record<string, Value>>,
  directive: Directive | undefined,
): void {
  for (const [key, value] of Object.entries(values)) settings.set(key as RouteKey, value, directive?.origin);
}

/** return comes before all that serves something. */
function ignoreAfterReturn(t: Translation, block: Block, first: Directive): void {
  const late = new Set(["proxy_pass", "uwsgi_pass", "try_files", "root", "alias", ...GUARDS]);
  for (const directive of block.directives) {
    if (late.has(directive.name)) t.ledger.noEffect(directive, `beside ${first.name}, which answers before it`);
  }
}

function contentTarget(
  t: Translation,
  located: Located,
  settings: Settings<RouteKey>,
  named: ReadonlyMap<string, Location>,
): void {
  const { block, directive } = located.location;
  const pass = passOf(block);
  const targetOf: TargetOf = (name) => besideFiles(t, name, named);
  if (pass !== undefined) {
    if (triedFiles(located.location) !== undefined) return passBesideFiles(t, located, settings, pass);
    if (!passTarget(t, located, settings, pass)) settings.set("error", 502, pass.origin);
    return;
  }
  const only = fallbackAlone(located.location);
  if (only !== undefined) {
    const target = namedTarget(t, only.args.at(-1)?.text ?? "", named);
    t.ledger.translated(only, "without a root there is no file, so it always is what it names last");
    for (const [key, value] of Object.entries(target ?? { error: 404 }))
      settings.set(key as RouteKey, value, only.origin);
    return;
  }
  const status = block.own("stub_status").at(-1);
  if (status !== undefined) {
    const instead =
      "`server status` shows more, and [metrics] has a page and numbers for Prometheus on an address of its own";
    t.ledger.dropped(status, instead);
  }
  if (deniesAll(t, block)) return settings.set("error", 403, block.own("deny")[0]?.origin);
  const hasFiles = status === undefined && filesTarget(t, located, settings, targetOf);
  if (!hasFiles) settings.set("error", 404, directive.origin);
}

/** `deny all` and nothing else is a 403 for everyone. */
function deniesAll(t: Translation, block: Block): boolean {
  const rules = block.directives.filter(({ name }) => name === "allow" || name === "deny");
  const [only] = rules;
  if (rules.length !== 1 || only?.name !== "deny" || only.args[0]?.text !== "all") return false;
  if (block.value("satisfy") === "any") return false;
  t.ledger.translated(only, "error = 403");
  return true;
}

/** `try_files $uri @app` where no root is said. */
function fallbackAlone(location: Location): Directive | undefined {
  const tried = triedFiles(location);
  const hasRoot = location.block.inForceOf(["root", "alias"]).length > 0;
  return tried !== undefined && !hasRoot && tried.args.at(-1)?.text.startsWith("@") === true ? tried : undefined;
}

/** `try_files` in the location that passes, too: its last argument is never reached unless it leads elsewhere. */
function passBesideFiles(t: Translation, located: Located, settings: Settings<RouteKey>, pass: Directive): void {
  const tried = triedFiles(located.location);
  if (tried !== undefined) {
    t.ledger.lost(
      tried,
      "beside a pass it only changes the path that is passed; write try_files … @app and the pass into @app",
    );
  }
  passTarget(t, located, settings, pass);
}

function passTarget(t: Translation, located: Located, settings: Settings<RouteKey>, pass: Directive): boolean {
  const { match, block } = located.location;
  const translated = translatePass(t, pass, block);
  if (translated === undefined) {
    const prefix = pass.name.replace(/pass$/, "");
    for (const each of block.directives)
      if (each !== pass && each.name.startsWith(prefix)) t.ledger.dropped(each, `goes with its ${pass.name}`);
    return false;
  }
  const { upstream, uri } = translated;
  for (const name of ["proxy_pass_request_body", "uwsgi_pass_request_body"]) {
    const bodiless = block.one(name);
    if (bodiless !== undefined && match.kind !== "regex" && isAsked(t.http.directives, match.path))
      t.ledger.notNeeded(bodiless, "what auth_request asks has no body");
  }
  settings.set("upstream", upstream, pass.origin);
  responseCache(t, block, pass.name.replace("_pass", ""), settings);
  if (uri === "" || uri === "$request_uri" || uri === "$uri$is_args$args") return true;
  if (match.kind === "regex" || match.kind === "exact" || uri.includes("$")) {
    const text = stringOf(
      t,
      pass,
      uri.replace(/\$is_args\$args$|\?\$args$/, ""),
      match.kind === "regex" ? match.captures : [],
    );
    if (text !== undefined) settings.set("uri", text, pass.origin);
  } else replacePrefix(t, match.path, uri, pass, settings);
  return true;
}

/** By an auth_request, wherever it stands. */
function isAsked(directives: readonly Directive[], path: string): boolean {
  return directives.some(
    ({ name, args, block }) => (name === "auth_request" && args[0]?.text === path) || isAsked(block ?? [], path),
  );
}

/** nginx puts the URI of proxy_pass in place of the location's prefix. */
function replacePrefix(
  t: Translation,
  prefix: string,
  uri: string,
  pass: Directive,
  settings: Settings<RouteKey>,
): void {
  if (uri === prefix) return;
  if (uri === "/" && prefix !== "/") {
    settings.set("strip_prefix", true, pass.origin);
    if (!prefix.endsWith("/"))
      t.ledger.remark(pass, `nginx asked for //x in place of /x, since ${prefix} has no / at its end`);
    return;
  }
  settings.set("rules", [prefixRule(prefix, uri)], pass.origin);
}

function prefixRule(prefix: string, uri: string): Value {
  return { match: `^${prefix.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(.*)$`, rewrite: `${uri}$1`, stay: true };
}

/** What `rewrite … break` has changed is passed as it is: the prefix is taken from the others, by the rule behind. */
function ruleOutPrefix({ location: { match } }: Located, settings: Settings<RouteKey>): void {
  if (match.kind === "regex") return;
  settings.delete("strip_prefix");
  settings.set("rules", [prefixRule(match.path, "/")]);
}

/** `cache` of a route is for its files. */
function besideFiles(t: Translation, name: string, named: ReadonlyMap<string, Location>): Table | undefined {
  const target = namedTarget(t, name, named);
  const expires = named.get(name)?.block.one("expires");
  if (expires !== undefined && expires.args[0]?.text !== "off" && target !== undefined && !("error" in target)) {
    const remedy = "write it into the locations of files, and let the application say how long its replies may be kept";
    t.ledger.lost(expires, `what ${name} answers has no time of its own here: ${remedy}`);
  }
  return target;
}

/** `@name` as the table of `otherwise`. */
function namedTarget(t: Translation, name: string, named: ReadonlyMap<string, Location>): Table | undefined {
  const location = named.get(name);
  if (location === undefined) return undefined;
  const settings = new Settings<RouteKey>();
  const located: Located = { pattern: name, location, isMounted: false, capturesRest: false };
  routeTarget(t, located, settings, new Map());
  t.ledger.translated(location.directive, "otherwise");
  const rules = settings.all.find(({ key }) => key === "rules");
  if (rules !== undefined) {
    t.ledger.lost(location.directive, "conditions and rewrites in a named location have no counterpart");
    settings.delete("rules");
  }
  return Object.fromEntries(settings.all.map(({ key, value }) => [key, value]));
}
