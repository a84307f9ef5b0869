/** What is done to the fields of the replies of a site and its routes: the rules of server, site and route, joined. */
import type { Config, RouteConfig, SiteConfig } from "../config/config.ts";
import { Charset, type CharsetOptions } from "../exchange/charset.ts";
import {
  type HeaderRule,
  type HeaderRules,
  joinRules,
  joinWithSecure,
  type RuleLists,
} from "../exchange/reply-headers.ts";
import type { Scope } from "../exchange/scope.ts";
import { routeScope, siteScope } from "../exchange/site-scope.ts";
import { makeHeaderRules, makeHstsRules, makeServerRules } from "./templates.ts";

/** From the outside inwards: what is said nearer to the target has the last word. */
export function rulesOf(
  site: SiteConfig,
  route: RouteConfig | undefined,
  { config, scope }: { readonly config: Config; readonly scope: Scope },
): HeaderRules | undefined {
  const charset = charsetRules((route ?? site).encoding);
  const siteRules = makeHeaderRules(site.headers, siteScope(site.names, scope));
  const join = (...lists: RuleLists) =>
    site.hsts === undefined
      ? joinRules(charset, ...lists)
      : joinWithSecure(makeHstsRules(site.hsts), charset, ...lists);
  if (route === undefined) return join(makeServerRules(config.server.serverHeader), siteRules);
  const ofRoute = routeScope(route.match, site.names, scope);
  const routeRules = makeHeaderRules(withCacheStatus(route), ofRoute);
  return join(makeServerRules(config.server.serverHeader), siteRules, routeRules);
}

function charsetRules(options: CharsetOptions): readonly HeaderRule[] | undefined {
  const charset = Charset.of(options);
  return charset === undefined ? undefined : [{ kind: "charset", charset }];
}

function withCacheStatus({ target, headers }: RouteConfig): RouteConfig["headers"] {
  const isShown = (target.kind === "app" || target.kind === "upstream") && target.cache?.showsStatus === true;
  return isShown ? [{ kind: "set", name: "X-Cache", value: "$upstream_cache_status" }, ...(headers ?? [])] : headers;
}
