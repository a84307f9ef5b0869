/** `sendfile_roots` of an app or upstream as it was written → the directories below which it may name files. */
import { absolute, type Context } from "./context.ts";
import type { Placed } from "./kinds.ts";
import { requireDirectory } from "./paths.ts";
import type { Place } from "./place.ts";

export function resolveSendfileRoots(written: readonly Placed<string>[] | undefined, context: Context): string[] {
  return (written ?? []).map(({ place, value }) => resolveRoot(place, absolute(context, value)));
}

/** Every file of the machine would be too much to trust an app with. */
function resolveRoot(place: Place, path: string): string {
  if (path !== "/") requireDirectory(place, path);
  else place.wrong({ what: "names /, the root of the file system", should: "should be a directory of media" });
  return path;
}
