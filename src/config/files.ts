/** `files` of a route as it was written → the directory or file that is served. */
import { existsSync } from "node:fs";
import type { Scope } from "../exchange/scope.ts";
import { DEFAULT_CACHE_RULES } from "../files/cache-control.ts";
import type { FileRulesConfig, RouteTarget } from "./config.ts";
import { absolute, type Context } from "./context.ts";
import { requireDirectory, requireFound, requireReadable } from "./paths.ts";
import type { Place } from "./place.ts";
import { fileCacheRules } from "./response-cache.ts";
import type { TargetSection } from "./routes.ts";
import { DEFAULT_INDEX } from "./schema-site.ts";
import { readTemplate } from "./templates.ts";

type FilesTarget = Extract<RouteTarget, { kind: "files" }>;

const OF_DIRECTORIES = ["index", "listing", "symlinks", "hidden", "absolute_redirect"] as const;

export function resolveFiles(section: TargetSection, context: Context, scope: Scope): FilesTarget | undefined {
  const { place, values } = section;
  if (values.files === undefined) return undefined;
  const cache = fileCacheRules(section) ?? DEFAULT_CACHE_RULES;
  const where = place.into("files");
  const split = splitPath(where, values.files, scope);
  if (split === undefined) return undefined;
  const path = absolute(context, split.root);
  const single = isSingle(section, path, split.below, context);
  if (single === undefined) return undefined;
  for (const key of single ? OF_DIRECTORIES.filter((each) => place.has(each)) : []) {
    place.into(key).wrongKey({ what: "has no meaning here", should: "belongs to a directory" });
  }
  const index = values.index?.map((entry) => entry.value) ?? DEFAULT_INDEX;
  return {
    kind: "files",
    path,
    single,
    below: split.below,
    index,
    rules: resolveRules(values),
    cache,
  };
}

/** Is it one file? Undefined after reporting what is wrong with it. */
function isSingle(
  { place: target }: TargetSection,
  path: string,
  below: string | undefined,
  context: Context,
): boolean | undefined {
  const place = target.into("files");
  if (context.isTranslated && !existsSync(path)) {
    place.warn({
      what: `names ${path}, which does not exist`,
      should: "should be made; until then it is answered 404",
    });
    const isMeant = String(place.value).endsWith("/") || OF_DIRECTORIES.some((key) => target.has(key));
    return below === undefined && !isMeant;
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
