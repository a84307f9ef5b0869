/** A route's directory of files, as its handler wants it; for the handlers of a front and for `server explain`. */
import type { Log } from "../base/log.ts";
import type { RouteConfig, RouteTarget, ServerConfig, SiteConfig } from "../config/config.ts";
import { Charset } from "../exchange/charset.ts";
import type { Scope } from "../exchange/scope.ts";
import { CachePolicy } from "../files/cache-control.ts";
import { FileCache } from "../files/cache.ts";
import { Copies } from "../files/copies.ts";
import { OPEN_FILES_MAX, OpenFiles } from "../files/open-files.ts";
import type { FilesOptions } from "../files/options.ts";
import { StaticManifest } from "../files/static-manifest.ts";
import { YoungFiles } from "../files/young-files.ts";
import { Compressions } from "./compressions.ts";
import { makeTemplate } from "./templates.ts";

/** What all file routes of a front share, so that one bound holds for all of them. */
export type SharedFiles = Required<Pick<FilesOptions, "cache" | "openFiles" | "young" | "log">>;

export function shareFiles({ bytesMax, revalidateMs }: ServerConfig["fileCache"], log: Log): SharedFiles {
  return {
    cache: new FileCache(bytesMax, revalidateMs),
    openFiles: new OpenFiles(OPEN_FILES_MAX, revalidateMs, new Copies(bytesMax / 2)),
    young: new YoungFiles(),
    log,
  };
}

type FilesTarget = Extract<RouteTarget, { kind: "files" }>;

/** Where the directory stands. */
export interface FilesSurroundings {
  readonly site: SiteConfig;
  readonly route: RouteConfig;
}

/** Of each directory, in order. */
export function filesOptions(
  target: FilesTarget,
  { site, route }: FilesSurroundings,
  scope: Scope,
  { compressions = new Compressions(), ...shared }: Partial<SharedFiles> & { readonly compressions?: Compressions },
): FilesOptions[] {
  const { compress, precompressed } = route.encoding;
  return target.roots.map(({ path, below }) => ({
    root: path,
    single: target.single,
    nothingBelow: target.single && route.match.kind === "prefix" && !route.match.path.endsWith("/"),
    below: below === undefined ? undefined : makeTemplate(below, scope),
    index: target.index,
    links: target.rules.symlinks,
    hidden: target.rules.hidden,
    listing: target.rules.listing,
    absoluteRedirect: target.rules.absoluteRedirect,
    rangesMax: target.rules.rangesMax,
    cachePolicy: cachePolicyOf(target, path, shared.log),
    encoding: { siblings: precompressed, compression: compressions.ofFiles(compress) },
    types: site.types,
    charset: Charset.of(route.encoding),
    ...shared,
  }));
}

/** Hashed names are those of a whole directory: a single file is served under the one name that the route gives it. */
export function cachePolicyOf({ single, cache }: FilesTarget, directory: string, log?: Log): CachePolicy {
  return new CachePolicy(cache, single ? undefined : new StaticManifest(directory, log));
}
