/**
 * The index of a folder is asked for anew in nginx (an internal redirect), so that another location may answer it than the one
 * that has the folder:
 *
 *   location / { }   location ~ \.html$ { expires 2h; }        / is answered as /index.html is, by the second
 *
 * Here a folder's route answers. Where the other one would answer the same nothing is to do; how long a file may be kept goes
 * into `cache` by the name of the index; the rest is lost. Folders are not known beforehand: those are looked at that locations
 * name, and some beside.
 */
import { existsSync } from "node:fs";
import { compileRoutes, type RouteMatch } from "../../exchange/router.ts";
import { convertRegex } from "../regex.ts";
import type { Settings, SiteKey, Value } from "../plan.ts";
import { type LocationMatch, reachesFolders, regexOf } from "./location.ts";
import { type Directive, textOf } from "./parser.ts";
import { cacheOf, differences, fileOf, type Placed } from "./route-difference.ts";
import type { Translation } from "./translation.ts";

type Find = (path: string) => Placed | undefined;

/** An index file, and who answers it in nginx. */
interface Index {
  readonly folder: string;
  readonly path: string;
  readonly by: Placed;
}

/** Words of expressions that may be names of folders: no more are looked at. */
const WORDS_MAX = 30;

/** When the settings of the site and of all of its routes are known. */
export function indexLocations(t: Translation, site: Settings<SiteKey>, places: readonly Placed[]): void {
  const find = finder(places);
  if (find === undefined) return;
  const folders = Map.groupBy(foldersOf(places), find);
  for (const place of places.filter(servesFolders)) {
    const own = folders.get(place) ?? [];
    for (const name of namesOf(place)) {
      const all = own.map((folder) => ({ folder, path: folder + name, by: find(folder + name) }));
      const unanswered = all.find(({ by }) => by === undefined);
      const isKnown = (each: { by: Placed | undefined }): each is Index => each.by !== undefined;
      const found = all.filter(isKnown).filter((each) => !hidesFolder(each, place));
      const lost = found.find(({ by, path }) => by !== place && differences(site, place, by, path).length > 0);
      if (lost !== undefined) tell(t, place, name, lost.by, differences(site, place, lost.by, lost.path));
      else if (unanswered !== undefined) tell(t, place, name, undefined, []);
      else takeCache(t, place, name, found);
    }
  }
}

/** `~ ^/files/(.+)$` has all but the folder itself, in which nobody looks for an index, unless there is one. */
function hidesFolder({ folder, path, by }: Index, place: Placed): boolean {
  const { match } = by.located.location;
  if (by === place || match.kind !== "regex" || !regexOf(match).test(`${folder}~0`)) return false;
  const file = fileOf(place, path);
  return file !== undefined && !existsSync(file);
}

/** Undefined: of patterns that are refused when the file is read. */
function finder(places: readonly Placed[]): Find | undefined {
  try {
    const find = compileRoutes(places.map((place) => ({ match: matchOf(place.located.pattern), value: place })));
    return (path) => find(Buffer.from(path, "utf8").latin1Slice())?.value;
  } catch {
    return undefined;
  }
}

function matchOf(pattern: string): RouteMatch {
  const [, sign = "", text = ""] = /^(=|~\*|~)? ?(.*)$/s.exec(pattern) ?? [];
  if (sign === "=") return { kind: "exact", path: text };
  return sign === "" ? { kind: "prefix", path: text } : { kind: "regex", source: text, ignoreCase: sign === "~*" };
}

function servesFolders({ located: { location }, settings }: Placed): boolean {
  const { match, block } = location;
  const files = settings.get("files");
  if (typeof files !== "string" || !reachesFolders(match)) return false;
  if (block.has("alias") && match.kind !== "prefix" && !files.includes("$")) return false;
  const tried = settings.get("try");
  return !Array.isArray(tried) || tried.some((each) => String(each).endsWith("/"));
}

function namesOf({ settings }: Placed): string[] {
  const index = settings.get("index") ?? "index.html";
  return (Array.isArray(index) ? (index as Value[]) : [index]).map(String);
}

// ── folders ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function foldersOf(places: readonly Placed[]): string[] {
  const named = places.flatMap(({ located }) => baseOf(located.location.match));
  const words = [...new Set(places.flatMap(({ located }) => wordsOf(located.location.match)))].slice(0, WORDS_MAX);
  const below = ["", "x/", "x/y/", "0.a-b_c/", ...words.flatMap((word) => [`${word}/`, `${word}/x/`])];
  const pairs = words.slice(1).map((word, at) => `${words[at]}/${word}/`);
  return [...new Set(named.flatMap((base) => [...below, ...pairs].map((rest) => base + rest)))];
}

/** The folder that a path stands in, and that which it may be. */
function baseOf(match: LocationMatch): string[] {
  const path = match.kind === "regex" ? (/^\^(\/[\w/-]*)/.exec(match.source)?.[1] ?? "/") : match.path;
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  return match.kind === "exact" || path.endsWith("/") ? [folder] : [folder, `${path}/`];
}

function wordsOf(match: LocationMatch): string[] {
  return match.kind === "regex" ? (match.source.replace(/\\\w/g, " ").match(/[\w-]{2,}/g) ?? []) : [];
}

// ── what is done ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** All of them differ in nothing but how long they may be kept. */
function takeCache(t: Translation, place: Placed, name: string, found: readonly Index[]): void {
  const own = cacheOf(place, name);
  const other = found.filter(({ by, path }) => by !== place && cacheOf(by, path) !== own);
  const [first] = other;
  if (first === undefined) return;
  const single = found.filter(({ by, path }) => isOf(by, path));
  const rest = found.filter((each) => !single.includes(each));
  const values = new Set(rest.map(({ by, path }) => cacheOf(by, path)));
  const [value = own] = values;
  const certain = value === own || rest.every(({ by }) => hasAll(by, place, name));
  const paths = single.map(({ by, path }) => [below(place, path), cacheOf(by, path)] as const);
  const differing = paths.filter(([, each]) => each !== value);
  if (values.size > 1 || !certain || !isPlainTry(place) || differing.some(([path]) => path === undefined))
    return tell(t, place, name, first.by, ["cache"]);
  const entries = [...(value === own ? [] : [[name, value] as const]), ...differing];
  const before = place.settings.get("cache");
  const table = typeof before === "object" ? before : before === undefined ? {} : { "*": before };
  const origin = first.by.located.location.directive.origin;
  place.settings.set("cache", { ...Object.fromEntries(entries), ...table }, origin);
  for (const { by } of other)
    t.ledger.remark(by.located.location.directive, `in ${nameOf(place)} as ${name} of a folder, too`);
}

/** A location for this path alone. */
function isOf({ located: { location, pattern } }: Placed, path: string): boolean {
  return location.match.kind !== "regex" && !pattern.startsWith("~") && location.match.path === path;
}

/** Does an expression fit this name in whatever folder of the place? A prefix has what the folders say that it names. */
function hasAll({ located }: Placed, place: Placed, name: string): boolean {
  const { match } = located.location;
  if (match.kind !== "regex") return true;
  const [, prefix, inner] = /^\^\(\?=(.*?)\)\(\?=\.\*\?\(\?:(.*)\)\)$/s.exec(match.source) ?? [];
  const around = place.located.location.match;
  const isAround = prefix !== undefined && around.kind !== "regex" && around.path.startsWith(prefix.replace(/\\/g, ""));
  const base = around.kind === "regex" ? "/" : around.path;
  // What every folder of the place begins with.
  const start = /^\^([\w/-]*)(\(*)\.[*+]\??/;
  const written = isAround ? (inner ?? "") : match.source;
  const source = written.replace(start, (whole, path: string, open: string) => (base.startsWith(path) ? open : whole));
  if (/\^|\(\?<[=!]|\\[bB]/.test(source.replaceAll("[^", "["))) return false;
  const regex = convertRegex(source, match.ignoreCase);
  return !("problem" in regex) && regexOf(regex).test(`/${name}`);
}

/** Names of `try` beside those that are asked for are served by the route itself. */
function isPlainTry({ settings }: Placed): boolean {
  const tried = settings.get("try");
  return !Array.isArray(tried) || tried.every((each) => each === "$uri" || each === "$uri/");
}

/** As a pattern of `cache`: below the directory of the route. */
function below({ located, settings }: Placed, path: string): string | undefined {
  if (/[*?[\]{}]/.test(path) || String(settings.get("files")).includes("$")) return undefined;
  const { match } = located.location;
  if (!located.isMounted || match.kind === "regex") return path;
  return `/${path.slice(match.path.length).replace(/^\//, "")}`;
}

function tell(t: Translation, place: Placed, name: string, by: Placed | undefined, keys: readonly string[]): void {
  const who = by === undefined ? "no location" : nameOf(by);
  const what = keys.length === 0 ? "" : `, which differs here (${keys.join(", ")})`;
  const remedy = `write the same into both, or take ${name} out of index`;
  const index = `the index ${name} of a folder in ${nameOf(place)}`;
  t.ledger.lost(whereOf(place, by), `${index} is answered by ${who} in nginx${what}: ${remedy}`);
}

/** The line that names the index, or a location of the two. */
function whereOf({ located: { location } }: Placed, by: Placed | undefined): Directive {
  const other = by?.located.location.directive;
  return location.block.one("index") ?? (other?.name === "location" ? other : location.directive);
}

function nameOf({ located: { location } }: Placed): string {
  return location.directive.name === "server" ? "the server" : textOf(location.directive);
}
