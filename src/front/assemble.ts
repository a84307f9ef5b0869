/**
 * From the configuration to handlers: the one place where rooms that do not know each other are put together, and where
 * each gets its own small options.
 */
import type { Log } from "../base/log.ts";
import { AppChannel } from "../apps/channel.ts";
import { makeAppHandler } from "../apps/handler.ts";
import type {
  AppConfig,
  Config,
  FallbackConfig,
  GuardsConfig,
  ResponseCacheConfig,
  RouteConfig,
  RouteTarget,
  SiteConfig,
} from "../config/config.ts";
import { listenKey } from "../config/listen.ts";
import { compileAddressSet } from "../exchange/address-set.ts";
import { answer } from "../exchange/canned.ts";
import { settleClient, type Trust } from "../exchange/client-address.ts";
import type { ErrorAnswers, Handler } from "../exchange/exchange.ts";
import { withIntercept } from "../exchange/intercept.ts";
import { passOn } from "../exchange/internal.ts";
import { schemeIsMisdirected } from "../exchange/misdirected.ts";
import { makeRedirectHandler } from "../exchange/redirect.ts";
import { makeRespondHandler } from "../exchange/respond.ts";
import { SpoolBudget, type SpoolResource } from "../exchange/spool-budget.ts";
import { type HeaderRules, joinRules } from "../exchange/reply-headers.ts";
import type { RateMemory } from "../exchange/rate-table.ts";
import type { Scope } from "../exchange/scope.ts";
import { routeScope, siteScope } from "../exchange/site-scope.ts";
import { FileCache } from "../files/cache.ts";
import { makeFilesHandler } from "../files/handler.ts";
import { makeTryHandler } from "../files/try.ts";
import { Fields } from "../protocol/http/fields.ts";
import { makeProxyHandler } from "../proxy/handler.ts";
import type { Upstream } from "../proxy/upstream.ts";
import { Caches } from "./caches.ts";
import { filesOptions } from "./files-options.ts";
import { Guards } from "./guards.ts";
import { bodyBytesMaxOf, listensOn, selectRoute, selectSite } from "./routing.ts";
import { assembleUpstream } from "./upstreams.ts";
import { makeHeaderRules, makeScope, makeServerRules, makeTemplate } from "./templates.ts";

export interface Assembly {
  /** Listener key → what answers there. */
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly apps: ReadonlyMap<string, AssembledApp>;
  readonly upstreams: readonly Upstream[];
  readonly caches: Caches;
}

export interface AssembledApp {
  readonly config: AppConfig;
  readonly channel: AppChannel;
  readonly handler: Handler;
}

export interface AssembleContext {
  readonly front: number;
  readonly queues: Readonly<Record<string, number>>;
  /** By the name of the limit; shared by all fronts. */
  readonly rates: Readonly<Record<string, RateMemory>>;
  readonly log: Log;
  /** A spool asked for more than all of them may hold. */
  readonly spoolRefused: (what: SpoolResource) => void;
  /** Kept replies that have changed, for the caches of the other fronts. */
  readonly changed: (places: readonly string[]) => void;
}

export function assemble(config: Config, context: AssembleContext): Assembly {
  const budget = makeBudget(config, context);
  const apps = new Map(config.apps.map((app) => [app.name, assembleApp(app, config, context, budget)]));
  const scope = makeScope(config);
  const upstreams = new Map(
    config.upstreams.map((upstream) => [upstream.name, assembleUpstream(upstream, scope, context.log)]),
  );
  const guards = new Guards(config, context.rates, scope, context.log);
  const caches = new Caches(config.server.fronts, context.changed);
  const targets: Targets = {
    config,
    caches,
    budget,
    scope,
    guards,
    apps,
    upstreams,
    files: { cache: new FileCache(), log: context.log },
  };
  const serverRules = joinRules(makeServerRules(config.server.serverHeader));
  const serverTrust = makeTrust(config.server.trustedProxies);
  const sites = config.sites.map((site) => ({
    config: site,
    handler: makeSiteHandler(site, targets),
    trust: site.trustedProxies === undefined ? serverTrust : makeTrust(site.trustedProxies),
  }));
  const handlers = new Map<string, Handler>();
  for (const site of config.sites) {
    for (const address of site.listen) {
      const key = listenKey(address);
      if (!handlers.has(key))
        handlers.set(
          key,
          makeHostHandler(
            sites.filter((other) => listensOn(other.config, key)),
            serverRules,
            serverTrust,
          ),
        );
    }
  }
  return { handlers, apps, upstreams: [...upstreams.values()], caches };
}

interface Targets {
  readonly config: Config;
  readonly caches: Caches;
  readonly budget: SpoolBudget;
  readonly scope: Scope;
  readonly guards: Guards;
  readonly apps: ReadonlyMap<string, AssembledApp>;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** What all file routes share: one bound on the memory of all of them. */
  readonly files: { readonly cache: FileCache; readonly log: Log };
}

/** A front's part of what the whole server may spool. */
function makeBudget(config: Config, context: AssembleContext): SpoolBudget {
  const { fronts, limits } = config.server;
  return new SpoolBudget({
    memoryBytesMax: Math.floor(limits.spoolMemoryBytesMax / fronts),
    diskBytesMax: Math.floor(limits.spoolDiskBytesMax / fronts),
    refused: context.spoolRefused,
  });
}

/** Undefined when nobody is named: then nothing is asked and nothing is held back. */
function makeTrust(proxies: readonly string[]): Trust | undefined {
  return proxies.length === 0 ? undefined : compileAddressSet(proxies);
}

interface AssembledSite {
  readonly config: SiteConfig;
  readonly trust: Trust | undefined;
  readonly handler: Handler;
}

/** Host → site; a Host that no site has never reaches one (RFC 9110 section 15.5.20). */
function makeHostHandler(
  sites: readonly AssembledSite[],
  serverRules: HeaderRules | undefined,
  serverTrust: Trust | undefined,
): Handler {
  const select = selectSite(sites);
  return (exchange) => {
    exchange.headerRules = serverRules;
    const site = select(exchange.head.host, exchange);
    const trust = site === undefined ? serverTrust : site.trust;
    if (trust !== undefined) settleClient(exchange, trust);
    if (site === undefined || schemeIsMisdirected(exchange)) return answer(exchange, 421);
    exchange.site = site.config.label;
    site.handler(exchange);
  };
}

/** Path → route. Methods that no route can serve end here: CONNECT (we are no forward proxy), TRACE (it would show a
 *  script the cookies it may not see), and `OPTIONS *`, which asks nothing of any resource (RFC 9110 section 9.3.7). */
function makeSiteHandler(site: SiteConfig, targets: Targets): Handler {
  const pagesOf = sharedPages(site, targets, (exchange) => answerPage(exchange));
  const again: Handler = (exchange) => handle(exchange);
  const select = selectRoute(site, (route) => assembleRoute(route, { site, targets, again }, pagesOf));
  const siteRules = rulesOf(site, undefined, targets);
  const sitePages = pagesOf(site.guards.errorPages);
  const unmatched = targets.guards.around(site.guards, (exchange) => answer(exchange, 404));
  const { passesUnderscores } = site;
  const handle: Handler = (exchange) => {
    const { head } = exchange;
    exchange.headerRules = siteRules;
    exchange.errorPages = sitePages;
    exchange.passesUnderscores = passesUnderscores;
    if (head.form === "asterisk") return answer(exchange, 204);
    if (head.method === "CONNECT" || head.method === "TRACE") return answer(exchange, 405, allowed());
    const found = select(head.path, exchange);
    if (found === undefined) return unmatched(exchange);
    exchange.mount = found.mount;
    exchange.headerRules = found.value.headerRules;
    exchange.errorPages = found.value.errorPages;
    exchange.bodyBytesMax = found.value.bodyBytesMax;
    found.value.handler(exchange);
  };
  /** The page of an error: its route without guards, since whoever was refused may read why. */
  const answerPage: Handler = (exchange) => {
    const found = select(exchange.head.path, exchange);
    if (found === undefined) return answer(exchange, 404);
    exchange.mount = found.mount;
    found.value.target(exchange);
  };
  return handle;
}

/** Routes that say nothing of their own share the pages of their site. */
function sharedPages(site: SiteConfig, targets: Targets, dispatch: Handler): PagesOf {
  const made = new Map<GuardsConfig["errorPages"], ErrorAnswers | undefined>();
  return (pages) => {
    if (!made.has(pages)) made.set(pages, targets.guards.errorPages(pages, site.charset, dispatch));
    return made.get(pages);
  };
}

type PagesOf = (pages: GuardsConfig["errorPages"]) => ErrorAnswers | undefined;

function allowed(): Fields {
  return Fields.of([["Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]]);
}

interface AssembledRoute {
  readonly handler: Handler;
  /** Without guards. */
  readonly target: Handler;
  /** Of the server, the site and the route together. */
  readonly headerRules: HeaderRules | undefined;
  readonly errorPages: ErrorAnswers | undefined;
  readonly bodyBytesMax: number;
}

interface Surroundings {
  readonly site: SiteConfig;
  readonly targets: Targets;
  /** Answers another path of the site. */
  readonly again: Handler;
}

function assembleRoute(route: RouteConfig, around: Surroundings, pagesOf: PagesOf): AssembledRoute {
  const { site, targets } = around;
  const target = makeTarget(route.target, route, around);
  return {
    handler: targets.guards.around(route.guards, target),
    target,
    headerRules: rulesOf(site, route, targets),
    errorPages: pagesOf(route.guards.errorPages),
    bodyBytesMax: bodyBytesMaxOf(route, site),
  };
}

function makeTarget(target: RouteTarget, route: RouteConfig, around: Surroundings): Handler {
  const { site, targets } = around;
  const scope = routeScope(route.match, site.names, targets.scope);
  const intercepted = (handler: Handler) => (route.guards.intercept ? withIntercept(handler) : handler);
  const cached = ({ cache }: { readonly cache?: ResponseCacheConfig | undefined }, handler: Handler) =>
    targets.caches.around(cache, scope, handler);
  switch (target.kind) {
    case "files": {
      const options = filesOptions(target, site.charset, scope, targets.files);
      if (route.fallback === undefined || target !== route.target) return makeFilesHandler(options);
      const { candidates, otherwise } = route.fallback;
      return makeTryHandler({ ...options, candidates, otherwise: makeOtherwise(otherwise, route, around) });
    }
    case "app":
      return intercepted(cached(target, named(targets.apps.get(target.app), target.app).handler));
    case "upstream":
      return intercepted(cached(target, proxyTo(target, targets, scope)));
    case "redirect":
      return makeRedirectHandler({ to: makeTemplate(target.to, scope), status: target.status });
    case "respond":
      return makeRespondHandler({
        status: target.status,
        body: makeTemplate(target.body, scope),
        contentType: target.contentType,
      });
  }
}

function proxyTo(target: Extract<RouteTarget, { kind: "upstream" }>, targets: Targets, scope: Scope): Handler {
  return makeProxyHandler(named(targets.upstreams.get(target.upstream), target.upstream), {
    temporaryDirectory: targets.config.server.temporaryDirectory,
    budget: targets.budget,
    stripPrefix: target.stripPrefix,
    uri: target.uri === undefined ? undefined : makeTemplate(target.uri, scope),
  });
}

function makeOtherwise(otherwise: FallbackConfig["otherwise"], route: RouteConfig, around: Surroundings): Handler {
  switch (otherwise.kind) {
    case "status":
      return (exchange) => answer(exchange, otherwise.status);
    case "path":
      return (exchange) => passOn(exchange, otherwise.path, around.again);
    case "target":
      return makeTarget(otherwise.target, route, around);
  }
}

/** From the outside inwards: what is said nearer to the target has the last word. */
function rulesOf(site: SiteConfig, route: RouteConfig | undefined, targets: Targets): HeaderRules | undefined {
  const { config, scope } = targets;
  const siteRules = makeHeaderRules(site.headers, siteScope(site.names, scope));
  if (route === undefined) return joinRules(makeServerRules(config.server.serverHeader), siteRules);
  const ofRoute = routeScope(route.match, site.names, scope);
  const routeRules = makeHeaderRules(withCacheStatus(route), ofRoute);
  return joinRules(makeServerRules(config.server.serverHeader), siteRules, routeRules);
}

function withCacheStatus({ target, headers }: RouteConfig): RouteConfig["headers"] {
  const isShown = (target.kind === "app" || target.kind === "upstream") && target.cache?.showsStatus === true;
  return isShown ? [{ kind: "set", name: "X-Cache", value: "$upstream_cache_status" }, ...(headers ?? [])] : headers;
}

/** The checked configuration names only what exists. */
function named<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw new Error(`the configuration was not checked: nothing is called ${name}`);
  return found;
}

function assembleApp(app: AppConfig, config: Config, context: AssembleContext, budget: SpoolBudget): AssembledApp {
  const queueFd = context.queues[app.name];
  if (queueFd === undefined) throw new Error(`no queue for app ${app.name}`);
  const channel = new AppChannel(
    {
      app: app.name,
      front: context.front,
      queueFd,
      queueMax: app.queueMax,
      queueTimeoutMs: app.queueTimeoutMs,
      temporaryDirectory: config.server.temporaryDirectory,
      budget,
    },
    context.log,
  );
  return { config: app, channel, handler: makeAppHandler(channel) };
}
