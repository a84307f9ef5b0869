/**
 * The locations of a server → patterns of routes in the order that means the same. The order is nginx's here, too (exact,
 * longest prefix, expressions in their order), with three differences:
 *
 *   ^~ /x/      no expression is tried below it: where there are expressions it becomes one itself, before them
 *   nested      what stands inside a location is tried before what stands beside it
 *   /x          a prefix ends at a segment here: `/xy` is not in it
 */
import { Block } from "./block.ts";
import type { Ledger } from "./ledger.ts";
import type { Directive } from "./parser.ts";
import { convertRegex } from "../regex.ts";
import { withPlaceholders } from "./strings.ts";

export type LocationMatch =
  | { readonly kind: "exact" | "prefix" | "only-prefix"; readonly path: string }
  | {
      readonly kind: "regex";
      readonly source: string;
      readonly ignoreCase: boolean;
      readonly captures: readonly string[];
    };

export interface Location {
  readonly directive: Directive;
  readonly block: Block;
  readonly match: LocationMatch;
  /** Of an expression inside a prefix: that, since nginx asks nobody else below it first. */
  readonly inside?: string | undefined;
}

/** `try_files` is not inherited: that of a server is for what no location has. */
export function triedFiles({ directive, block }: Location): Directive | undefined {
  return directive.name === "server" ? block.one("try_files") : block.own("try_files").at(-1);
}

export function regexOf({ source, ignoreCase }: { readonly source: string; readonly ignoreCase: boolean }): RegExp {
  return new RegExp(source, ignoreCase ? "is" : "s");
}

/** Can a path in it end with a slash? `\.(css|js)$` fits none. */
export function reachesFolders(match: LocationMatch): boolean {
  if (match.kind === "exact") return match.path.endsWith("/");
  return match.kind !== "regex" || !/(?:\w|\((?:\?:)?[\w|?]+\))\$$/.test(match.source.replace(/\\\w/g, "\\."));
}

export interface Located {
  /** Of server.toml. */
  readonly pattern: string;
  readonly location: Location;
  /** Is the path below its prefix what a directory of files is asked for, or the whole path? */
  readonly isMounted: boolean;
  /** The expression of a `^~` prefix captures what follows the prefix as `$1`. */
  readonly capturesRest: boolean;
}

export interface Locations {
  readonly routed: readonly Located[];
  /** `@name` → its block. */
  readonly named: ReadonlyMap<string, Location>;
}

export function readLocations(server: Block, ledger: Ledger): Locations {
  const named = new Map<string, Location>();
  const flat = flatten(server, ledger, named, undefined);
  const prefixes = flat.flatMap(({ match }) =>
    match.kind === "prefix" || match.kind === "only-prefix" ? [match.path] : [],
  );
  const hasRegex = flat.some(({ match }) => match.kind === "regex");
  const located = flat.map((location): Located => {
    const { match } = location;
    if (match.kind === "regex") {
      const pattern = `${match.ignoreCase ? "~*" : "~"} ${match.source}`;
      return { pattern, location, isMounted: false, capturesRest: false };
    }
    if (match.kind === "exact") return { pattern: `= ${match.path}`, location, isMounted: false, capturesRest: false };
    if (match.kind === "only-prefix" && hasRegex && match.path !== "/") {
      return { pattern: onlyPrefix(match.path, prefixes), location, isMounted: false, capturesRest: true };
    }
    return { pattern: match.path, location, isMounted: true, capturesRest: false };
  });
  return { routed: inOrder(withoutTwins(located, ledger)), named };
}

/** Locations with those inside them, the inner ones first. */
function flatten(
  around: Block,
  ledger: Ledger,
  named: Map<string, Location>,
  outer: LocationMatch | undefined,
): Location[] {
  return around.own("location").flatMap((directive) => {
    const block = new Block(directive.block ?? [], around);
    if (directive.block === undefined) {
      ledger.error(directive, "has no block { }");
      return [];
    }
    const name = directive.args[0]?.text ?? "";
    if (name.startsWith("@")) {
      named.set(name, { directive, block, match: { kind: "exact", path: name } });
      return [];
    }
    const match = readMatch(directive, ledger, outer);
    if (match === undefined) return [];
    const inside = match.kind === "regex" && outer?.kind !== "regex" && outer?.path !== "/" ? outer?.path : undefined;
    return [...flatten(block, ledger, named, match), { directive, block, match, inside }];
  });
}

function readMatch(directive: Directive, ledger: Ledger, outer: LocationMatch | undefined): LocationMatch | undefined {
  const [first = "", second] = directive.args.map(({ text }) => text);
  const [, sign = "", glued = ""] = /^(=|~\*|\^~|~)?(.*)$/s.exec(first) ?? [];
  const path = withPlaceholders(second ?? glued);
  if (sign === "~" || sign === "~*") {
    const regex = convertRegex(path, sign === "~*");
    if ("problem" in regex)
      return void ledger.lost(directive, `its expression cannot be carried over: ${regex.problem}`);
    return { kind: "regex", ...regex, source: below(regex.source, outer) };
  }
  if (!path.startsWith("/"))
    return void ledger.error(directive, `matches nothing: a path begins with /, as in "/${path}"`);
  if (/[?#]/.test(path)) return void ledger.noEffect(directive, "matches nothing: a query is no part of the path");
  const clean = path.replace(/\/{2,}/g, "/");
  if (sign === "=") return { kind: "exact", path: clean };
  return { kind: sign === "^~" ? "only-prefix" : "prefix", path: clean };
}

/** An expression inside a prefix location sees only what is below that. */
function below(source: string, outer: LocationMatch | undefined): string {
  if (outer === undefined || outer.kind === "regex" || outer.path === "/") return source;
  const prefix = escapeRegex(outer.path);
  return source.startsWith(`^${prefix}`) ? source : `^(?=${prefix})(?=.*?(?:${source}))`;
}

/** All below it, but for what a longer prefix has. */
function onlyPrefix(path: string, prefixes: readonly string[]): string {
  const longer = prefixes
    .filter((other) => other !== path && other.startsWith(path))
    .map((other) => `(?!${escapeRegex(other.slice(path.length))})`);
  return `~ ^${escapeRegex(path)}${longer.join("")}(.*)$`;
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** `/x` and `/x/` are one pattern here: the one without a slash is what `/x` itself meets. */
function withoutTwins(located: readonly Located[], ledger: Ledger): Located[] {
  const patterns = new Set<string>();
  return located.flatMap((each) => {
    const { pattern, location } = each;
    const isTwin = each.isMounted && !pattern.endsWith("/") && located.some((other) => other.pattern === `${pattern}/`);
    const own = isTwin ? `= ${pattern}` : pattern;
    if (patterns.has(own)) {
      ledger.error(location.directive, "stands here twice; nginx does not start with this file");
      return [];
    }
    patterns.add(own);
    return [{ ...each, pattern: own, isMounted: each.isMounted && !isTwin }];
  });
}

/** Expressions keep their order, but those of `^~` and those inside a prefix come first, of the longest prefix before the
 *  others; the rest as it is written. */
function inOrder(located: readonly Located[]): Located[] {
  const isFirst = ({ capturesRest, location }: Located) => capturesRest || location.inside !== undefined;
  // Inside counts half a character more than the prefix itself.
  const lengthOf = ({ location: { inside, match } }: Located) =>
    inside !== undefined ? inside.length + 0.5 : match.kind === "regex" ? 0 : match.path.length;
  const first = located.filter(isFirst).toSorted((a, b) => lengthOf(b) - lengthOf(a));
  return [...first, ...located.filter((each) => !isFirst(each))];
}
