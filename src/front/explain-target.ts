/** Of `server explain`: what answers, in words. */
import type { RouteTarget } from "../config/config.ts";
import { CLOSE_STATUS } from "../exchange/error-target.ts";

export function describeTarget(target: RouteTarget): string {
  switch (target.kind) {
    case "files":
      return `${target.single ? "the file" : "files of"} ${target.roots.map(({ path }) => path).join(", then ")}`;
    case "app":
      return `app ${target.app}`;
    case "upstream":
      return `upstream ${target.upstream}`;
    case "redirect":
      return `${target.status}: redirect to ${target.to}`;
    case "respond":
      return `${target.status}: respond ${JSON.stringify(target.body)}`;
    case "error":
      return target.status === CLOSE_STATUS ? "the connection is closed" : `${target.status}: its error page`;
  }
}
