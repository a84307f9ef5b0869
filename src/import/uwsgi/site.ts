/**
 * What uWSGI answers beside asking the app: files of static-map and check-static, apps at their mounts. There a file that is
 * not found is asked of the app; so it is here (`otherwise`).
 */
import { FRAMING } from "../../config/schema-headers.ts";
import { freeName, Settings, type Site, type Value } from "../plan.ts";
import { FILE, MODULE, mountTarget, wsgiTarget } from "./app.ts";
import { isInline, isList } from "../toml.ts";
import type { Context } from "./context.ts";
import { isYes } from "./given.ts";
import { unmark } from "./marks.ts";
import { type Option, showOption } from "./option.ts";
import { addRoute } from "./routes.ts";
import { type AddedField, routesNeedSite, translateRouting } from "./routing.ts";
import { sizeOf } from "./sizes.ts";
import { translateStatic } from "./static-files.ts";

export function translateSite(context: Context, site: Site): void {
  translateStatic(context, site);
  translateMounts(context, site);
  translateReplies(context, site, translateRouting(context, site));
  const noDefault = context.given.last("no-default-app");
  if (noDefault !== undefined) context.given.tell("translated", noDefault, "what no route leads to is answered 404");
  const hasDefault = context.given.look(...MODULE, ...FILE).length > 0 || !isYes(noDefault);
  if (context.app.has("wsgi") && hasDefault) addRoute(site, "/", { app: context.name });
}

/** What uWSGI does for a gateway, too, beside asking the app. */
const DIRECTORIES = ["static-map", "static-map2", "check-static", "static-check"];
const REPLIES = ["add-header", "rem-header", "del-header", "error-page-403", "error-page-404", "error-page-500"];
const BESIDE_APP = [...DIRECTORIES, ...REPLIES, "limit-post"];
const OF_FILES = ["static-index", "static-expires", "static-expires-uri", "static-expires-path-info"];

export function serveBesideApp(given: Context["given"]): boolean {
  return given.look(...BESIDE_APP, "mount").length > 0 || routesNeedSite(given);
}

/** The address is often on the command line, or a script's to say. */
export function tellWithoutAddress({ given, purpose }: Context): void {
  const remedy =
    purpose === "run"
      ? "begin with --http 127.0.0.1:8000, or where it is to be"
      : "add http-socket = 127.0.0.1:8000, or where it is to be, or import the script that starts uWSGI with an address";
  for (const option of given.all(...BESIDE_APP, ...OF_FILES))
    given.notSupported(option, `belongs to a site, and no address is named for one: ${remedy}`, "changes-meaning");
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

/** What holds for all replies. `routed`: fields that routing adds. */
function translateReplies({ given }: Context, site: Site, routed: readonly AddedField[]): void {
  const added: AddedField[] = [];
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
      added.push([name, unmark(value).replaceAll("$", "$$$$")]);
      given.tell("translated", option, "headers.add of the site");
    }
  }
  const removed = given.all("rem-header", "del-header");
  for (const option of removed) given.tell("translated", option, "headers.remove of the site");
  const headers = {
    ...(added.length + routed.length > 0 && { add: fieldsOf([...added, ...routed]) }),
    ...(removed.length > 0 && { remove: removed.map(({ value = "" }) => unmark(value)) }),
  };
  if (Object.keys(headers).length > 0) site.settings.set("headers", headers);
  translateErrorPages(given, site);
  translateBodyBound(given, site);
}

/** Several of a name are several fields. */
function fieldsOf(added: readonly AddedField[]): Record<string, Value> {
  const names = [...new Set(added.map(([name]) => name))];
  return Object.fromEntries(
    names.map((name) => {
      const [first = "", ...more] = added.filter((field) => field[0] === name).map(([, value]) => value);
      return [name, more.length === 0 ? first : [first, ...more]];
    }),
  );
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
