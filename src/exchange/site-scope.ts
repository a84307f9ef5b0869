/** Which variables a string of the configuration may use, by where it stands: made alike by who checks and who serves. */
import { captureScope } from "./captures.ts";
import { hostRegex } from "./name-table.ts";
import { type RouteMatch, routeRegex } from "./router.ts";
import { nested, type Scope } from "./scope.ts";

/** In a site, outside its routes. `names`: those of the site; `outer`: everyone's (built-in ones and maps). */
export function siteScope(names: readonly string[], outer: Scope): Scope {
  return nested(captureScope(undefined, hostRegexes(names)), outer);
}

export function routeScope(match: RouteMatch, names: readonly string[], outer: Scope): Scope {
  const route = match.kind === "regex" ? routeRegex(match) : undefined;
  return nested(captureScope(route, hostRegexes(names)), outer);
}

function hostRegexes(names: readonly string[]): RegExp[] {
  return names.filter((name) => name.startsWith("~")).map(hostRegex);
}
