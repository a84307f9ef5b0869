/**
 * From the configuration to handlers: the one place where rooms that do not know each other are put together, and where
 * each gets its own small options.
 */
import { makeAppHandler } from "../apps/handler.ts";
import type {
  Config,
  FallbackConfig,
  ResponseCacheConfig,
  RouteConfig,
  RouteTarget,
  SiteConfig,
} from "../config/config.ts";
import type { GuardsConfig } from "../config/guards-config.ts";
import { listenKey } from "../config/listen.ts";
import { compileAddressSet } from "../exchange/address-set.ts";
import { ALLOW_ANY } from "../exchange/allow.ts";
import { answer } from "../exchange/canned.ts";
import { Charset } from "../exchange/charset.ts";
import type { CountSketch } from "../exchange/count-sketch.ts";
import type { Trust } from "../exchange/client-address.ts";
import type { Account, ErrorAnswers, Handler } from "../exchange/exchange.ts";
import { withExpectation } from "../exchange/expectation.ts";
import { withIntercept } from "../exchange/intercept.ts";
import { passOn } from "../exchange/internal.ts";
import { mountedAt } from "../exchange/mount.ts";
import { type RuleContext, withRules } from "../exchange/rules.ts";
import type { SpoolBudget } from "../exchange/spool-budget.ts";
import { type HeaderRules, joinRules } from "../exchange/reply-headers.ts";
import type { Scope } from "../exchange/scope.ts";
import { routeScope, siteScope } from "../exchange/site-scope.ts";
import { makeDirectoriesHandler, makeTryHandler } from "../files/try.ts";
import type { Fields } from "../protocol/http/fields.ts";
import type { Upstream } from "../proxy/upstream.ts";
import { accelerated as withAcceleration } from "./accelerate.ts";
import { allowOf } from "./allow.ts";
import { type AssembledApp, assembleApp, type AppsContext } from "./apps.ts";
import type { Siblings } from "../cache/siblings.ts";
import { Caches } from "./caches.ts";
import type { Challenges } from "./challenges.ts";
import { Compressions } from "./compressions.ts";
import { filesOptions, type SharedFiles, shareFiles } from "./files-options.ts";
import { Guards, type GuardsContext } from "./guards.ts";
import { rulesOf } from "./header-rules.ts";
import { Heirlooms } from "./heirlooms.ts";
import { makeHostHandler, withHttps } from "./host-handler.ts";
import type { RefusalOptions } from "./options.ts";
import { UndeclaredProxy } from "./undeclared-proxy.ts";
import { makeAnswer, makeRules } from "./rules.ts";
import { bodyBytesMaxOf, listensOn, selectRoute } from "./routing.ts";
import { assembleUpstream, makeUpstreamTarget, type UpstreamRoute, upstreamFrom } from "./upstreams.ts";
import { makeScope, makeServerRules } from "./templates.ts";

export interface Assembly {
  /** Listener key → what answers there. */
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly apps: ReadonlyMap<string, AssembledApp>;
  readonly upstreams: readonly Upstream[];
  readonly heirlooms: AssemblyHeirlooms;
  /** Listener key → fields and pages of answers to what never became a request; see refused-reply.ts. */
  readonly refusals: ReadonlyMap<string, RefusalOptions>;
  readonly caches: Caches;
  readonly accounts: Accounts;
}

/** Where requests are booked. */
export interface Accounts {
  /** That reach no site. */
  readonly server: Account;
  /** Of a route; without one those of the site that reach none. */
  of(site: SiteConfig, route?: RouteConfig): Account;
  /** Of what a gateway asks an app. */
  ofApp(app: string): Account;
}

interface AssemblyHeirlooms {
  readonly upstreams: Heirlooms<Upstream>;
  readonly upstreamRoutes: Heirlooms<UpstreamRoute>;
  readonly files: Heirlooms<SharedFiles>;
  readonly fileHandlers: Heirlooms<Handler>;
}

export interface AssembleContext extends AppsContext, GuardsContext {
  /** Another thread was this front before. */
  readonly replaced: boolean;
  /** Requests of each server of an upstream, of all fronts. */
  readonly servers: CountSketch;
  readonly challenges: Challenges;
  readonly accounts: Accounts;
  /** What is served until now. */
  readonly before: Assembly | undefined;
  /** Kept replies that have changed, for the caches of the other fronts. */
  readonly changed: (places: readonly string[]) => void;
  readonly siblings: Siblings;
}

/** Nothing is changed by it: what it takes over from `before` goes on serving that. */
export function assemble(config: Config, context: AssembleContext): Assembly {
  const { before, log } = context;
  const apps = new Map(config.apps.map((app) => [app.name, assembleApp(app, config, context)]));
  const scope = makeScope(config);
  const heirlooms = {
    upstreams: new Heirlooms(before?.heirlooms.upstreams),
    upstreamRoutes: new Heirlooms(before?.heirlooms.upstreamRoutes),
    files: new Heirlooms(before?.heirlooms.files),
    fileHandlers: new Heirlooms(before?.heirlooms.fileHandlers),
  };
  const upstreams = new Map(
    config.upstreams.map((upstream) => [
      upstream.name,
      heirlooms.upstreams.of(upstreamFrom(upstream, config), () =>
        assembleUpstream(upstream, scope, log, context.servers),
      ),
    ]),
  );
  const caches = assembleCaches(config, context);
  const targets: Targets = {
    config,
    caches,
    heirlooms,
    budget: context.budget,
    scope,
    guards: new Guards(config, context, scope),
    apps,
    upstreams,
    compressions: new Compressions(),
    accounts: context.accounts,
    files: heirlooms.files.of(config.server.fileCache, () => shareFiles(config.server.fileCache, log)),
    challenges: context.challenges,
  };
  const sites = assembleSites(config, targets);
  return { ...sites, apps, upstreams: [...upstreams.values()], caches, heirlooms, accounts: context.accounts };
}

function assembleCaches(config: Config, context: AssembleContext): Caches {
  const { front, replaced, before, changed, siblings, log } = context;
  return new Caches({
    server: config.file,
    front,
    fronts: config.server.fronts,
    // What was to be forgotten while nobody looked at it may still be there.
    keepsDisk: !replaced && before === undefined,
    changed,
    siblings,
    log,
    before: before?.caches,
  });
}

function assembleSites(config: Config, targets: Targets): Pick<Assembly, "handlers" | "refusals"> {
  const serverRules = joinRules(makeServerRules(config.server.serverHeader));
  const { guards, scope } = targets;
  const { log } = targets.files;
  const undeclared = new UndeclaredProxy(log);
  const serverTrust = makeTrust(config.server.trustedProxies);
  const sites = config.sites.map((site) => ({
    config: site,
    handler: withHttps(site, withExpectation(makeSiteHandler(site, targets)), scope),
    headerRules: rulesOf(site, undefined, targets),
    account: targets.accounts.of(site),
    trust: site.trustedProxies === undefined ? serverTrust : makeTrust(site.trustedProxies),
  }));
  const handlers = new Map<string, Handler>();
  const refusals = new Map<string, RefusalOptions>();
  for (const key of new Set(config.sites.flatMap((site) => site.listen.map(listenKey)))) {
    const listening = sites.filter((site) => listensOn(site.config, key));
    handlers.set(
      key,
      makeHostHandler(listening, key, { serverRules, serverTrust, undeclared, log, challenges: targets.challenges }),
    );
    const fallback = listening.find((site) => site.config.isDefault);
    const refusalPages = fallback === undefined ? undefined : guards.refusalPages(fallback.config, scope);
    refusals.set(key, { refusalRules: fallback === undefined ? serverRules : fallback.headerRules, refusalPages });
  }
  return { handlers, refusals };
}

interface Targets {
  readonly config: Config;
  readonly caches: Caches;
  readonly budget: SpoolBudget;
  readonly scope: Scope;
  readonly guards: Guards;
  readonly apps: ReadonlyMap<string, AssembledApp>;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly compressions: Compressions;
  readonly accounts: Accounts;
  /** What all file routes share: one bound on the memory of all of them. */
  readonly files: SharedFiles;
  readonly heirlooms: AssemblyHeirlooms;
  readonly challenges: Challenges;
}

/** Undefined when nobody is named: then nothing is asked and nothing is held back. */
function makeTrust(proxies: readonly string[]): Trust | undefined {
  return proxies.length === 0 ? undefined : compileAddressSet(proxies);
}

/** Path → route. Methods that no route can serve end here: CONNECT (we are no forward proxy), TRACE (it would show a
 *  script the cookies it may not see), and `OPTIONS *`, which asks nothing of any resource (RFC 9110 section 9.3.7). */
function makeSiteHandler(site: SiteConfig, targets: Targets): Handler {
  const pagesOf = sharedPages(site, targets, (exchange) => answerPage(exchange));
  const mergeSlashes = targets.config.server.mergeSlashes;
  const context: RuleContext = { mergeSlashes, again: (exchange) => again(exchange) };
  const ask: Handler = (exchange) => answerUnguarded(exchange);
  const select = selectRoute(site, (route) => assembleRoute(route, { site, targets, context, ask }, pagesOf));
  const siteRules = rulesOf(site, undefined, targets);
  const sitePages = pagesOf(site.guards.errorPages);
  const unmatched = targets.guards.around(site.guards, (exchange) => answer(exchange, 404), ask);
  const { passesUnderscores } = site;
  const entered = (next: Handler): Handler => {
    return (exchange) => {
      const { head } = exchange;
      exchange.headerRules = siteRules;
      exchange.errorPages = sitePages;
      exchange.passesUnderscores = passesUnderscores;
      if (head.form === "asterisk") return answer(exchange, 204);
      if (head.method === "CONNECT" || head.method === "TRACE")
        return answer(exchange, 405, select(head.path)?.value.allow ?? ALLOW_ANY);
      next(exchange);
    };
  };
  const routed: Handler = (exchange) => {
    const found = select(exchange.head.path, exchange);
    if (found === undefined) return unmatched(exchange);
    exchange.mount = found.mount;
    exchange.headerRules = found.value.headerRules;
    exchange.errorPages = found.value.errorPages;
    exchange.bodyBytesMax = found.value.bodyBytesMax;
    exchange.account = found.value.account;
    // Exchanges of clients have depth 0.
    if (found.value.internal && exchange.depth === 0) return answer(exchange, 404);
    found.value.handler(exchange);
  };
  const again = entered(routed);
  /** The page of an error: its route without guards, since whoever was refused may read why. */
  const answerPage: Handler = (exchange) => {
    const found = select(exchange.head.path, exchange);
    if (found === undefined) return answer(exchange, 404);
    exchange.mount = found.mount;
    found.value.target(exchange);
  };
  /** What is asked beside a request. */
  const answerUnguarded: Handler = (exchange) => {
    const found = select(exchange.head.path, exchange);
    if (found === undefined) return answer(exchange, 404);
    exchange.mount = found.mount;
    found.value.unguarded(exchange);
  };
  const rules = makeRules(site.rules, siteScope(site.names, targets.scope));
  return rules.length === 0 ? again : entered(withRules(rules, routed, context));
}

/** Routes that say nothing of their own share the pages of their site. */
function sharedPages(site: SiteConfig, targets: Targets, dispatch: Handler): PagesOf {
  const scope = siteScope(site.names, targets.scope);
  const made = new Map<GuardsConfig["errorPages"], ErrorAnswers | undefined>();
  return (pages) => {
    if (!made.has(pages)) made.set(pages, targets.guards.errorPages(pages, site, dispatch, scope));
    return made.get(pages);
  };
}

type PagesOf = (pages: GuardsConfig["errorPages"]) => ErrorAnswers | undefined;

interface AssembledRoute {
  readonly handler: Handler;
  /** Without guards. */
  readonly unguarded: Handler;
  /** … and without rules. */
  readonly target: Handler;
  /** Of the server, the site and the route together. */
  readonly headerRules: HeaderRules | undefined;
  readonly errorPages: ErrorAnswers | undefined;
  readonly bodyBytesMax: number;
  readonly internal: boolean;
  readonly allow: Fields;
  readonly account: Account;
}

interface Surroundings {
  readonly site: SiteConfig;
  readonly targets: Targets;
  /** With what answers another path of the site. */
  readonly context: RuleContext;
  /** Answers a path of the site without its guards. */
  readonly ask: Handler;
}

function assembleRoute(route: RouteConfig, around: Surroundings, pagesOf: PagesOf): AssembledRoute {
  const { site, targets } = around;
  const target = makeTarget(route.target, route, around);
  const rules = makeRules(route.rules, routeScope(route.match, site.names, targets.scope));
  return {
    handler: withRules(rules, targets.guards.around(route.guards, target, around.ask), around.context),
    unguarded: withRules(rules, target, around.context),
    target,
    headerRules: rulesOf(site, route, targets),
    errorPages: pagesOf(route.guards.errorPages),
    bodyBytesMax: bodyBytesMaxOf(route, site),
    internal: route.internal,
    allow: allowOf(route),
    account: targets.accounts.of(site, route),
  };
}

function makeTarget(target: RouteTarget, route: RouteConfig, around: Surroundings): Handler {
  const { site, targets } = around;
  const scope = routeScope(route.match, site.names, targets.scope);
  const scopeFrom = [route.match, site.names, targets.config.maps];
  const compressed = (handler: Handler) => targets.compressions.around(route.encoding.compress, handler);
  /** An error page in place of an app's is compressed as the app's would have been. */
  const intercepted = (handler: Handler) => compressed(route.guards.intercept ? withIntercept(handler) : handler);
  const accelerated = (handler: Handler, roots: readonly string[]) =>
    withAcceleration(handler, {
      sendfileRoots: roots,
      dispatch: around.context.again,
      mergeSlashes: targets.config.server.mergeSlashes,
      charset: Charset.of(route.encoding),
      files: { cache: targets.files.cache, openFiles: targets.files.openFiles, young: targets.files.young },
      log: targets.files.log,
    });
  /** What is kept is kept compressed; what the replies ask this server to do is asked each time. */
  const cached = ({ cache }: { readonly cache?: ResponseCacheConfig | undefined }, handler: Handler) =>
    cache === undefined
      ? handler
      : targets.caches.around(`${site.label} ${route.pattern}`, cache, scope, scopeFrom, compressed(handler));
  switch (target.kind) {
    case "files": {
      const { files, compressions, config, heirlooms } = targets;
      const options = () => filesOptions(target, { site, route }, scope, { ...files, compressions });
      if (route.fallback === undefined || target !== route.target) {
        const from = [target, route.encoding, site.types, scopeFrom, config.server.fileCache];
        return heirlooms.fileHandlers.of(from, () => makeDirectoriesHandler(options()));
      }
      const { candidates, otherwise } = route.fallback;
      return makeTryHandler({ directories: options(), candidates, otherwise: makeOtherwise(otherwise, route, around) });
    }
    case "app":
      return intercepted(
        accelerated(cached(target, mountedApp(target, targets)), sendfileRoots(targets.config.apps, target.app)),
      );
    case "upstream":
      return intercepted(
        accelerated(
          cached(target, makeUpstreamTarget(target, upstreamOf(target, targets), { ...targets, site, route, scope })),
          sendfileRoots(targets.config.upstreams, target.upstream),
        ),
      );
    case "redirect":
    case "error":
      return makeAnswer(target, scope);
    case "respond":
      return compressed(makeAnswer(target, scope));
  }
}

function mountedApp(target: Extract<RouteTarget, { kind: "app" }>, targets: Targets): Handler {
  const { channel, handler: shared } = named(targets.apps.get(target.app), target.app);
  const { requestTimeoutMs } = target;
  const handler = requestTimeoutMs === undefined ? shared : makeAppHandler(channel, { requestTimeoutMs });
  return mountedAt(target.mount, handler);
}

function sendfileRoots(
  all: readonly { readonly name: string; readonly sendfileRoots: readonly string[] }[],
  name: string,
): readonly string[] {
  return all.find((each) => each.name === name)?.sendfileRoots ?? [];
}

function makeOtherwise(otherwise: FallbackConfig["otherwise"], route: RouteConfig, around: Surroundings): Handler {
  switch (otherwise.kind) {
    case "status":
      return (exchange) => answer(exchange, otherwise.status);
    case "path":
      return (exchange) => passOn(exchange, otherwise.path, around.context.again);
    case "target":
      return makeTarget(otherwise.target, route, around);
  }
}

function upstreamOf({ upstream }: Extract<RouteTarget, { kind: "upstream" }>, targets: Targets): Upstream {
  return named(targets.upstreams.get(upstream), upstream);
}

/** The checked configuration names only what exists. */
function named<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw new Error(`the configuration was not checked: nothing is called ${name}`);
  return found;
}
