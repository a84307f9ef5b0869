/** `files` of a route as it was written → the directories or the file that are served. */
import { existsSync } from "node:fs";
import type { Scope } from "../exchange/scope.ts";
import { DEFAULT_CACHE_RULES } from "../files/cache-control.ts";
import type { FileRulesConfig, FilesRoot, RouteTarget } from "./config.ts";
import { absolute, type Context } from "./context.ts";
import { requireDirectory, requireFound, requireReadable } from "./paths.ts";
import type { Placed } from "./kinds.ts";
import type { Place } from "./place.ts";
import { fileCacheRules } from "./response-cache.ts";
import type { TargetSection } from "./routes.ts";
import { DEFAULT_INDEX, FILES_EXPECTED } from "./schema-site.ts";
import { readTemplate } from "./templates.ts";

type FilesTarget = Extract<RouteTarget, { kind: "files" }>;

const OF_DIRECTORIES = ["index", "listing", "symlinks", "hidden", "absolute_redirect"] as const;

export function resolveFiles(section: TargetSection, context: Context, scope: Scope): FilesTarget | undefined {
  const { place, values } = section;
  const { files } = values;
  if (files === undefined) return undefined;
  const cache = fileCacheRules(section) ?? DEFAULT_CACHE_RULES;
  const found = files.map(({ place: where, value }) => resolveRoot(where, value, section, context, scope));
  const [first, ...further] = found;
  if (first === undefined) return isEmptyList(place.into("files"));
  if (found.length > 1 && !areDirectories(found, files)) return undefined;
  const isWhole = (each: Root | undefined): each is Root => each !== undefined;
  if (!isWhole(first) || !further.every(isWhole)) return undefined;
  for (const key of first.single ? OF_DIRECTORIES.filter((each) => place.has(each)) : []) {
    place.into(key).wrongKey({ what: "has no meaning here", should: "belongs to a directory" });
  }
  const index = values.index?.map((entry) => entry.value) ?? DEFAULT_INDEX;
  const rootOf = ({ path, below }: Root) => ({ path, below });
  return {
    kind: "files",
    roots: [rootOf(first), ...further.map(rootOf)],
    single: first.single,
    index,
    rules: resolveRules(values),
    cache,
  };
}

/** Of a list in which nothing is right that has been said. */
function isEmptyList(place: Place): undefined {
  if (Array.isArray(place.value) && place.value.length === 0) place.unfit(FILES_EXPECTED);
}

interface Root extends FilesRoot {
  readonly single: boolean;
}

function resolveRoot(
  place: Place,
  written: string,
  { place: target }: TargetSection,
  context: Context,
  scope: Scope,
): Root | undefined {
  const split = splitPath(place, written, scope);
  if (split === undefined) return undefined;
  const path = absolute(context, split.root);
  const single = isSingle(place, target, path, split.below, context);
  return single === undefined ? undefined : { path, below: split.below, single };
}

/** Of several, each: what a file could not answer would never be looked for in those behind it. */
function areDirectories(found: readonly (Root | undefined)[], files: readonly Placed<string>[]): boolean {
  const single = files.filter((_, index) => found[index]?.single === true);
  for (const { place } of single) {
    place.wrong({
      what: `names ${String(place.value)}, a file`,
      should: "should be a directory, as all in a list; a file has a route of its own",
    });
  }
  return single.length === 0;
}

/** Is it one file? Undefined after reporting what is wrong with it. */
function isSingle(
  place: Place,
  target: Place,
  path: string,
  below: string | undefined,
  context: Context,
): boolean | undefined {
  if (context.isTranslated && !existsSync(path)) {
    place.warn({
      what: `names ${path}, which does not exist`,
      should: "should be made; until then it is answered 404",
    });
    const isOne = typeof target.into("files").value === "string";
    const isMeant = String(place.value).endsWith("/") || OF_DIRECTORIES.some((key) => target.has(key));
    return below === undefined && isOne && !isMeant;
  }
  const found = requireFound(place, path, "an existing directory or file");
  if (found === undefined) return undefined;
  const single = !found.isDirectory() && below === undefined;
  return (single ? requireReadable(place, path) : requireDirectory(place, path)) ? single : undefined;
}

function resolveRules(values: TargetSection["values"]): FileRulesConfig {
  const { listing, symlinks, hidden, absolute_redirect: absoluteRedirect, max_ranges: rangesMax } = values;
  return { listing, symlinks, hidden, absoluteRedirect, rangesMax };
}

interface SplitPath {
  /** Without variables. */
  readonly root: string;
  /** A template that begins with `/`; undefined when there is no variable. */
  readonly below: string | undefined;
}

/** `/home/$1/www` is `/$1/www` below `/home`: what a client can choose never leaves a directory that it did not choose. */
function splitPath(place: Place, written: string, scope: Scope): SplitPath | undefined {
  const template = readTemplate(place, written, scope);
  if (template === undefined) return undefined;
  if (template.constant !== undefined)
    return { root: Buffer.from(template.constant, "latin1").toString(), below: undefined };
  const variable = written.search(/(?<!\$)(?:\$\$)*\$(?!\$)[A-Za-z_0-9{]/);
  const slash = written.lastIndexOf("/", variable);
  if (slash === -1) return void place.unfit("a path whose first directory has no variable");
  const root = written.slice(0, slash).replaceAll("$$", "$");
  return { root: root === "" ? "/" : root, below: written.slice(slash) };
}
