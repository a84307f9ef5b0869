/** How a request finds its site and route: asked by the handlers of a front (assemble.ts) and by `server explain` alike. */
import type { RouteConfig, SiteConfig } from "../config/config.ts";
import { listenKey } from "../config/listen.ts";
import { compileHosts } from "../exchange/hosts.ts";
import { compileRoutes } from "../exchange/router.ts";

export function listensOn(site: SiteConfig, key: string): boolean {
  return site.listen.some((address) => listenKey(address) === key);
}

/** Host → site, among those of one listener. */
export function selectSite<T extends { readonly config: SiteConfig }>(sites: readonly T[]) {
  return compileHosts(
    sites.map((site) => ({ names: site.config.names, isDefault: site.config.isDefault, value: site })),
  );
}

/** The site of clients that name none in a TLS handshake: the default one, or the only one. */
export function namelessSite<T extends { readonly config: SiteConfig }>(sites: readonly T[]): T | undefined {
  return sites.find((site) => site.config.isDefault) ?? (sites.length === 1 ? sites[0] : undefined);
}

/** Path → route; `make` gives what stands for it. */
export function selectRoute<T>(site: SiteConfig, make: (route: RouteConfig) => T) {
  return compileRoutes(site.routes.map((route) => ({ match: route.match, value: make(route) })));
}

/** Bytes; 0 for no bound. */
export function bodyBytesMaxOf(route: RouteConfig, site: SiteConfig): number {
  return route.bodyBytesMax ?? site.bodyBytesMax;
}
