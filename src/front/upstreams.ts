/** From [upstream.NAME] of the configuration to an upstream: its strings become templates and rules; and what routes to it are. */
import type { Log } from "../base/log.ts";
import type { Config, RouteConfig, RouteTarget, SiteConfig } from "../config/config.ts";
import type { NamedTemplate, UpstreamConfig } from "../config/upstream-config.ts";
import type { CountSketch } from "../exchange/count-sketch.ts";
import { joinRules } from "../exchange/reply-headers.ts";
import type { Handler } from "../exchange/exchange.ts";
import type { Scope } from "../exchange/scope.ts";
import type { SpoolBudget } from "../exchange/spool-budget.ts";
import { makeProxyHandler } from "../proxy/handler.ts";
import { Upstream } from "../proxy/upstream.ts";
import type { Heirlooms } from "./heirlooms.ts";
import { makeHeaderRules, makeTemplate } from "./templates.ts";

export function assembleUpstream(config: UpstreamConfig, scope: Scope, log: Log, counts: CountSketch): Upstream {
  const optional = (text: string | undefined) => (text === undefined ? undefined : makeTemplate(text, scope));
  const rewrites = (entries: readonly NamedTemplate[] = []) =>
    entries.map(({ name, value }) => ({ from: name, to: makeTemplate(value, scope) }));
  const { params = [] } = config;
  const options = {
    ...config,
    hashKey: optional(config.hashKey),
    host: optional(config.host),
    headersUp: joinRules(makeHeaderRules(config.headersUp, scope, "request")),
    headersDown: joinRules(makeHeaderRules(config.headersDown, scope)),
    cookieDomains: rewrites(config.cookieDomains),
    cookiePaths: rewrites(config.cookiePaths),
    params: params.map(({ name, value }) => ({ name, value: makeTemplate(value, scope) })),
  };
  return new Upstream(options, log, counts);
}

/** What it is made of. Its drain_timeout is asked of the configuration (Serving.drainTimeoutMs), and maps are of no concern to one that
 *  has no variables: nobody's WebSocket is to end because of them. */
export function upstreamFrom(config: UpstreamConfig, { maps }: Config): unknown {
  const from = { ...config, drainTimeoutMs: undefined };
  return JSON.stringify(from).includes("$") ? [from, maps] : [from];
}

/** A route of a site by which an upstream is asked; the same object as long as both are there. */
export interface UpstreamRoute {
  readonly upstream: Upstream;
}

export interface UpstreamTargetParts {
  readonly config: Config;
  readonly budget: SpoolBudget;
  readonly site: SiteConfig;
  readonly route: RouteConfig;
  readonly scope: Scope;
  readonly heirlooms: { readonly upstreamRoutes: Heirlooms<UpstreamRoute> };
}

export function makeUpstreamTarget(
  { stripPrefix, uri }: Extract<RouteTarget, { kind: "upstream" }>,
  upstream: Upstream,
  { config, budget, site, route, scope, heirlooms }: UpstreamTargetParts,
): Handler {
  const upstreams = config.upstreams.filter(({ name }) => name === upstream.name);
  const from = [site.label, route.pattern, upstreams.map((each) => upstreamFrom(each, config))];
  return makeProxyHandler(upstream, {
    identity: heirlooms.upstreamRoutes.of(from, () => ({ upstream })),
    temporaryDirectory: config.server.temporaryDirectory,
    budget,
    stripPrefix,
    uri: uri === undefined ? undefined : makeTemplate(uri, scope),
  });
}
