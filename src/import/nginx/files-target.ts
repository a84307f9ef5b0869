/**
 * root, alias, index and try_files → a target `files`. In nginx `root` is put before the whole path, `alias` in place of
 * the prefix; here a prefix route looks for what follows its prefix, and other routes for the whole path.
 */
import { statSync } from "node:fs";
import { extname, join } from "node:path";
import { DEFAULT_TYPE } from "../../files/mime.ts";
import type { RouteKey, Settings, Value } from "../plan.ts";
import type { Block } from "./block.ts";
import { type Located, type Location, reachesFolders, triedFiles } from "./location.ts";
import type { Directive } from "./parser.ts";
import { countOf, pathOf, stringOf, type Translation } from "./translation.ts";

/** A target as it stands in `otherwise`; settings of a route beside it. */
export type TargetOf = (name: string) => Value | undefined;

/** Where files are when nothing says so. */
const DEFAULT_ROOT = "html";

/** False when the location has no root, and nothing stands in nginx's default one. */
export function filesTarget(
  t: Translation,
  located: Located,
  settings: Settings<RouteKey>,
  targetOf: TargetOf,
): boolean {
  const { block, directive } = located.location;
  const where = block.inForceOf(["root", "alias"]).at(-1);
  const path = where === undefined ? undefined : directoryOf(t, located, where);
  if (where !== undefined && path === undefined) return false;
  if (where === undefined && !usesFiles(located.location)) {
    t.ledger.noEffect(directive, `answers nothing of its own; nginx looks in its default folder ${DEFAULT_ROOT}`);
    return false;
  }
  settings.set("files", path ?? pathOf(DEFAULT_ROOT, t.prefix), where?.origin ?? directive.origin);
  if (where !== undefined) t.ledger.translated(where, `files = ${JSON.stringify(path)}`);
  if (!settingsOfFile(located)) directorySettings(t, located.location, settings);
  ownType(t, located.location, block);
  tryFiles(t, located, settings, targetOf);
  return true;
}

function usesFiles(location: Location): boolean {
  const { block } = location;
  return triedFiles(location) !== undefined || block.one("autoindex") !== undefined || block.one("index") !== undefined;
}

/** `= /favicon.ico` with an alias leads to one file, and so does an expression without captures in it. */
function settingsOfFile({ location }: Located): boolean {
  const { match, block } = location;
  if (!block.has("alias")) return false;
  return match.kind === "exact" || (match.kind === "regex" && !hasCaptures(block.one("alias")?.args[0]?.text ?? ""));
}

function hasCaptures(path: string): boolean {
  return /\$(\d|\{?[a-z])/.test(path);
}

function directoryOf(t: Translation, located: Located, where: Directive): string | undefined {
  const { match } = located.location;
  const captures = match.kind === "regex" ? match.captures : [];
  const written = where.args[0]?.text ?? "";
  const text = stringOf(t, where, written, captures);
  if (text === undefined) return undefined;
  const path = pathOf(text, t.prefix);
  if (where.name === "root") return rootPath(t, located, where, path);
  return aliasPath(t, located, where, path);
}

function rootPath(t: Translation, located: Located, where: Directive, path: string): string {
  const { match } = located.location;
  if (where.args[0]?.text.endsWith("/") === true && match.kind !== "regex" && match.path !== "/")
    noteDoubled(t, where, match.path);
  if (located.isMounted && match.kind !== "regex") return join(path, match.path);
  return path;
}

/** `location /static/ { root /srv/static/; }` looks in /srv/static/static. */
function noteDoubled(t: Translation, where: Directive, path: string): void {
  const last = path.replace(/\/$/, "").split("/").at(-1) ?? "";
  const root = where.args[0]?.text.replace(/\/$/, "") ?? "";
  if (last !== "" && root.endsWith(`/${last}`)) {
    t.ledger.translated(
      where,
      `as nginx reads it, in ${root}${path}; if that is not meant, write files = ${JSON.stringify(`${root}/`)}`,
    );
  }
}

/** All that fits the expression is answered with it. */
function isOneFile(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? !path.endsWith("/") && extname(path) !== "" : found.isFile();
}

function aliasPath(t: Translation, located: Located, where: Directive, path: string): string | undefined {
  const { match } = located.location;
  if (match.kind === "regex") {
    if (hasCaptures(path) || isOneFile(path)) return path;
    return void t.ledger.lost(
      where,
      "an alias to a folder beside an expression needs its captures, as in alias /srv/$1; nginx finds no file otherwise",
    );
  }
  if (match.kind === "exact") return path;
  const [closed, isOpen] = [match.path.endsWith("/"), !path.endsWith("/")];
  if (closed && isOpen) {
    t.ledger.noEffect(
      where,
      `without a / at its end nginx looked for ${path}x in place of ${path}/x; ${path}/ was probably meant, and is used`,
    );
  } else if (!closed && !isOpen) {
    t.ledger.translated(where, `files; that ${match.path}../x leads out of the folder in nginx is not carried over`);
  }
  if (located.capturesRest) return `${path.replace(/\/$/, "")}/$1`;
  return path.endsWith("/") ? path : `${path}/`;
}

/** It is one for a whole site here. Authorities do not look at that of a token. */
function ownType(t: Translation, { match }: Located["location"], block: Block): void {
  const directive = block.own("default_type").at(-1);
  if (directive === undefined) return;
  const isToken = match.kind !== "regex" && match.path.includes("acme-challenge");
  if (isToken) return t.ledger.notNeeded(directive, "authorities do not look at the type of a token");
  if (directive.args[0]?.text === DEFAULT_TYPE)
    return t.ledger.defaultHere(directive, `${DEFAULT_TYPE} is the default`);
  t.ledger.lost(
    directive,
    "is one for the whole site here: default_type of a [[site]]; or name the types of extensions in `types`",
  );
}

function directorySettings(t: Translation, location: Location, settings: Settings<RouteKey>): void {
  const { block } = location;
  indexOf(t, location, settings);
  const listing = block.one("autoindex");
  if (listing?.args[0]?.text === "on") {
    settings.set("listing", true, listing.origin);
    t.ledger.translated(listing, "listing = true");
  } else if (listing !== undefined) t.ledger.defaultHere(listing, "directories are not listed");
  const ranges = block.one("max_ranges");
  const most = ranges && countOf(t, ranges, ranges.args[0]?.text);
  if (ranges !== undefined && most !== undefined) {
    settings.set("max_ranges", Math.min(most, 1000), ranges.origin);
    t.ledger.translated(ranges, "max_ranges");
  }
  const links = block.one("disable_symlinks");
  if (links !== undefined) {
    settings.set("symlinks", links.args[0]?.text === "off" ? "follow" : "deny", links.origin);
    t.ledger.translated(links, "symlinks");
  }
  const absolute = block.one("absolute_redirect");
  if (absolute?.args[0]?.text === "on") settings.set("absolute_redirect", true, absolute.origin);
  if (absolute !== undefined) t.ledger.translated(absolute, "absolute_redirect");
}

/** Names in the folder that is asked for. Of variables only those with one value; a path would be another location's. */
function indexOf(t: Translation, { block, match }: Location, settings: Settings<RouteKey>): void {
  const index = block.one("index");
  if (index === undefined) return;
  const names = index.args.flatMap(({ text }) => stringOf(t, index, text) ?? []);
  const other = names.find((name) => !isName(name));
  if (other !== undefined && reachesFolders(match)) {
    const remedy = 'take it out of index, and write rules with match = "/$" and rewrite for it';
    t.ledger.lost(index, `an index is a plain name here, and ${other} is none: ${remedy}`);
  }
  const plain = names.filter(isName);
  if (plain.length === 0) return;
  if (plain.join(" ") === "index.html") return t.ledger.defaultHere(index, "index.html is looked for");
  settings.set("index", plain.length === 1 ? (plain[0] as string) : plain, index.origin); // length 1
  t.ledger.translated(index, "index");
}

/** Neither a path nor a name with variables. */
function isName(name: string): boolean {
  return !/\/|\$(?!ENV\{)/.test(name);
}

function tryFiles(t: Translation, located: Located, settings: Settings<RouteKey>, targetOf: TargetOf): void {
  const directive = triedFiles(located.location);
  if (directive === undefined) return;
  const words = directive.args.map(({ text }) => text);
  const last = words.pop() ?? "";
  const candidates = words.map((word) => candidateOf(t, located, directive, word));
  const isUsual = words.join(" ") === "$uri $uri/";
  if (!isUsual && candidates.every((each) => each !== undefined))
    settings.set("try", candidates as string[], directive.origin);
  const otherwise = otherwiseOf(t, directive, last, targetOf);
  if (otherwise !== undefined && otherwise !== 404) settings.set("otherwise", otherwise, directive.origin);
  if (isUsual && otherwise === 404) t.ledger.defaultHere(directive, "files, then directories, else 404");
  else t.ledger.translated(directive, "try and otherwise");
}

/** A name below the directory that the route serves; `$uri` is what follows its prefix. */
function candidateOf(t: Translation, located: Located, directive: Directive, word: string): string | undefined {
  const text = stringOf(t, directive, word.replaceAll("$document_uri", "$uri"));
  if (text === undefined || text.startsWith("$uri")) return text;
  const { match } = located.location;
  const hasAlias = located.location.block.has("alias");
  if (!located.isMounted || match.kind === "regex" || match.path === "/" || hasAlias) return text;
  const prefix = match.path.endsWith("/") ? match.path : `${match.path}/`;
  if (text.startsWith(prefix)) return text.slice(prefix.length - 1);
  return void t.ledger.lost(
    directive,
    `${word} lies outside of ${match.path}; a route serves files below its own folder only`,
  );
}

function otherwiseOf(t: Translation, directive: Directive, last: string, targetOf: TargetOf): Value | undefined {
  const status = /^=(\d{3})$/.exec(last)?.[1];
  if (status !== undefined && Number(status) >= 400) return Number(status);
  if (last.startsWith("@")) {
    const target = targetOf(last);
    if (target === undefined) t.ledger.lost(directive, `what ${last} does cannot be carried over`);
    return target;
  }
  const [path = "", query] = last.replace(/\$is_args\$(args|query_string)$/, "").split("?", 2);
  if (path.startsWith("/") && !path.includes("$")) {
    if (query !== undefined && !/^(\$is_args)?(\$args|\$query_string)?$/.test(query)) {
      t.ledger.lost(directive, `the query ?${query} is not set here; the client's goes on`);
    }
    return path;
  }
  if (last === "$uri") return 404;
  return void t.ledger.lost(
    directive,
    `${last} as the last of try_files has no counterpart; name a path, a status or @name`,
  );
}
