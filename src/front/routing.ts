/** How a request finds its site and route: asked by the handlers of a front (assemble.ts) and by `server explain` alike. */
import type { RouteConfig, SiteConfig } from "../config/config.ts";
import { listenKey } from "../config/listen.ts";
import { isAddressName } from "../config/public-names.ts";
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

/** The site of clients that name none in a TLS handshake. Those of today do so when they are sent to an address (RFC 6066
 *  section 3), so it is the site that is called by the address of the listener, or the only one that is called by any; else
 *  the default one, or the only one. `key`: of the listener (listenKey). */
export function namelessSite<T extends { readonly config: SiteConfig }>(
  sites: readonly T[],
  key: string,
): T | undefined {
  const address = key.replace(/:\d+$/, "");
  const addressed = sites.filter(({ config }) => config.names.some(isAddressName));
  return (
    addressed.find(({ config }) => config.names.includes(address)) ??
    onlyOne(addressed) ??
    sites.find(({ config }) => config.isDefault) ??
    onlyOne(sites)
  );
}

function onlyOne<T>(all: readonly T[]): T | undefined {
  return all.length === 1 ? all[0] : undefined;
}

/** Path → route; `make` gives what stands for it. */
export function selectRoute<T>(site: SiteConfig, make: (route: RouteConfig) => T) {
  return compileRoutes(site.routes.map((route) => ({ match: route.match, value: make(route) })));
}

/** Bytes; 0 for no bound. */
export function bodyBytesMaxOf(route: RouteConfig, site: SiteConfig): number {
  return route.bodyBytesMax ?? site.bodyBytesMax;
}
