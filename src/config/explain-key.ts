/**
 * What a key of server.toml means: `server config explain`. Keys are found as people write them, with or without the names
 * of apps and sites (`app.mysite.processes`, `app.processes`, `processes`), and by what nginx and uWSGI call them.
 */
import { nearest } from "./nearest.ts";
import { peerNames, type Peers, peersOf } from "./peers.ts";
import { type ReferenceSection, SECTIONS } from "./reference.ts";

export interface KeyExplanation extends Peers {
  /** `app.NAME.processes`; the first place of several. */
  readonly key: string;
  /** Other tables in which it stands as well. */
  readonly alsoIn: readonly string[];
  readonly expected: string;
  /** As people read it; undefined for a required key. */
  readonly fallback: string | undefined;
  readonly only: string | undefined;
}

export interface Found {
  readonly keys: readonly KeyExplanation[];
  /** When there is none: the nearest, if one is near. */
  readonly suggestion: string | undefined;
}

/** Tables that have names of the user's own. */
const NAMED: ReadonlySet<string> = new Set(["app", "upstream", "service", "cron", "map", "limit"]);

export function explainKey(asked: string): Found {
  const all = SECTIONS.flatMap(explainSection);
  const path = withoutNames(asked);
  const exact = all.filter((each) => pathsOf(each).includes(path));
  const bare = all.filter((each) => lastOf(each.key) === path);
  const foreign = all.filter((each) => isCalled(each, asked));
  const keys = [exact, bare, foreign].find((found) => found.length > 0) ?? [];
  if (keys.length > 0) return { keys: keys.toSorted(byKey), suggestion: undefined };
  return { keys: [], suggestion: nearestKey(path, all) };
}

/** The keys of a table such as `site` or `app.mysite`, without those of tables in it; empty when there is no such table. */
export function keysOfTable(asked: string): KeyExplanation[] {
  const path = withoutNames(asked);
  const [table = "", ...more] = path.split(".");
  const isNamed = NAMED.has(table) && more.length === 1 && explainKey(asked).suggestion === undefined;
  const meant = isNamed ? table : path;
  return SECTIONS.filter(({ paths }) => paths.includes(meant)).flatMap(explainSection);
}

/** Of a path: another path, else a key of that last name. Of a word: a key, else a name of nginx or uWSGI. */
function nearestKey(path: string, all: readonly KeyExplanation[]): string | undefined {
  const last = lastOf(path);
  const near = nearest(
    last,
    all.map(({ key }) => lastOf(key)),
  );
  if (path === last) return near ?? nearest(last, all.flatMap(namesOf));
  return nearest(path, all.flatMap(pathsOf)) ?? near;
}

/** Every key once, by its first place. */
export function everyKey(): string[] {
  return SECTIONS.flatMap(explainSection).map(({ key }) => key);
}

function explainSection({ paths, schema }: ReferenceSection): KeyExplanation[] {
  const [first = "", ...others] = paths;
  return Object.entries(schema).map(([name, { doc, kind, fallbackText, only }]) => ({
    key: `${first}.${name}`,
    alsoIn: others,
    expected: kind.expected,
    fallback: fallbackText,
    only,
    ...peersOf(doc),
  }));
}

/** `site.0.routes."/static/".files` → `site.routes.files`. */
function withoutNames(asked: string): string {
  const parts = (asked.match(/"[^"]*"|'[^']*'|[^."']+/g) ?? []).filter((part) => !/^\[?\d*\]?$/.test(part));
  const [table = "", second, ...rest] = parts.map((part) => part.replace(/\[\d*\]$|^\[+|\]+$/g, ""));
  if (NAMED.has(table) && rest.length > 0 && second !== undefined) {
    const isKey = SECTIONS.some(({ paths, schema }) => paths.includes(table) && Object.hasOwn(schema, second));
    return [table, ...(isKey ? [second] : []), ...rest].join(".");
  }
  const isRoute = table === "site" && second === "routes" && rest.length > 0;
  const below = isRoute && (/["'/~=]/.test(rest[0] ?? "") || rest[0] === "PATTERN") ? rest.slice(1) : rest;
  return [table, ...(second === undefined ? [] : [second]), ...below].join(".");
}

function pathsOf({ key, alsoIn }: KeyExplanation): string[] {
  return [key, ...alsoIn.map((table) => `${table}.${lastOf(key)}`)];
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

function namesOf({ nginx, uwsgi }: KeyExplanation): string[] {
  return [nginx, uwsgi].flatMap((text) => (text === undefined ? [] : peerNames(text)));
}

/** uWSGI's options may be written with their dashes. */
function isCalled(explanation: KeyExplanation, asked: string): boolean {
  const name = asked.replace(/^--/, "");
  return namesOf(explanation).includes(name) || namesOf(explanation).includes(name.replaceAll("_", "-"));
}

function byKey(a: KeyExplanation, b: KeyExplanation): number {
  return a.key < b.key ? -1 : 1;
}
