/**
 * Path → route, in nginx's order (ngx_http_core_module, `location`): exact; then the longest prefix is remembered; then
 * the first regex that matches, in the order written; then that prefix. Unlike nginx a prefix ends at a segment
 * boundary: `/static` and `/static/` are one mapping, and `/staticx` is not in it.
 *
 * Paths are decoded and canonical (RequestHead.path), the same string that files and applications see. Text of the
 * configuration is compared as UTF-8 bytes.
 */
import { assert } from "../base/assert.ts";
import { groupsOf } from "./captures.ts";

export type RouteMatch =
  | { readonly kind: "exact"; readonly path: string }
  | { readonly kind: "prefix"; readonly path: string }
  | { readonly kind: "regex"; readonly source: string; readonly ignoreCase: boolean };

export interface RouteEntry<T> {
  readonly match: RouteMatch;
  readonly value: T;
}

/** Takes what a route's regular expression found, if it has groups. */
export interface RouteCaptures {
  captures: RegExpExecArray | undefined;
}

export interface FoundRoute<T> {
  readonly value: T;
  /** The prefix that matched without its closing slash, "" for `/` and for exact and regex routes. */
  readonly mount: string;
}

interface Prefix<T> {
  readonly mount: string;
  readonly found: FoundRoute<T>;
}

interface Pattern<T> {
  readonly regex: RegExp;
  readonly captures: boolean;
  readonly found: FoundRoute<T>;
}

interface Table<T> {
  readonly exact: Map<string, FoundRoute<T>>;
  /** Longest first. */
  readonly prefixes: Prefix<T>[];
  readonly patterns: Pattern<T>[];
}

/** Results are made once per route, so a look-up allocates nothing. Prefixes are tried one after the other: some ten
 *  nanoseconds each, and sites have a handful. Throws SyntaxError for a bad regex (the configuration refuses it). */
export function compileRoutes<T>(
  routes: readonly RouteEntry<T>[],
): (path: string, into?: RouteCaptures) => FoundRoute<T> | undefined {
  const table: Table<T> = { exact: new Map(), prefixes: [], patterns: [] };
  for (const route of routes) addRoute(table, route);
  table.prefixes.sort((a, b) => b.mount.length - a.mount.length);
  const { exact, prefixes, patterns } = table;
  return (path, into) => {
    const found = exact.get(path);
    if (found !== undefined) return found;
    for (const pattern of patterns) if (matches(pattern, path, into)) return pattern.found;
    for (const prefix of prefixes) if (isBelow(path, prefix.mount)) return prefix.found;
    return undefined;
  };
}

function addRoute<T>(table: Table<T>, { match, value }: RouteEntry<T>): void {
  switch (match.kind) {
    case "exact": {
      const path = asBytes(match.path);
      assert(!table.exact.has(path), `two exact routes for ${match.path}`);
      table.exact.set(path, { value, mount: "" });
      return;
    }
    case "prefix": {
      const mount = withoutSlash(asBytes(match.path));
      assert(!table.prefixes.some((other) => other.mount === mount), `two prefix routes for ${match.path}`);
      table.prefixes.push({ mount, found: { value, mount } });
      return;
    }
    case "regex": {
      const regex = routeRegex(match);
      table.patterns.push({ regex, captures: groupsOf(regex).count > 0, found: { value, mount: "" } });
    }
  }
}

/** The expression of a regex route, as it is compared with paths. `.` is any byte: with `%0a` in a path nobody gets around
 *  `^/private/.*$` (in nginx one does). */
export function routeRegex(match: Extract<RouteMatch, { kind: "regex" }>): RegExp {
  return new RegExp(asBytes(match.source), match.ignoreCase ? "is" : "s");
}

function matches<T>(pattern: Pattern<T>, path: string, into: RouteCaptures | undefined): boolean {
  if (!pattern.captures || into === undefined) return pattern.regex.test(path);
  const captures = pattern.regex.exec(path);
  if (captures === null) return false;
  into.captures = captures;
  return true;
}

/** `/static` holds `/static` and `/static/…`; "" (the route `/`) holds everything. */
export function isBelow(path: string, mount: string): boolean {
  if (!path.startsWith(mount)) return false;
  return mount === "" || path.length === mount.length || path.charCodeAt(mount.length) === 0x2f;
}

function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

/** Text as the latin-1 string of its UTF-8 bytes, which is what request paths are. */
function asBytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
