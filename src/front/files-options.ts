/** A route's directory of files, as its handler wants it; for the handlers of a front and for `server explain`. */
import type { RouteTarget } from "../config/config.ts";
import type { Scope } from "../exchange/scope.ts";
import type { FilesOptions } from "../files/handler.ts";
import { makeTemplate } from "./templates.ts";

type FilesTarget = Extract<RouteTarget, { kind: "files" }>;

export function filesOptions(
  target: FilesTarget,
  charset: string | undefined,
  scope: Scope,
  shared: Pick<FilesOptions, "cache" | "log">,
): FilesOptions {
  return {
    root: target.path,
    single: target.single,
    below: target.below === undefined ? undefined : makeTemplate(target.below, scope),
    index: target.index,
    cacheControl: target.cacheControl,
    charset,
    ...shared,
  };
}
