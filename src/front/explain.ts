/**
 * Which site, route, handler, files, guards, limits and headers a request would meet: `server explain`. It asks the
 * selectors, rules and file handler that a front answers with (routing.ts, exchange, files), on the same configuration;
 * it opens files to see whether they are there, and asks no app and no upstream.
 */
import type { Config, ListenAddress, RouteConfig, RouteTarget, SiteConfig } from "../config/config.ts";
import type { GuardsConfig } from "../config/guards-config.ts";
import { listenKey } from "../config/listen.ts";
import { compileVerdict } from "../exchange/access.ts";
import { Exchange } from "../exchange/exchange.ts";
import { NO_BODY } from "../exchange/internal.ts";
import { pathReference } from "../exchange/location.ts";
import { expandLocation } from "../exchange/location-template.ts";
import { GONE_REPLY, type Reply } from "../exchange/reply.ts";
import { routeScope, siteScope } from "../exchange/site-scope.ts";
import { evaluate } from "../exchange/template.ts";
import { isRead } from "../files/methods.ts";
import { traceFiles, type Tried } from "../files/try.ts";
import { Fields } from "../protocol/http/fields.ts";
import { type ParsedTarget, parseTarget, type TargetProblem } from "../protocol/http/target.ts";
import { HeadFailure } from "../protocol/http1/failure.ts";
import { type ExplainedContent, explainContent } from "./explain-content.ts";
import { explainRules } from "./explain-rules.ts";
import { describeTarget } from "./explain-target.ts";
import { filesOptions } from "./files-options.ts";
import { httpsUrl } from "./host-handler.ts";
import { bodyBytesMaxOf, listensOn, selectRoute, selectSite } from "./routing.ts";
import { makeScope, makeTemplate } from "./templates.ts";

export interface Question {
  readonly method: string;
  /** Undefined when no scheme is named: as the listener has it. */
  readonly secure: boolean | undefined;
  /** Lower case, without port. */
  readonly host: string;
  /** Undefined when the URL names none. */
  readonly port: number | undefined;
  /** Path and query as a client would send them. */
  readonly target: string;
  /** The client's address, as far as it is believed. */
  readonly from: string;
}

export interface Explanation {
  /** Where it comes in; undefined when nothing listens there. */
  readonly listener: string | undefined;
  /** Decoded and resolved: what routes are compared with. Undefined when the target is refused with 400. */
  readonly path: string | undefined;
  readonly query: string | undefined;
  readonly site: string | undefined;
  readonly route: string | undefined;
  /** The route's prefix, or SCRIPT_NAME of its app. */
  readonly mount: string;
  readonly target: RouteTarget | undefined;
  /** Of a directory or file: what is looked for, in turn. */
  readonly files: readonly Tried[];
  readonly otherwise: string | undefined;
  readonly guards: ExplainedGuards | undefined;
  readonly bodyBytesMax: number | undefined;
  readonly content: ExplainedContent | undefined;
  readonly headers: readonly string[];
  readonly timeoutsMs: Readonly<Record<string, number>>;
  /** What decides: `421: no site has this host`. */
  readonly outcome: string;
}

export interface ExplainedGuards {
  readonly access: { readonly rules: readonly string[]; readonly allowed: boolean };
  readonly satisfy: "all" | "any";
  readonly limits: readonly {
    readonly name: string;
    readonly rate: string;
    readonly burst: number;
    readonly key: string;
  }[];
  readonly auth: { readonly realm: string; readonly users: string } | undefined;
  readonly authRequest: string | undefined;
  readonly errorPages: readonly { readonly statuses: string; readonly page: string }[];
  readonly intercept: boolean;
}

const UNROUTED = {
  route: undefined,
  mount: "",
  target: undefined,
  files: [],
  otherwise: undefined,
  guards: undefined,
  bodyBytesMax: undefined,
  content: undefined,
  headers: [],
  timeoutsMs: {},
};

const NOTHING = { ...UNROUTED, listener: undefined, path: undefined, query: undefined, site: undefined };

export function explain(config: Config, question: Question): Explanation {
  const address = findListener(config, question);
  if (address === undefined) return { ...NOTHING, outcome: noListener(config, question) };
  const listener = listenKey(address);
  const target = parseTarget(question.method, question.target, config.server.mergeSlashes);
  if (typeof target === "string") return { ...NOTHING, listener, outcome: refusedOutcome(target) };
  const found = { ...NOTHING, listener, path: shown(target.path), query: target.query };
  const exchange = makeExchange(question, target, address);
  const sites = config.sites.filter((site) => listensOn(site, listener)).map((site) => ({ config: site }));
  const site = selectSite(sites)(question.host, exchange)?.config;
  if (site === undefined) return { ...found, outcome: "421: no site of this listener has this host" };
  return { ...explainSite(config, site, exchange), listener, path: found.path, query: found.query, site: site.label };
}

function refusedOutcome(problem: TargetProblem): string {
  const { status, code } = new HeadFailure(problem);
  return `${status}: the target is refused (${code})`;
}

type SitePart = Omit<Explanation, "listener" | "path" | "query" | "site">;

function explainSite(config: Config, site: SiteConfig, exchange: Exchange): SitePart {
  const { head } = exchange;
  const common = { ...UNROUTED, headers: headersOf(site), timeoutsMs: timeoutsOf(config) };
  const { httpsRedirect } = site;
  if (httpsRedirect !== undefined && !exchange.peer.secure) {
    const to = expandLocation(makeTemplate(httpsUrl(httpsRedirect), makeScope(config)), exchange);
    return { ...common, outcome: `${httpsRedirect.status}: redirect to ${to}` };
  }
  if (head.form === "asterisk") return { ...common, outcome: "204: a question about the server itself" };
  if (head.method === "CONNECT" || head.method === "TRACE") {
    return { ...common, outcome: `405: ${head.method} is answered nowhere` };
  }
  const scope = makeScope(config);
  const ruled = explainRules(site.rules, "site", siteScope(site.names, scope), exchange);
  if (ruled !== undefined) return { ...common, outcome: ruled };
  const found = selectRoute(site, (route) => route)(head.path, exchange);
  const guards = explainGuards(config, found?.value ?? site, exchange);
  if (found === undefined)
    return { ...common, guards, outcome: guards.access.allowed ? "404: no route matches" : DENIED };
  const route = found.value;
  exchange.mount = found.mount;
  const { target } = route;
  const files = filesOf(config, site, route, exchange);
  return {
    ...common,
    route: route.pattern,
    mount: target.kind === "app" ? target.mount : shown(found.mount),
    target,
    files,
    otherwise: route.fallback === undefined ? undefined : describeOtherwise(route.fallback.otherwise),
    guards,
    bodyBytesMax: bodyBytesMaxOf(route, site),
    content: explainContent(site, route, files),
    headers: [...headersOf(site), ...headersOf(route)],
    outcome:
      explainRules(route.rules, "route", routeScope(route.match, site.names, scope), exchange) ??
      refusal(route, guards) ??
      outcomeOf(route, guards, files, exchange) + whereTo(config, site, route, exchange),
  };
}

const INTERNAL = "404: the route is internal, for X-Accel-Redirect and the like";
const DENIED = "403: access denies this address";

/** Why nobody gets as far as the target; undefined when somebody may. */
function refusal({ internal }: RouteConfig, { access }: ExplainedGuards): string | undefined {
  if (internal) return INTERNAL;
  return access.allowed ? undefined : DENIED;
}

function outcomeOf(route: RouteConfig, guards: ExplainedGuards, files: readonly Tried[], { head }: Exchange): string {
  const first = guards.auth === undefined ? "" : "401 without a right user and password; then ";
  if (route.target.kind !== "files") return first + describeTarget(route.target);
  const found = files.find(({ kind }) => kind !== "none");
  const isRefused = !isRead(head.method) && (found !== undefined || route.fallback === undefined);
  if (isRefused) return `${first}405: files are not for ${head.method}`;
  if (found !== undefined) return first + describeFound(found, head.path);
  const missing = "404: there is no such file";
  return first + (route.fallback === undefined ? missing : describeOtherwise(route.fallback.otherwise));
}

function describeFound({ kind, name }: Tried, path: string): string {
  if (kind === "redirect") return `301: the directory ${name} has its slash: ${pathReference(path)}/`;
  if (kind === "sibling") return `${name}, if the client takes it, else 404: the file itself is not there`;
  return kind === "listing" ? `a listing of ${name}` : `the file ${name}`;
}

/** Of a redirect with variables: what they come to for this request. */
function whereTo(config: Config, site: SiteConfig, { match, target }: RouteConfig, exchange: Exchange): string {
  if (target.kind !== "redirect") return "";
  const to = makeTemplate(target.to, routeScope(match, site.names, makeScope(config)));
  return to.constant === undefined ? `, which is ${expandLocation(to, exchange) || "nowhere: 404"}` : "";
}

// ── where it comes in ─────────────────────────────────────────────────────────────────────────────────────────────

/**
 * A URL is asked of a listener that speaks as its scheme says: TLS for https, none for http; on the port that it names, else on its
 * scheme's, else on any (a port that something in front forwards to). What trusted proxies or a uwsgi gateway pass on comes
 * without TLS and may be https all the same (client-address.ts).
 */
function findListener(config: Config, { port, secure, host }: Question): ListenAddress | undefined {
  const all = speakers(config, secure);
  const onPort = (wanted: number) => {
    const matching = all.filter((address) => address.kind === "tcp" && address.port === wanted);
    return matching.find((address) => address.kind === "tcp" && address.host === host) ?? matching[0];
  };
  if (port !== undefined) return onPort(port);
  return onPort(secure === true ? 443 : 80) ?? all[0];
}

/** Where a request of that scheme can come in; those that speak TLS first. */
function speakers({ sites, server }: Config, secure: boolean | undefined): ListenAddress[] {
  if (secure === undefined) return sites.flatMap((site) => site.listen);
  const of = (site: SiteConfig, wanted: boolean) => site.listen.filter(({ tls = false }) => tls === wanted);
  if (!secure) return sites.flatMap((site) => of(site, false));
  const isTold = ({ trustedProxies = server.trustedProxies }: SiteConfig) => trustedProxies.length > 0;
  const told = sites.flatMap((site) => of(site, false).filter(({ uwsgi }) => uwsgi === true || isTold(site)));
  return [...sites.flatMap((site) => of(site, true)), ...told];
}

function noListener({ sites }: Config, { port, secure }: Question): string {
  const all = new Map(sites.flatMap((site) => site.listen).map((address) => [listenKey(address), address]));
  const keys = [...all].map(([key, { tls }]) => (tls === true ? `${key} (TLS)` : key));
  const isThere = [...all.values()].some((address) => address.kind === "tcp" && address.port === port);
  const where = port === undefined ? "" : ` on port ${port}`;
  const how = port !== undefined && !isThere ? "" : secure === true ? " with TLS" : " without TLS";
  return `no site listens${where}${how}; they listen on ${keys.join(", ") || "nothing"}`;
}

function makeExchange(question: Question, target: ParsedTarget, address: ListenAddress): Exchange {
  const { method, host, port, from, secure = address.tls === true } = question;
  const local = address.kind === "tcp" ? { localAddress: address.host, localPort: address.port } : UNIX_LOCAL;
  const head = {
    method,
    target: question.target,
    form: target.form,
    path: target.path,
    rawPath: target.rawPath,
    query: target.query,
    host,
    hostPort: port,
    minor: 1 as const,
    fields: Fields.of([["Host", port === undefined ? host : `${host}:${port}`]]),
    bodyLength: 0,
    persistent: true,
    expectsContinue: false,
    upgrade: undefined,
  };
  const peer = { remoteAddress: from, remotePort: 0, secure, ...local };
  const facts = { id: 0, head, peer, body: NO_BODY, reply: NO_REPLY, params: undefined };
  return new Exchange({ ...facts, protocol: "HTTP/1.1", startedMs: 0 });
}

const UNIX_LOCAL = { localAddress: "unix:", localPort: 0 };

/** Nothing is answered here. */
const NO_REPLY: Reply = { ...GONE_REPLY, state: "waiting" };

// ── what it meets ─────────────────────────────────────────────────────────────────────────────────────────────────

function explainGuards(config: Config, { guards }: SiteConfig | RouteConfig, exchange: Exchange): ExplainedGuards {
  const scope = makeScope(config);
  const limits = config.rateLimits.filter((limit) => guards.limits.includes(limit.name));
  return {
    ...explainAccess(guards, exchange.peer.remoteAddress),
    limits: limits.map(({ name, rate, burst, key }) => {
      return { name, rate, burst, key: shown(evaluate(makeTemplate(key, scope), exchange)) };
    }),
    errorPages: guards.errorPages.map(({ statuses, status, source }) => {
      const sent = status === undefined ? "" : ` with ${status}`;
      const page =
        source.kind === "respond" ? `the text ${JSON.stringify(source.text)}` : `${source.kind} ${source.path}`;
      return { statuses: statuses.join(" "), page: page + sent };
    }),
    intercept: guards.intercept,
  };
}

/** With `satisfy = "any"` an address that is not allowed is asked for its password, and one that is allowed is not. */
function explainAccess({ access, auth, authRequest, satisfy }: GuardsConfig, address: string) {
  const verdict = compileVerdict(access)(address);
  if (satisfy === "all" || (auth === undefined && authRequest === undefined)) {
    return { access: { rules: access, allowed: verdict !== "denied" }, auth, authRequest, satisfy };
  }
  const asked = verdict === "allowed" ? {} : { auth, authRequest };
  return { access: { rules: access, allowed: true }, auth: undefined, authRequest: undefined, ...asked, satisfy };
}

function filesOf(config: Config, site: SiteConfig, route: RouteConfig, exchange: Exchange): Tried[] {
  const { target, fallback } = route;
  if (target.kind !== "files") return [];
  const scope = routeScope(route.match, site.names, makeScope(config));
  const options = filesOptions(target, { site, route }, scope, {});
  const tried = traceFiles(options, fallback?.candidates, exchange);
  return tried.map((each) => ({ ...each, name: each.root + each.name }));
}

function describeOtherwise(otherwise: NonNullable<RouteConfig["fallback"]>["otherwise"]): string {
  switch (otherwise.kind) {
    case "status":
      return String(otherwise.status);
    case "path":
      return `what ${otherwise.path} is answered with`;
    case "target":
      return describeTarget(otherwise.target);
  }
}

function headersOf({ headers }: SiteConfig | RouteConfig): string[] {
  return (headers ?? []).map((rule) =>
    rule.kind === "remove" ? `remove ${rule.name}` : `${rule.kind} ${rule.name}: ${rule.value}`,
  );
}

function timeoutsOf({ server }: Config): Record<string, number> {
  const { headerTimeoutMs, bodyTimeoutMs, sendTimeoutMs, keepaliveTimeoutMs } = server.limits;
  return { header: headerTimeoutMs, body: bodyTimeoutMs, send: sendTimeoutMs, keepalive: keepaliveTimeoutMs };
}

/** Paths are bytes, one a character. */
function shown(path: string): string {
  return Buffer.from(path, "latin1").toString("utf8");
}
