/** `server { }` → [[site]]: its addresses, its options and a route for each location. */
import { type Route, type RouteKey, Settings, type Site, type SiteKey, type Value } from "../plan.ts";
import { Block } from "./block.ts";
import { routeHeaders, sharesHeaders, siteHeaders } from "./headers.ts";
import { indexLocations } from "./index-location.ts";
import type { Listen } from "./listen.ts";
import { type Located, type Location, readLocations } from "./location.ts";
import { routeLog, siteLog } from "./logs.ts";
import { addOptions } from "./options.ts";
import type { Directive } from "./parser.ts";
import { realAddresses } from "./real-ip.ts";
import type { Placed } from "./route-difference.ts";
import { addRules, EVERY_PATH, isStatement, returned, type RuleContext, soleRedirect } from "./rules.ts";
import { silence } from "./silence.ts";
import { routeTarget } from "./target.ts";
import { siteTls } from "./tls.ts";
import type { Translation } from "./translation.ts";

export interface Server {
  readonly directive: Directive;
  readonly block: Block;
  readonly listens: readonly Listen[];
  readonly names: readonly string[];
  /** Of its addresses those where it gets what no other server has. */
  readonly defaultOn: readonly Listen[];
}

/** Mostly one. */
export function translateServer(t: Translation, server: Server): Site[] {
  const { block, directive } = server;
  const settings = new Settings<SiteKey>();
  addNames(server, settings);
  siteTls(t, block, server.listens, settings);
  siteLog(t, block, settings);
  addUnderscores(t, block, settings);
  realAddresses(t, block, settings);
  t.ledger.translated(directive, `[[site]] ${server.names[0] ?? "without names"}`);
  const redirect = redirectOfAll(t, server);
  if (redirect === undefined) {
    const places: Placed[] = [];
    const routes = routesOf(t, server, settings, places);
    addOptions(t, block, settings, {});
    indexLocations(t, settings, places);
    addBodyBound(settings, routes);
    for (const [path, page] of t.pages)
      routes.push({ pattern: `= ${path}`, settings: page, origin: page.all[0]?.origin });
    return [{ settings, routes, origin: directive.origin }];
  }
  settings.delete("default");
  const site = { settings, routes: [redirect.route], origin: directive.origin };
  return server.defaultOn.length === 0 ? [site] : [site, siteOfOthers(server, redirect.otherwise)];
}

/** What Certbot's block answers to names that are not its own. */
function siteOfOthers({ listens, directive }: Server, otherwise: Directive): Site {
  const settings = new Settings<SiteKey>();
  settings.set("listen", listenValue(listens), otherwise.origin);
  settings.comment = "Gets every Host that no other site has.";
  const route = new Settings<RouteKey>();
  route.set("error", 404, otherwise.origin);
  return { settings, routes: [{ pattern: "/", settings: route, origin: otherwise.origin }], origin: directive.origin };
}

function listenValue(listens: readonly Listen[]): Value {
  return listens.length === 1 ? (listens[0]?.value as Value) : listens.map(({ value }) => value); // length 1
}

function addNames({ block, names, listens, defaultOn, directive }: Server, settings: Settings<SiteKey>): void {
  const origin = block.own("server_name")[0]?.origin ?? directive.origin;
  if (names.length > 0) settings.set("names", names.length === 1 ? (names[0] as string) : names, origin); // length 1
  settings.set("listen", listenValue(listens), listens[0]?.directive?.origin ?? directive.origin);
  if (names.length > 0 && defaultOn.length > 0) {
    const comment =
      "As in nginx, whose first server gets what no other has. Without it an unknown Host is answered 421.";
    settings.set("default", true, defaultOn[0]?.directive?.origin ?? directive.origin, comment);
  }
  if (names.length === 0) settings.comment = "Gets every Host that no other site has.";
}

function addUnderscores(t: Translation, block: Block, settings: Settings<SiteKey>): void {
  const directive = block.one("underscores_in_headers");
  if (directive === undefined) return;
  if (directive.args[0]?.text !== "on")
    return t.ledger.defaultHere(directive, "fields with _ in their names are dropped");
  settings.set("underscores_in_headers", "pass", directive.origin);
  t.ledger.translated(directive, 'underscores_in_headers = "pass"');
}

/** Where client_max_body_size is not said, which many an upload met. */
function addBodyBound(settings: Settings<SiteKey>, routes: readonly Route[]): void {
  const isPassed = routes.some(({ settings: route }) => route.has("upstream") && !route.has("max_body_size"));
  if (!isPassed || settings.has("max_body_size")) return;
  settings.set("max_body_size", "1MiB", undefined, "nginx takes no more where client_max_body_size is not said");
}

/** Certbot's block on port 80: `if ($host = a) { return 301 https://$host$request_uri; }` for each name, then 404. */
function redirectOfAll(
  t: Translation,
  { block, names }: Server,
): { readonly route: Route; readonly otherwise: Directive } | undefined {
  const statements = block.directives.filter(isStatement);
  const tests = statements.filter(({ name }) => name === "if");
  const last = statements.at(-1);
  if (tests.length === 0 || last?.name !== "return" || statements.length !== tests.length + 1) return undefined;
  const found = tests.map(({ args, block: inner }) => {
    const [host] = /^\(\$host=(.*)\)$/.exec(args.map(({ text }) => text).join(""))?.slice(1) ?? [];
    const [only] = inner ?? [];
    const isRedirect = inner?.length === 1 && only?.name === "return" && only.args[0]?.text === "301";
    return isRedirect && only.args[1]?.text === "https://$host$request_uri" ? host : undefined;
  });
  if (last.args[0]?.text !== "404" || names.length === 0 || !names.every((name) => found.includes(name)))
    return undefined;
  const settings = new Settings<RouteKey>();
  settings.set("redirect", "https://$host$request_uri", tests[0]?.origin);
  settings.set("status", 301, tests[0]?.origin);
  for (const test of tests) {
    t.ledger.translated(test, "redirect of the whole site");
    for (const inner of test.block ?? []) t.ledger.translated(inner, "redirect of the whole site");
  }
  t.ledger.notNeeded(last, "every name of the site is redirected");
  for (const location of block.own("location")) t.ledger.noEffect(location, "every request is redirected before it");
  return { route: { pattern: "/", settings, origin: tests[0]?.origin }, otherwise: last };
}

/** `places`: takes each location that has become a route. */
function routesOf(t: Translation, server: Server, settings: Settings<SiteKey>, places: Placed[]): Route[] {
  const { block, directive } = server;
  const statements = block.directives.filter(isStatement);
  const last = statements.findIndex(({ name }) => name === "return");
  const context: RuleContext = { captures: [], place: "server", block, states: t.variables.states };
  const rules = addRules(t, last === -1 ? statements : statements.slice(0, last), context);
  const unconditional = statements[last];
  const redirect = unconditional === undefined ? soleRedirect(rules, redirectsAll) : undefined;
  if (redirect !== undefined) return [answerOfAll(t, server, statements[0] ?? directive, redirect)];
  if (rules.length > 0) settings.set("rules", rules, statements[0]?.origin);
  if (unconditional !== undefined) {
    for (const each of statements.slice(last + 1)) silence(t, [each], "comes after a return, which answers everything");
    const action = returned(t, unconditional, context) ?? { error: 404 };
    return [answerOfAll(t, server, unconditional, action)];
  }
  const { routed, named } = readLocations(block, t.ledger);
  const hasRoot = routed.some(({ pattern }) => pattern === "/");
  const all = hasRoot ? routed : [...routed, impliedRoot(block, directive)];
  if (hasRoot)
    for (const each of block.own("try_files")) t.ledger.noEffect(each, "location / has what no other location has");
  const isShared = sharesHeaders(
    block,
    all.map(({ location }) => location.block),
  );
  if (isShared) siteHeaders(t, block, settings);
  const taken = new Set(all.map(({ pattern }) => pattern));
  const routes = all.flatMap((located) => {
    const route = routeOf(t, located, { block, named, isShared });
    if (route === undefined) return [];
    places.push({ located, settings: route.settings });
    return [route, ...withSlash(route, taken)];
  });
  return routes.length > 0 ? routes : [nothing(t, directive)];
}

/** nginx sends `/x` to `/x/` where that is passed on; here the upstream would be asked for its own `/`. */
function withSlash({ pattern, settings, origin }: Route, taken: ReadonlySet<string>): Route[] {
  const bare = pattern.slice(0, -1);
  const isPassed = settings.has("strip_prefix") || (settings.has("upstream") && settings.has("rules"));
  if (!isPassed || !/^\/[\w/.~-]+\/$/.test(pattern) || taken.has(bare) || taken.has(`= ${bare}`)) return [];
  const redirect = new Settings<RouteKey>();
  redirect.set("redirect", `${pattern}$is_args$args`, origin);
  redirect.set("status", 301, origin);
  return [{ pattern: `= ${bare}`, settings: redirect, origin }];
}

/** A server that says nothing more than its addresses. */
function nothing(t: Translation, directive: Directive): Route {
  const settings = new Settings<RouteKey>();
  settings.set("error", 404, directive.origin);
  t.ledger.remark(
    directive,
    "it answers 404: there is neither location nor root, and nginx looks in its default folder",
  );
  return { pattern: "/", settings, origin: directive.origin };
}

/** Of a server, whatever the path. */
function redirectsAll({ match }: Readonly<Record<string, Value>>): boolean {
  return match === undefined || EVERY_PATH.has(String(match));
}

/** `return`, or a rewrite that fits everything, answers before any location is looked for. */
function answerOfAll(
  t: Translation,
  { block, directive }: Server,
  statement: Directive,
  action: Readonly<Record<string, Value>>,
): Route {
  const settings = new Settings<RouteKey>();
  for (const [key, value] of Object.entries(action)) settings.set(key as RouteKey, value, statement.origin);
  const { name } = statement;
  const why = `${name} beside it answers everything first; put the ${name} into location / if that is not meant`;
  for (const location of block.own("location")) {
    t.ledger.noEffect(location, why);
    silence(t, location.block ?? [], "stands in a location that is never reached");
  }
  return { pattern: "/", settings, origin: statement.origin ?? directive.origin };
}

/** What no location has is served from the root of the server. */
function impliedRoot(server: Block, directive: Directive): Located {
  const location: Location = { directive, block: new Block([], server), match: { kind: "prefix", path: "/" } };
  return { pattern: "/", location, isMounted: true, capturesRest: false };
}

interface Around {
  readonly block: Block;
  readonly named: ReadonlyMap<string, Location>;
  readonly isShared: boolean;
}

function routeOf(t: Translation, located: Located, { block: server, named, isShared }: Around): Route | undefined {
  const { directive, block } = located.location;
  const isImplied = block.directives.length === 0 && block.parent === server && directive.name === "server";
  if (isImplied && block.inForceOf(["root", "try_files"]).length === 0) return undefined;
  const settings = new Settings<RouteKey>();
  const isOpen = routeTarget(t, located, settings, named);
  addOptions(t, block, settings, { site: server, isOpen });
  routeLog(t, block, settings);
  if (!settings.has("redirect") || !isShared) routeHeaders(t, block, settings, isShared);
  const internal = block.own("internal")[0];
  if (internal !== undefined) {
    settings.set("internal", true, internal.origin);
    t.ledger.translated(internal, "internal = true");
  }
  if (!isImplied) t.ledger.translated(directive, sentenceOf(located));
  return { pattern: located.pattern, settings, origin: directive.origin };
}

function sentenceOf({ pattern, location: { match } }: Located): string {
  const route = `route ${JSON.stringify(pattern)}`;
  if (match.kind === "regex" || match.kind === "exact" || pattern.startsWith("~")) return route;
  if (match.path.endsWith("/")) return route;
  return `${route}, which ends at a segment here: ${match.path}x is not in it`;
}
