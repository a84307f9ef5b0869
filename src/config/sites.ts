/** [[site]] as it was written → the site as it is served. */
import type { Scope } from "../exchange/scope.ts";
import { siteScope } from "../exchange/site-scope.ts";
import type { ResolvedSite } from "./collisions.ts";
import type { EncodingConfig, ListenAddress, RouteConfig, TypesConfig } from "./config.ts";
import type { AccessLogConfig } from "./log-config.ts";
import type { Context } from "./context.ts";
import { resolveEncoding, resolveTypes } from "./encoding.ts";
import { resolveGuards } from "./guards.ts";
import { resolveHeaders } from "./headers.ts";
import type { Section } from "./keys.ts";
import type { Placed } from "./kinds.ts";
import { everyAddress, resolveSiteListen, SOCKET_MODES, TLS_PORT } from "./listening.ts";
import { resolveSiteLog } from "./logs.ts";
import { mountsOf } from "./mounts.ts";
import { isTable, type Place } from "./place.ts";
import { resolveRoute, type RouteScopes } from "./routes.ts";
import { resolveRules } from "./rules.ts";
import { DEFAULT_LISTEN_PORT, type SITE } from "./schema-site.ts";
import { type AcmeContext, resolveHttps } from "./site-tls.ts";

/** What the server says and a site may say otherwise. */
export interface SiteDefaults {
  readonly encoding: EncodingConfig;
  readonly types: TypesConfig;
  readonly acme: AcmeContext;
  readonly accessLog: AccessLogConfig;
}

/** What is wrong was reported, and is left out. */
export function resolveSite(
  section: Section<typeof SITE>,
  context: Context,
  scope: Scope,
  server: SiteDefaults,
): ResolvedSite {
  const { place, values } = section;
  const names = values.names.map((entry) => entry.value);
  const listens = resolveListens(section, context);
  const listen = listens.map((entry) => entry.value);
  const guards = resolveGuards(section, undefined, context, siteScope(names, scope));
  const encoding = resolveEncoding(values, server.encoding);
  const config = {
    label: names[0]?.replace(/^\./, "") ?? "default",
    names,
    isDefault: values.default || names.length === 0,
    headers: resolveHeaders(values.headers, siteScope(names, scope)),
    passesUnderscores: values.underscores_in_headers === "pass",
    listen,
    ...resolveHttps(section, listen, names, context, server.acme),
    accessLog: resolveSiteLog(place, values, server.accessLog, context, siteScope(names, scope)),
    ...(values.trusted_proxies && { trustedProxies: values.trusted_proxies.map((entry) => entry.value) }),
    encoding,
    types: resolveTypes(values, server.types),
    bodyBytesMax: values.max_body_size,
    guards,
    rules: resolveRules(values.rules, "site", siteScope(names, scope)),
    routes: resolveRoutes(section, context, { names, outer: scope, guards, encoding }),
  };
  return { place, config, names: values.names, listens };
}

function resolveRoutes(
  { place, values }: Section<typeof SITE>,
  context: Context,
  site: Omit<RouteScopes, "mounts">,
): RouteConfig[] {
  const written = place.into("routes");
  if (isTable(written.value) && Object.keys(written.value).length === 0) written.unfit("one route or more");
  const scopes = { ...site, mounts: mountsOf(values.routes ?? []) };
  return (values.routes ?? []).flatMap((route) => resolveRoute(route, context, scopes) ?? []);
}

function resolveListens({ place, values }: Section<typeof SITE>, context: Context): Placed<ListenAddress>[] {
  const written = place.into("listen");
  if (!place.has("listen"))
    return at(place, defaultAddresses(values.tls !== undefined && values.tls !== "off", context));
  if (Array.isArray(written.value) && written.value.length === 0) written.unfit("one address or more");
  return (values.listen ?? []).flatMap((entry) => at(entry.place, resolveSiteListen(entry, SOCKET_MODES, context)));
}

function defaultAddresses(encrypted: boolean, context: Context): ListenAddress[] {
  const plain = everyAddress(DEFAULT_LISTEN_PORT, context);
  if (!encrypted) return plain;
  return [...plain, ...everyAddress(TLS_PORT, context).map((address) => ({ ...address, tls: true as const }))];
}

function at<T>(place: Place, values: readonly T[]): Placed<T>[] {
  return values.map((value) => ({ place, value }));
}
