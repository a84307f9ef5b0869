/**
 * nginx passed to a socket, and uWSGI or gunicorn listened on it: here one server does both, so routes to an upstream whose servers are
 * sockets of an imported app lead to the app, and upstream and socket go. What uWSGI served there besides the app is served
 * below the routes that lead to it; such a socket may speak HTTP (http-socket), too.
 */
import { type JoinedPass, tellGone, tellJoined } from "./join-report.ts";
import type { AppKey, Plan, Route, RouteKey, Settings, Site, UpstreamKey, Value } from "./plan.ts";
import type { ImportReport } from "./report.ts";
import { isInline, isList } from "./toml.ts";

export function joinApps(plan: Plan, report: ImportReport): void {
  // All of them first: a socket may be passed to in several ways, and is there until the last of them is gone.
  const found = [...plan.upstreams].flatMap(([name, upstream]) => joinOf(plan, name, upstream) ?? []);
  const joined = found.map(({ name, upstream, app, site }): JoinedPass => {
    for (const each of plan.sites) {
      if (found.some((other) => other.site === each)) continue;
      leadToApp(each, name, app, upstream);
      if (site !== undefined) addBeside(each, app, site);
    }
    plan.upstreams.delete(name);
    return { upstream, app, isEncrypted: leadFromTls(plan, app) };
  });
  for (const [app, site] of new Map(found.map(({ app: name, site }) => [name, site]))) {
    const settings = plan.apps.get(app);
    const sockets = socketsOf(settings, site);
    if (settings === undefined || isAsked(plan, sockets)) continue;
    if (site === undefined) settings.delete("uwsgi_socket");
    else closeSite(plan, site, app, report);
    tellClosed(settings, sockets);
  }
  tellJoined(joined, [...plan.upstreams.values()], report);
}

/** What was said of its address alone goes with it; nginx says it of its own. */
function closeSite(plan: Plan, site: Site, app: string, report: ImportReport): void {
  plan.sites.splice(plan.sites.indexOf(site), 1);
  const { sources } = site.settings;
  for (const { key, origin } of plan.server.all)
    if (origin !== undefined && sources.has(origin)) plan.server.delete(key);
  tellGone(sources, app, report);
}

interface Join {
  readonly name: string;
  readonly upstream: Settings<UpstreamKey>;
  readonly app: string;
  /** Undefined: the socket is the app's own, and speaks uwsgi. */
  readonly site: Site | undefined;
}

function joinOf(plan: Plan, name: string, upstream: Settings<UpstreamKey>): Join | undefined {
  const own = appBehind(plan, upstream);
  const site = own === undefined ? siteBehind(plan, name, upstream) : undefined;
  const app = own ?? (site && appOf(site));
  return app === undefined ? undefined : { name, upstream, app, site };
}

/** Are all servers of the upstream sockets of one app? */
function appBehind(plan: Plan, upstream: Settings<UpstreamKey>): string | undefined {
  if (upstream.get("protocol") !== "uwsgi") return undefined;
  const found = [...plan.apps].find(([, app]) => answersAll(listOf(app.get("uwsgi_socket")), upstream));
  return found?.[0];
}

/** … or addresses of a site that uWSGI served itself? Where another Host than the client's was passed on, they stay two:
 *  the app would see another name than before. */
function siteBehind(plan: Plan, name: string, upstream: Settings<UpstreamKey>): Site | undefined {
  const protocol = upstream.get("protocol") ?? "http";
  if (protocol === "https" || upstream.has("host")) return undefined;
  const site = plan.sites.find((each) => {
    const isUwsgis = each.routes.every(({ settings }) => settings.get("upstream") !== name);
    const listens = listOf(each.settings.get("listen")).filter((listen) => protocolOf(listen) === protocol);
    return isUwsgis && appOf(each) !== undefined && answersAll(listens, upstream);
  });
  const own = ["tls", "headers", "error_pages"] as const;
  return site === undefined || own.some((key) => site.settings.has(key)) ? undefined : site;
}

function protocolOf(listen: Value): Value {
  return (isInline(listen) ? listen["protocol"] : undefined) ?? "http";
}

/** What `/` leads to. */
function appOf({ routes }: Site): string | undefined {
  const app = routes.find(({ pattern }) => pattern === "/")?.settings.get("app");
  return typeof app === "string" ? app : undefined;
}

function answersAll(sockets: readonly Value[], upstream: Settings<UpstreamKey>): boolean {
  const addresses = sockets.map(addressOf);
  const servers = listOf(upstream.get("servers")).map(addressOf);
  return servers.length > 0 && servers.every((server) => addresses.some((socket) => reaches(server, socket)));
}

function listOf(value: Value | undefined): readonly Value[] {
  if (value === undefined) return [];
  return isList(value) ? value : [value];
}

function addressOf(value: Value): string {
  return String(isInline(value) ? (value["address"] ?? "") : value);
}

/** A socket on every address is reached through this machine's own. */
function reaches(server: string, socket: string): boolean {
  if (server === socket) return true;
  const port = /^(?:(?:0\.0\.0\.0|\[::\]|\*)?:)?(\d+)$/.exec(socket)?.[1];
  return port !== undefined && new RegExp(`^(127\\.0\\.0\\.1|\\[::1\\]|localhost):${port}$`).test(server);
}

function leadToApp(site: Site, upstream: string, app: string, pass: Settings<UpstreamKey>): void {
  const leads = (settings: Settings<RouteKey>) => settings.get("upstream") === upstream;
  const isAtRoot = site.routes.some(({ pattern, settings }) => pattern === "/" && leads(settings));
  for (const { pattern, settings } of site.routes) {
    const otherwise = settings.get("otherwise");
    if (otherwise !== undefined && isInline(otherwise) && otherwise["upstream"] === upstream) {
      settings.replace("otherwise", "otherwise", inTable(otherwise, app));
    }
    if (!leads(settings)) continue;
    settings.replace("upstream", "app", app);
    const mount = mountOf(pass);
    if (settings.has("strip_prefix")) {
      settings.delete("strip_prefix");
      settings.set("mount", true);
    } else if (mount !== undefined) settings.set("mount", mount);
    // nginx passes the whole path.
    else if (pattern !== "/" && !isAtRoot) settings.set("mount", false);
    carryOver(pass, settings);
  }
}

function inTable(table: { readonly [key: string]: Value }, app: string): Value {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]) => (key === "upstream" ? ["app", app] : [key, value])),
  );
}

/** `uwsgi_param SCRIPT_NAME /blog` */
function mountOf(pass: Settings<UpstreamKey>): string | undefined {
  const params = pass.get("params");
  const name = params !== undefined && isInline(params) ? params["SCRIPT_NAME"] : undefined;
  return typeof name === "string" && /^\/[^$]*[^$/]$/.test(name) ? name : undefined;
}

/** What was said of the pass, and has a meaning for an app. */
function carryOver(pass: Settings<UpstreamKey>, settings: Settings<RouteKey>): void {
  const timeout = pass.all.find(({ key }) => key === "read_timeout");
  if (timeout !== undefined) settings.set("request_timeout", timeout.value, timeout.origin);
  const hidden = pass.all.find(({ key }) => key === "headers_down");
  if (hidden !== undefined && !settings.has("headers")) settings.set("headers", hidden.value, hidden.origin);
}

/** Files and further apps of the site behind, where nobody has its path already. */
function addBeside(site: Site, app: string, behind: Site): void {
  const root = site.routes.find(({ pattern }) => pattern === "/")?.settings;
  if (root?.get("app") !== app) return;
  const isTaken = ({ pattern }: Route) =>
    site.routes.some((each) => each.pattern.replace(/\/$/, "") === pattern.replace(/\/$/, ""));
  site.routes.splice(-1, 0, ...behind.routes.filter((route) => route.pattern !== "/" && !isTaken(route)));
}

/** Is the app reached through encrypted addresses alone? */
function leadFromTls(plan: Plan, app: string): boolean {
  const leading = plan.sites.filter(({ routes }) =>
    routes.some(({ settings }) => {
      const otherwise = settings.get("otherwise");
      return (
        settings.get("app") === app || (otherwise !== undefined && isInline(otherwise) && otherwise["app"] === app)
      );
    }),
  );
  return leading.length > 0 && leading.every(({ settings }) => settings.has("tls") && !settings.has("https_redirect"));
}

function socketsOf(app: Settings<AppKey> | undefined, site: Site | undefined): string[] {
  return listOf(site === undefined ? app?.get("uwsgi_socket") : site.settings.get("listen")).map(addressOf);
}

/** By an upstream that could not be joined, since it passes another Host or to further servers. */
function isAsked({ upstreams }: Plan, sockets: readonly string[]): boolean {
  return [...upstreams.values()].some((upstream) =>
    listOf(upstream.get("servers")).some((server) => sockets.some((socket) => reaches(addressOf(server), socket))),
  );
}

function tellClosed(app: Settings<AppKey>, sockets: readonly string[]): void {
  if (sockets.length === 0) return;
  const told = `nginx reached it through ${sockets.join(", ")}, which nobody needs any more.`;
  app.comment = app.comment === undefined ? told : `${app.comment}\n${told}`;
}
