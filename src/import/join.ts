/**
 * nginx passed to a socket, and uWSGI listened on it: here one server does both, so routes to an upstream whose servers are
 * sockets of an imported app lead to the app, and upstream and socket go.
 */
import type { AppKey, Plan, RouteKey, Settings, Site, UpstreamKey, Value } from "./plan.ts";
import type { ImportReport } from "./report.ts";
import { isInline, isList } from "./toml.ts";

/** What nginx tells uWSGI beyond uwsgi_params that an app here knows anyway, or need not be told. */
const KNOWN_TO_APPS =
  /^(UWSGI_(SCRIPT|CHDIR|PYHOME|MODULE|CALLABLE|SCHEME|APPID|FILE)|SCRIPT_NAME|HTTP_HOST|HTTP_X_(FORWARDED_\w+|REAL_IP|SCHEME))$/;

export function joinApps(plan: Plan, report: ImportReport): void {
  for (const [name, upstream] of plan.upstreams) {
    const found = [...plan.apps].find(([, app]) => answersAll(app, upstream));
    if (found === undefined) continue;
    const [app, settings] = found;
    for (const site of plan.sites) leadToApp(site, name, app, upstream);
    noteParams(upstream, app, report);
    plan.upstreams.delete(name);
    closeSocket(settings);
  }
}

/** Are all servers of the upstream sockets of this app? */
function answersAll(app: Settings<AppKey>, upstream: Settings<UpstreamKey>): boolean {
  if (upstream.get("protocol") !== "uwsgi") return false;
  const sockets = listOf(app.get("uwsgi_socket")).map(addressOf);
  const servers = listOf(upstream.get("servers")).map(addressOf);
  return servers.length > 0 && servers.every((server) => sockets.some((socket) => reaches(server, socket)));
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
    if (mount !== undefined) settings.set("mount", mount);
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

function noteParams(upstream: Settings<UpstreamKey>, app: string, report: ImportReport): void {
  const params = upstream.all.find(({ key }) => key === "params");
  if (params?.origin === undefined || !isInline(params.value)) return;
  for (const name of Object.keys(params.value)) {
    const directive = `uwsgi_param ${name}`;
    if (KNOWN_TO_APPS.test(name)) {
      report.notNeeded(params.origin, directive, `app ${app} stands in this server, which knows it`);
    } else {
      const sentence = `app ${app} is not told of it; a fixed value can stand in its env, another in a header of the request`;
      report.notSupported(params.origin, directive, sentence, "changes-meaning");
    }
  }
}

function closeSocket(app: Settings<AppKey>): void {
  const sockets = listOf(app.get("uwsgi_socket")).map(addressOf);
  if (sockets.length === 0) return;
  app.delete("uwsgi_socket");
  const told = `nginx reached it through ${sockets.join(", ")}, which nobody needs any more.`;
  app.comment = app.comment === undefined ? told : `${app.comment}\n${told}`;
}
