/**
 * From the configuration to handlers: the one place where rooms that do not know each other are put together, and where
 * each gets its own small options.
 */
import type { Log } from "../base/log.ts";
import { AppChannel } from "../apps/channel.ts";
import { makeAppHandler } from "../apps/handler.ts";
import type { AppConfig, Config, RouteConfig, SiteConfig, UpstreamConfig } from "../config/config.ts";
import { listenKey } from "../config/listen.ts";
import { answer } from "../exchange/canned.ts";
import type { Exchange, Handler } from "../exchange/exchange.ts";
import { compileHosts } from "../exchange/hosts.ts";
import { makeRedirectHandler } from "../exchange/redirect.ts";
import { makeRespondHandler } from "../exchange/respond.ts";
import { compileRoutes } from "../exchange/router.ts";
import { FileCache } from "../files/cache.ts";
import { makeFilesHandler } from "../files/handler.ts";
import { Fields } from "../protocol/http/fields.ts";
import { makeProxyHandler } from "../proxy/handler.ts";
import { Upstream } from "../proxy/upstream.ts";

export interface Assembly {
  /** Listener key → what answers there. */
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly apps: ReadonlyMap<string, AssembledApp>;
  readonly upstreams: readonly Upstream[];
}

export interface AssembledApp {
  readonly config: AppConfig;
  readonly channel: AppChannel;
  readonly handler: Handler;
}

export interface AssembleContext {
  readonly front: number;
  readonly queues: Readonly<Record<string, number>>;
  readonly log: Log;
}

export function assemble(config: Config, context: AssembleContext): Assembly {
  const apps = new Map(config.apps.map((app) => [app.name, assembleApp(app, config, context)]));
  const upstreams = new Map(
    config.upstreams.map((upstream) => [upstream.name, assembleUpstream(upstream, context.log)]),
  );
  const targets: Targets = { config, apps, upstreams, files: { cache: new FileCache(), log: context.log } };
  const sites = config.sites.map((site) => ({ config: site, handler: makeSiteHandler(site, targets) }));
  const handlers = new Map<string, Handler>();
  for (const site of config.sites) {
    for (const address of site.listen) {
      const key = listenKey(address);
      if (!handlers.has(key)) handlers.set(key, makeHostHandler(sites.filter((other) => listensOn(other.config, key))));
    }
  }
  return { handlers, apps, upstreams: [...upstreams.values()] };
}

interface Targets {
  readonly config: Config;
  readonly apps: ReadonlyMap<string, AssembledApp>;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** What all file routes share: one bound on the memory of all of them. */
  readonly files: { readonly cache: FileCache; readonly log: Log };
}

interface AssembledSite {
  readonly config: SiteConfig;
  readonly handler: Handler;
}

function listensOn(site: SiteConfig, key: string): boolean {
  return site.listen.some((address) => listenKey(address) === key);
}

/** Host → site; a Host that no site has never reaches one (RFC 9110 section 15.5.20). */
function makeHostHandler(sites: readonly AssembledSite[]): Handler {
  const select = compileHosts(sites.map((site) => ({ names: site.config.names, value: site })));
  return (exchange) => {
    const site = select(exchange.head.host);
    if (site === undefined) return answer(exchange, 421);
    exchange.site = site.config.label;
    site.handler(exchange);
  };
}

/** Path → route. Methods that no route can serve end here: CONNECT (we are no forward proxy), TRACE (it would show a
 *  script the cookies it may not see), and `OPTIONS *`, which asks nothing of any resource (RFC 9110 section 9.3.7). */
function makeSiteHandler(site: SiteConfig, targets: Targets): Handler {
  const routes = site.routes.map((route) => ({ match: route.match, value: assembleRoute(route, site, targets) }));
  const select = compileRoutes(routes);
  return (exchange) => {
    const { head } = exchange;
    if (head.form === "asterisk") return answer(exchange, 204);
    if (head.method === "CONNECT" || head.method === "TRACE") return answer(exchange, 405, allowed());
    const found = select(head.path);
    if (found === undefined) return answer(exchange, 404);
    exchange.mount = found.mount;
    exchange.bodyBytesMax = found.value.bodyBytesMax;
    if (isTooLarge(exchange)) return answer(exchange, 413);
    found.value.handler(exchange);
  };
}

function allowed(): Fields {
  return Fields.of([["Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]]);
}

function isTooLarge(exchange: Exchange): boolean {
  return exchange.bodyBytesMax > 0 && exchange.head.bodyLength > exchange.bodyBytesMax;
}

interface AssembledRoute {
  readonly handler: Handler;
  readonly bodyBytesMax: number;
}

function assembleRoute(route: RouteConfig, site: SiteConfig, targets: Targets): AssembledRoute {
  return { handler: makeTarget(route, site, targets), bodyBytesMax: route.bodyBytesMax ?? site.bodyBytesMax };
}

function makeTarget(route: RouteConfig, site: SiteConfig, targets: Targets): Handler {
  const { target } = route;
  switch (target.kind) {
    case "files":
      return makeFilesHandler({
        root: target.path,
        single: target.single,
        index: target.index,
        cacheControl: target.cacheControl,
        charset: site.charset,
        ...targets.files,
      });
    case "app":
      return named(targets.apps.get(target.app), target.app).handler;
    case "upstream":
      return makeProxyHandler(named(targets.upstreams.get(target.upstream), target.upstream), {
        temporaryDirectory: targets.config.server.temporaryDirectory,
      });
    case "redirect":
      return makeRedirectHandler({ to: target.to, status: target.status });
    case "respond":
      return makeRespondHandler({ status: target.status, body: target.body, contentType: target.contentType });
  }
}

/** The checked configuration names only what exists. */
function named<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw new Error(`the configuration was not checked: nothing is called ${name}`);
  return found;
}

function assembleApp(app: AppConfig, config: Config, context: AssembleContext): AssembledApp {
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
    },
    context.log,
  );
  return { config: app, channel, handler: makeAppHandler(channel) };
}

function assembleUpstream(upstream: UpstreamConfig, log: Log): Upstream {
  return new Upstream(upstream, log);
}
