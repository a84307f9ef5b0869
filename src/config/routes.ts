/**
 * `"pattern" = { target }` as it was written → the route as it is matched and answered.
 *
 *   "/x/"      prefix, at segment boundaries        "~ regex"    regular expression
 *   "= /x"     this path only                       "~* regex"   the same, ignoring case
 */
import type { RouteConfig, RouteTarget } from "./config.ts";
import { absolute, type Context } from "./context.ts";
import type { Section } from "./keys.ts";
import type { Placed } from "./kinds.ts";
import { requireDirectory, requireFound, requireReadable } from "./paths.ts";
import type { Place } from "./place.ts";
import {
  DEFAULT_INDEX,
  DEFAULT_REDIRECT_STATUS,
  DEFAULT_RESPOND_STATUS,
  REDIRECT_STATUSES,
  ROUTE_TARGETS,
  type ROUTE,
} from "./schema-site.ts";

type RouteSection = Section<typeof ROUTE>;

const PATTERN_EXPECTED = 'should be "/prefix/", "= /exact", "~ regex" or "~* regex"';

/** RFC 9110 section 15: these have no content. */
const WITHOUT_CONTENT = new Set([204, 205, 304]);

/** Undefined when it cannot be served; what is wrong was reported. */
export function resolveRoute(
  route: Placed<RouteSection> & { name: string },
  context: Context,
): RouteConfig | undefined {
  const match = readPattern(route.place, route.name);
  const target = resolveTarget(route.value, context);
  if (match === undefined || target === undefined) return undefined;
  return { pattern: route.name, match, bodyBytesMax: route.value.values.max_body_size, target };
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
    new RegExp(source, ignoreCase ? "i" : "");
    return { kind: "regex", source, ignoreCase };
  } catch (error) {
    const what = `is not a regular expression: ${(error as Error).message.replace(/^Invalid regular expression: /, "")}`;
    return void place.wrongKey({
      what,
      should: "should be one as JavaScript writes them",
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

function resolveTarget({ place, values }: RouteSection, context: Context): RouteTarget | undefined {
  const written = ROUTE_TARGETS.filter((target) => place.has(target));
  const [kind] = written;
  if (kind === undefined || written.length > 1) {
    const what = written.length === 0 ? "has no target" : `has ${written.length} targets (${written.join(", ")})`;
    return void place.wrongKey({ what, should: `should have exactly one of ${ROUTE_TARGETS.join(", ")}` });
  }
  if (place.has("status") && kind !== "redirect" && kind !== "respond") {
    place.into("status").wrongKey({ what: "has no meaning here", should: "belongs to redirect and respond" });
  }
  switch (kind) {
    case "files":
      return resolveFiles(place, values, context);
    case "app":
      return values.app === undefined ? undefined : { kind, app: values.app };
    case "upstream":
      return values.upstream === undefined ? undefined : { kind, upstream: values.upstream };
    case "redirect":
      return resolveRedirect(place.into("status"), values);
    case "respond":
      return resolveRespond(place, values);
  }
}

function resolveFiles(place: Place, values: RouteSection["values"], context: Context): RouteTarget | undefined {
  if (values.files === undefined) return undefined;
  const where = place.into("files");
  const path = absolute(context, values.files);
  const found = requireFound(where, path, "an existing directory or file");
  if (found === undefined) return undefined;
  const single = !found.isDirectory();
  if (single ? !requireReadable(where, path) : !requireDirectory(where, path)) return undefined;
  if (single && place.has("index")) {
    place.into("index").wrongKey({ what: "has no meaning here", should: "belongs to a directory" });
  }
  const index = values.index?.map((entry) => entry.value) ?? DEFAULT_INDEX;
  return { kind: "files", path, single, index, cacheControl: values.cache };
}

function resolveRedirect(status: Place, values: RouteSection["values"]): RouteTarget | undefined {
  if (values.redirect === undefined) return undefined;
  const chosen = values.status === undefined ? DEFAULT_REDIRECT_STATUS : REDIRECT_STATUSES.read(status);
  return chosen === undefined ? undefined : { kind: "redirect", to: values.redirect, status: chosen };
}

function resolveRespond(place: Place, values: RouteSection["values"]): RouteTarget | undefined {
  if (values.respond === undefined) return undefined;
  const status = values.status ?? DEFAULT_RESPOND_STATUS;
  if (WITHOUT_CONTENT.has(status) && values.respond !== "") {
    return void place.into("respond").unfit(`"", since a reply with status ${status} has no content`);
  }
  return { kind: "respond", status, body: values.respond, contentType: values.type };
}
