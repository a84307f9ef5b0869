/**
 * What uWSGI answers beside asking the app: files of static-map and check-static, apps at their mounts. There a file that is
 * not found is asked of the app; so it is here (`otherwise`).
 */
import { FRAMING } from "../../config/schema-headers.ts";
import { formatDuration } from "../../base/units.ts";
import { statSync } from "node:fs";
import { freeName, type Route, type RouteKey, Settings, type Site, type Value } from "../plan.ts";
import { FILE, MODULE, mountTarget, wsgiTarget } from "./app.ts";
import { isInline, isList } from "../toml.ts";
import { absolutePath, type Context } from "./context.ts";
import { isYes } from "./given.ts";
import { hasMark, unmark } from "./marks.ts";
import { type Option, showOption } from "./option.ts";
import { sizeOf } from "./sizes.ts";

export function translateSite(context: Context, site: Site): void {
  translateStatic(context, site);
  translateMounts(context, site);
  translateReplies(context, site);
  const noDefault = context.given.last("no-default-app");
  if (noDefault !== undefined) context.given.tell("translated", noDefault, "what no route leads to is answered 404");
  const hasDefault = context.given.look(...MODULE, ...FILE).length > 0 || !isYes(noDefault);
  if (context.app.has("wsgi") && hasDefault) addRoute(site, "/", { app: context.name });
}

/** What uWSGI does for a gateway, too, beside asking the app. */
export function serveBesideApp(given: Context["given"]): boolean {
  const names = ["static-map", "static-map2", "check-static", "static-check", "add-header", "rem-header", "del-header"];
  const pages = ["error-page-403", "error-page-404", "error-page-500"];
  return given.look(...names, ...pages, "limit-post", "mount").length > 0;
}

function addRoute(site: Site, pattern: string, values: Partial<Record<RouteKey, Value>>, option?: Option): void {
  const settings = new Settings<RouteKey>();
  for (const [key, value] of Object.entries(values)) settings.set(key as RouteKey, value, option?.origin);
  const route: Route = { pattern, settings, origin: option?.origin };
  const before = site.routes.findIndex((each) => each.pattern === pattern);
  // The first that has the file answers, and of two with the same beginning that is nearly always the first.
  if (before === -1) site.routes.push(route);
}

function translateStatic(context: Context, site: Site): void {
  const { given } = context;
  const index = given.all("static-index");
  for (const option of index) given.tell("translated", option, "index of the files");
  const names = index.map(({ value = "" }) => unmark(value));
  const cache = translateExpires(context);
  for (const option of given.all("static-map", "static-map2")) {
    const [, prefix, folder] = /^([^=]*)=(.*)$/s.exec(option.value ?? "") ?? [];
    if (prefix === undefined || folder === undefined) given.tell("error", option, "should be /prefix=directory");
    else if (option.key === "static-map") mapFiles(context, site, { option, prefix, folder, names, cache });
    // The whole path is looked for below the directory, as nginx's root has it.
    else mapFiles(context, site, { option, prefix, folder: `${folder.replace(/\/$/, "")}${prefix}`, names, cache });
  }
  const checks = given.all("check-static", "static-check");
  checks.forEach((option, place) => {
    if (place === 0) return mapFiles(context, site, { option, prefix: "/", folder: option.value ?? "", names, cache });
    given.notSupported(
      option,
      "is a second directory behind the same paths; put its files in the first",
      "changes-meaning",
    );
  });
}

interface Files {
  readonly option: Option;
  readonly prefix: string;
  readonly folder: string;
  /** Files that stand for a directory. */
  readonly names: readonly string[];
  readonly cache: string | undefined;
}

function mapFiles(context: Context, site: Site, { option, prefix, folder, names, cache }: Files): void {
  const { given, root, app, name } = context;
  const path = absolutePath(folder, root);
  const files = { files: unmark(path), ...(cache !== undefined && { cache }) };
  if (!hasMark(path) && statSync(path, { throwIfNoEntry: false })?.isFile() === true) {
    addRoute(site, `= ${prefix}`, files, option);
    return given.tell("translated", option, `a route to the file`);
  }
  const directory = { ...files, files: `${unmark(path).replace(/\/+$/, "")}/` };
  // Without static-index a directory is no file, not even one with an index.html.
  const looks = names.length === 0 ? { index: [] } : { index: names };
  const otherwise = app.has("wsgi") ? { otherwise: { app: name } } : {};
  addRoute(site, `${prefix.replace(/\/+$/, "")}/`, { ...directory, ...looks, ...otherwise }, option);
  given.tell("translated", option, "a route to the files; what is not there is asked of the app");
}

/** Expires by expressions over names: one for all of them is a duration, others have no counterpart. */
function translateExpires({ given }: Context): string | undefined {
  const options = given.all("static-expires", "static-expires-uri", "static-expires-path-info");
  let cache: string | undefined;
  for (const option of options) {
    const [, pattern = "", seconds = ""] = /^(\S*)\s+(\d+)/.exec(option.value ?? "") ?? [];
    const isForAll = /^(?:\^?(?:\/)?\.?[*+]?\$?|\^?\/?\w*\/\*|\/\w+\/\.?\*)$/.test(pattern) || pattern === "/*";
    if (seconds !== "" && isForAll && cache === undefined) {
      cache = lifetime(Number(seconds));
      given.tell("translated", option, "cache of the files");
    } else given.notSupported(option, 'is by an expression; give cache a table such as { "*.css" = "7d" }', "harmless");
  }
  return cache;
}

/** In days where it is so many. */
function lifetime(seconds: number): string {
  const days = seconds / 86_400;
  return Number.isInteger(days) && days > 0 ? `${days}d` : formatDuration(seconds * 1000);
}

/** An app of its own for each mount, which needs manage-script-name to be asked by path. */
function translateMounts(context: Context, site: Site): void {
  const { given } = context;
  const manages = given.last("manage-script-name");
  const mounts = given.all("mount");
  if (manages !== undefined && mounts.length > 0) given.tell("translated", manages, "mount of the routes");
  else if (manages !== undefined) given.tell("noEffectThere", manages, "there is no mount");
  for (const option of mounts) {
    const mount = mountTarget(option);
    const prefix = mount?.prefix.replace(/\/+$/, "") ?? "";
    if (mount === undefined)
      given.tell(
        "noEffectThere",
        option,
        "uWSGI loads /prefix=module:callable or /prefix=file.py, and this is neither",
      );
    else if (prefix !== "" && !prefix.startsWith("/"))
      given.notSupported(option, "is an app for a host; make it a [[site]] with names", "changes-meaning");
    // A gateway says by SCRIPT_NAME which of them it means.
    else if (!isYes(manages) && prefix !== "" && !isForGateway(site))
      given.tell("noEffectThere", option, "without manage-script-name nothing over HTTP leads there");
    else mountApp(context, site, { option, prefix, target: mount.target });
  }
}

function isForGateway({ settings }: Site): boolean {
  const listen = settings.get("listen");
  const all = listen === undefined || !isList(listen) ? [listen ?? ""] : listen;
  return all.some((each) => isInline(each) && each["protocol"] === "uwsgi");
}

function mountApp(context: Context, site: Site, mount: { option: Option; prefix: string; target: string }): void {
  const { given, plan, app } = context;
  const { option, prefix, target } = mount;
  const wsgi = wsgiTarget(context, option, target, "application");
  if (wsgi === undefined) return;
  if (app.get("wsgi") === unmark(wsgi))
    addRoute(site, `${prefix}/`, { app: context.name, ...(prefix !== "" && { mount: prefix }) }, option);
  else {
    const name = freeName(prefix.slice(1) || context.name, plan.apps);
    plan.apps.set(name, copyApp(context, unmark(wsgi), option));
    addRoute(site, `${prefix}/`, { app: name }, option);
  }
  given.tell("translated", option, `a route to an app that stands at ${prefix}/`);
}

/** uWSGI's apps share processes; here each has its own. */
function copyApp({ app }: Context, wsgi: string, option: Option): Context["app"] {
  const copy: Context["app"] = new Settings();
  for (const setting of app.all) {
    if (setting.key === "uwsgi_socket") continue;
    if (setting.key === "wsgi") copy.set("wsgi", wsgi, option.origin);
    else copy.set(setting.key, setting.value, setting.origin, setting.comment);
  }
  copy.comment = `uWSGI's apps share their processes; here each app has its own: ${showOption(option)}`;
  return copy;
}

/** What holds for all replies. */
function translateReplies({ given }: Context, site: Site): void {
  const added: Record<string, Value> = {};
  for (const option of given.all("add-header")) {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/s.exec(option.value ?? "") ?? [];
    if (name === undefined || value === undefined)
      given.tell("noEffectThere", option, "should be add-header = Name: value");
    else if (FRAMING.has(name.toLowerCase()))
      given.tell(
        "notNeeded",
        option,
        "connections and lengths are the server's to say; a gateway's end with the reply",
      );
    else {
      added[name] = unmark(value).replaceAll("$", "$$$$");
      given.tell("translated", option, "headers.add of the site");
    }
  }
  const removed = given.all("rem-header", "del-header");
  for (const option of removed) given.tell("translated", option, "headers.remove of the site");
  const headers = {
    ...(Object.keys(added).length > 0 && { add: added }),
    ...(removed.length > 0 && { remove: removed.map(({ value = "" }) => unmark(value)) }),
  };
  if (Object.keys(headers).length > 0) site.settings.set("headers", headers);
  translateErrorPages(given, site);
  translateBodyBound(given, site);
}

function translateErrorPages(given: Context["given"], site: Site): void {
  const pages: Record<string, Value> = {};
  for (const status of ["403", "404", "500"]) {
    for (const option of given.all(`error-page-${status}`)) {
      pages[status] ??= unmark(option.value ?? "");
      given.tell("translated", option, "error_pages of the site");
    }
  }
  if (Object.keys(pages).length > 0) site.settings.set("error_pages", pages);
}

function translateBodyBound(given: Context["given"], site: Site): void {
  const option = given.last("limit-post");
  const bytes = option === undefined ? 0 : given.number(option);
  if (bytes === undefined) return;
  const value = typeof bytes === "number" && bytes > 0 ? sizeOf(bytes) : bytes;
  site.settings.set(
    "max_body_size",
    value,
    option?.origin,
    option === undefined ? "without limit-post uWSGI takes any body" : undefined,
  );
  if (option !== undefined) given.tell("translated", option, "max_body_size of the site");
}
