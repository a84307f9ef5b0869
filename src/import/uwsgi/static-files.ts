/**
 * Files of static-map, static-map2 and check-static. uWSGI looks into one directory after the other (first those of
 * check-static, then of static-map, then of static-map2, each in the order of the file), and asks the app for what is in
 * none. Here the longest prefix decides alone, so its route has all the directories that uWSGI would come by.
 */
import { statSync } from "node:fs";
import { extname, join } from "node:path";
import { formatDuration } from "../../base/units.ts";
import type { RouteKey, Site, Value } from "../plan.ts";
import { absolutePath, type Context } from "./context.ts";
import { hasMark, unmark } from "./marks.ts";
import { type Option, showOption } from "./option.ts";
import { addRoute } from "./routes.ts";

export function translateStatic(context: Context, site: Site): void {
  const { given } = context;
  const index = given.all("static-index");
  for (const option of index) given.tell("translated", option, "index of the files");
  const names = index.map(({ value = "" }) => unmark(value));
  const cache = translateExpires(context);
  // Without static-index a directory is no file, not even one with an index.html.
  const values = { ...(cache !== undefined && { cache }), index: names };
  const places = placesOf(context);
  for (const place of places) mapPlace(context, site, place, places, values);
}

/** Where files are looked for. */
interface FilesPlace {
  readonly option: Option;
  /** "" or beginning with a slash, without closing one. */
  readonly prefix: string;
  /** What follows the prefix is looked for below it: absolute, without closing slash. */
  readonly path: string;
  /** One file, whatever follows the prefix. */
  readonly single: boolean;
}

/** In the order in which uWSGI comes by. */
function placesOf({ given, root }: Context): FilesPlace[] {
  const place = (option: Option, written: string, folder: string, appended = "") => {
    const prefix = written.replace(/\/+$/, "");
    const path = absolutePath(folder, root).replace(/(?<=.)\/+$/, "");
    const single = isFile(path, prefix);
    return { option, prefix, single, path: single || appended === "" ? path : join(path, appended) };
  };
  const checks = given.all("check-static", "static-check").map((option) => place(option, "", option.value ?? ""));
  const maps = (["static-map", "static-map2"] as const).flatMap((name) =>
    given.all(name).flatMap((option) => {
      const [, prefix, folder] = /^([^=]*)=(.*)$/s.exec(option.value ?? "") ?? [];
      if (prefix !== undefined && folder !== undefined)
        // The whole path is looked for below the directory, as nginx's root has it.
        return [place(option, prefix, folder, name === "static-map2" ? prefix.replace(/\/+$/, "") : "")];
      given.tell("error", option, "should be /prefix=directory");
      return [];
    }),
  );
  return [...checks, ...maps];
}

/** What is not there yet is taken for what its name says: `/favicon.ico=static/favicon.ico`. */
function isFile(path: string, prefix: string): boolean {
  const found = hasMark(path) ? undefined : statSync(path, { throwIfNoEntry: false });
  if (found !== undefined) return found.isFile();
  return extname(prefix) !== "" && extname(prefix) === extname(path);
}

function mapPlace(
  context: Context,
  site: Site,
  place: FilesPlace,
  places: readonly FilesPlace[],
  values: Partial<Record<RouteKey, Value>>,
): void {
  const { given } = context;
  const { option, prefix } = place;
  const [first] = places.filter((each) => each.single === place.single && each.prefix === prefix);
  if (first === place && place.single) return mapFile(context, site, place, values);
  if (first === place) return mapDirectories(context, site, place, places, values);
  const line = first?.option.origin.file.positionOf(first.option.origin.offset).line ?? 0;
  const others = places.slice(0, places.indexOf(place));
  if (others.some((each) => each.prefix === prefix && each.path === place.path))
    given.tell("noEffectThere", option, "has been said before");
  else if (place.single)
    given.tell("noEffectThere", option, `${showOption(first?.option ?? option)} in line ${line} answers before it`);
  else given.tell("translated", option, `one more directory of the route "${prefix}/"`);
}

function mapFile(
  { given, app, name }: Context,
  site: Site,
  { option, prefix, path }: FilesPlace,
  { cache }: Partial<Record<RouteKey, Value>>,
): void {
  const kept = cache === undefined ? {} : { cache };
  // Below `/robots.txt` nobody looks for it, below `/app` somebody may.
  const pattern = extname(prefix) === "" ? `${prefix}/` : `= ${prefix}`;
  const isThere = !hasMark(path) && statSync(path, { throwIfNoEntry: false }) !== undefined;
  if (isThere || !app.has("wsgi")) {
    addRoute(site, pattern, { files: unmark(path), ...kept }, option);
    return given.tell("translated", option, "a route to the file");
  }
  const slash = path.lastIndexOf("/");
  const looked = { files: unmark(path.slice(0, slash + 1)), try: [unmark(path.slice(slash))] };
  addRoute(site, pattern, { ...looked, ...kept, otherwise: { app: name } }, option);
  given.tell("translated", option, "a route to the file; while it is not there the app is asked");
}

function mapDirectories(
  context: Context,
  site: Site,
  { option, prefix }: FilesPlace,
  places: readonly FilesPlace[],
  values: Partial<Record<RouteKey, Value>>,
): void {
  const { given, app, name } = context;
  const paths = [...new Set(places.flatMap((each) => directoryOf(each, prefix) ?? []))];
  const [first = "", ...further] = paths.map((path) => `${unmark(path).replace(/\/+$/, "")}/`);
  const files = further.length === 0 ? first : [first, ...further];
  const otherwise = app.has("wsgi") ? { otherwise: { app: name } } : {};
  addRoute(site, `${prefix}/`, { files, ...values, ...otherwise }, option);
  given.tell("translated", option, "a route to the files; what is not there is asked of the app");
}

/** Where a place looks for what follows `prefix`; undefined when it never does. Of a shorter prefix only a directory that is
 *  there: nobody has named it. */
function directoryOf({ prefix: own, path, single }: FilesPlace, prefix: string): string | undefined {
  if (single || !(prefix === own || prefix.startsWith(`${own}/`))) return undefined;
  if (prefix === own) return path;
  const below = join(path, prefix.slice(own.length));
  const isThere = !hasMark(below) && statSync(below, { throwIfNoEntry: false })?.isDirectory() === true;
  return isThere ? below : undefined;
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
