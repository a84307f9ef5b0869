/**
 * `"pattern" = { target }` as it was written → the route as it is matched and answered.
 *
 *   "/x/"      prefix, at segment boundaries        "~ regex"    regular expression
 *   "= /x"     this path only                       "~* regex"   the same, ignoring case
 */
import { groupsOf, unusableNames } from "../exchange/captures.ts";
import { routeRegex } from "../exchange/router.ts";
import type { Scope } from "../exchange/scope.ts";
import { routeScope, siteScope } from "../exchange/site-scope.ts";
import { refuseStatus, resolveAnswer } from "./answers.ts";
import type { EncodingConfig, RouteConfig, RouteTarget } from "./config.ts";
import type { GuardsConfig } from "./guards-config.ts";
import type { Context } from "./context.ts";
import { resolveEncoding } from "./encoding.ts";
import { resolveFallback } from "./fallback.ts";
import { resolveFiles } from "./files.ts";
import { resolveGuards } from "./guards.ts";
import { resolveHeaders } from "./headers.ts";
import type { Section } from "./keys.ts";
import { type mountsOf, resolveMount } from "./mounts.ts";
import type { Placed } from "./kinds.ts";
import type { Place } from "./place.ts";
import { resolveResponseCache } from "./response-cache.ts";
import { resolveRules } from "./rules.ts";
import { ROUTE_TARGETS, type ROUTE, type TARGET } from "./schema-site.ts";
import { readTemplate } from "./templates.ts";

export type RouteSection = Section<typeof ROUTE>;
export type TargetSection = Section<typeof TARGET>;

const PATTERN_EXPECTED = 'should be "/prefix/", "= /exact", "~ regex" or "~* regex"';

/** What the strings of a route may name: captures of the site's names and its own, and what everyone may. */
export interface RouteScopes {
  readonly names: readonly string[];
  readonly outer: Scope;
  /** Those of the site. */
  readonly guards: GuardsConfig;
  readonly mounts: ReturnType<typeof mountsOf>;
  readonly encoding: EncodingConfig;
}

const ANYTHING: Scope = { find: () => ({ phase: "request", form: "own", read: () => "" }), names: () => [] };

/** Undefined when it cannot be served; what is wrong was reported. */
export function resolveRoute(
  route: Placed<RouteSection> & { name: string },
  context: Context,
  { names, outer, guards, mounts, encoding: inherited }: RouteScopes,
): RouteConfig | undefined {
  const match = readPattern(route.place, route.name);
  // Of a pattern that is none no capture is missed: that would be a second message about one mistake.
  const scope = match === undefined ? ANYTHING : routeScope(match, names, outer);
  const resolve = (section: TargetSection) =>
    resolveTarget(section, context, scope, (app) => resolveMount(app, match, mounts));
  const target = resolve(route.value);
  const headers = resolveHeaders(route.value.values.headers, scope);
  const ownGuards = resolveGuards(route.value, guards, context, siteScope(names, outer));
  const fallback = resolveFallback(route.value, target, resolve);
  const rules = resolveRules(route.value.values.rules, "route", scope);
  if (match === undefined || target === undefined) return undefined;
  const { internal, max_body_size: bodyBytesMax } = route.value.values;
  const encoding = resolveEncoding(route.value.values, inherited);
  const logged = route.value.values.access_log === "on";
  const settled = { pattern: route.name, match, internal, logged, bodyBytesMax, headers, encoding, target };
  return { ...settled, guards: ownGuards, rules, fallback };
}

export function readPattern(place: Place, written: string): RouteConfig["match"] | undefined {
  const [, sign = "", rest = ""] = /^(=|~\*|~|\^~|)\s*(.*)$/s.exec(written) ?? [];
  switch (sign) {
    case "~":
    case "~*":
      return readRegex(place, rest, sign === "~*");
    case "^~":
      return void place.wrongKey({ what: "begins with nginx's ^~", should: PATTERN_EXPECTED, suggestion: rest });
    default:
      if (!isPath(place, rest)) return undefined;
      return { kind: sign === "=" ? "exact" : "prefix", path: rest };
  }
}

function readRegex(place: Place, source: string, ignoreCase: boolean): RouteConfig["match"] | undefined {
  try {
    if (source === "") throw new SyntaxError("it is empty");
    const match = { kind: "regex", source, ignoreCase } as const;
    const [bad] = unusableNames(groupsOf(routeRegex(match)));
    if (bad === undefined) return match;
    const should = "should have groups named in letters, digits and _";
    return void place.wrongKey({ what: `has a group ${bad}`, should });
  } catch (error) {
    const what = `is not a regular expression: ${(error as Error).message.replace(/^Invalid regular expression: /, "")}`;
    return void place.wrongKey({
      what,
      should: "should be one as JavaScript writes them",
      suggestion: source.includes("(?P<") ? String(place.path.at(-1)).replaceAll("(?P<", "(?<") : undefined,
    });
  }
}

/** What is compared is the path after decoding, without `.` and `..`: a pattern that has them would never match. */
function isPath(place: Place, path: string): boolean {
  const refuse = (what: string, should: string, suggestion?: string) => {
    place.wrongKey({ what, should, suggestion });
    return false;
  };
  if (!path.startsWith("/")) return refuse("is not a pattern", PATTERN_EXPECTED, path === "" ? undefined : `/${path}`);
  if (/[?#]/.test(path)) return refuse("has a ? or #", "should be a path only; a query is never compared");
  if (/\/\.{0,2}\//.test(path) || /\/\.\.?$/.test(path)) {
    return refuse("has an empty, . or .. segment", "should be as it is after these were resolved");
  }
  if (/%[0-9A-Fa-f]{2}/.test(path)) return refuse("is percent-encoded", "should be written decoded", decoded(path));
  return true;
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function resolveTarget(
  section: TargetSection,
  context: Context,
  scope: Scope,
  mountOf: (section: TargetSection) => string,
): RouteTarget | undefined {
  const { place, values } = section;
  const written = ROUTE_TARGETS.filter((target) => place.has(target));
  const [kind] = written;
  if (kind === undefined || written.length > 1) {
    const what = written.length === 0 ? "has no target" : `has ${written.length} targets (${written.join(", ")})`;
    return void place.wrongKey({ what, should: `should have exactly one of ${ROUTE_TARGETS.join(", ")}` });
  }
  refuseStatus(place, kind);
  if (place.has("cache") && (kind === "redirect" || kind === "respond" || kind === "error")) {
    place.into("cache").wrongKey({ what: "has no meaning here", should: "belongs to files, app and upstream" });
  }
  switch (kind) {
    case "files":
      return resolveFiles(section, context, scope);
    case "app":
      if (values.app === undefined) return undefined;
      return resolveApp(section, values.app, { context, scope, mount: mountOf(section) });
    case "upstream":
      return resolveProxied(section, context, scope);
    case "redirect":
    case "respond":
    case "error":
      return resolveAnswer(kind, place, values, scope);
  }
}

function resolveApp(
  section: TargetSection,
  app: string,
  { context, scope, mount }: { readonly context: Context; readonly scope: Scope; readonly mount: string },
): RouteTarget {
  const cache = resolveResponseCache(section, context, scope);
  const { request_timeout: requestTimeoutMs } = section.values;
  const target = { kind: "app" as const, app, mount, cache };
  return requestTimeoutMs === undefined ? target : { ...target, requestTimeoutMs };
}

function resolveProxied(section: TargetSection, context: Context, scope: Scope): RouteTarget | undefined {
  const { place, values } = section;
  const { upstream, strip_prefix: stripPrefix, uri } = values;
  if (upstream === undefined || (uri !== undefined && !isUri(place.into("uri"), uri, scope))) return undefined;
  if (uri !== undefined && stripPrefix) {
    return void place
      .into("strip_prefix")
      .wrongKey({ what: "has no meaning beside uri", should: "should be left out" });
  }
  return { kind: "upstream", upstream, stripPrefix, uri, cache: resolveResponseCache(section, context, scope) };
}

/** It begins the request target, so it begins with a path whatever the client sends. */
function isUri(place: Place, written: string, scope: Scope): boolean {
  const template = readTemplate(place, written, scope);
  if (template === undefined) return false;
  const [first] = template.parts;
  const isPath =
    typeof first === "string" ? /^\/(?!\/)/.test(first) : first?.form === "path" || first?.form === "target";
  if (!isPath) place.unfit('"/path", in which variables may stand');
  return isPath;
}
