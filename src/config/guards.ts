/**
 * What stands around the targets of a site or route, as it was written → as it is in force there: a route's word replaces
 * the site's; of error pages its own come first and the site's behind them.
 */
import { readFileSync } from "node:fs";
import { deniesNobody } from "../exchange/access.ts";
import { ERROR_PAGE_BYTES_MAX } from "../exchange/error-pages.ts";
import { HTPASSWD_BYTES_MAX, parseHtpasswd } from "../exchange/htpasswd.ts";
import type { Scope } from "../exchange/scope.ts";
import type { ErrorPageConfig, GuardsConfig } from "./guards-config.ts";
import { absolute, type Context } from "./context.ts";
import type { Section, Values } from "./keys.ts";
import { requireFound, requireReadable } from "./paths.ts";
import type { Place } from "./place.ts";
import { type AUTH, ERROR_PAGE_SOURCES, type ERROR_PAGE, type GUARDS } from "./schema-guards.ts";
import { readTemplate } from "./templates.ts";

export interface GuardsSection {
  readonly place: Place;
  readonly values: Values<typeof GUARDS>;
}

const NONE: GuardsConfig = {
  access: [],
  limits: [],
  auth: undefined,
  authRequest: undefined,
  satisfy: "all",
  errorPages: [],
  intercept: false,
};

/** `scope`: of the site, also in a route. */
export function resolveGuards(
  section: GuardsSection,
  inherited: GuardsConfig = NONE,
  context: Context,
  scope: Scope,
): GuardsConfig {
  const { place, values } = section;
  const written = (values.error_pages ?? []).flatMap(
    (page) => resolvePage(page.name, page.place, page.value, context, scope) ?? [],
  );
  const own = [...namingOnly(written, (status) => !isClass(status)), ...namingOnly(written, isClass)];
  const access = values.access?.map((rule) => rule.value);
  const satisfy = values.satisfy ?? inherited.satisfy;
  if (access !== undefined && access.at(-1) !== "allow all" && satisfy === "all" && deniesNobody(access)) {
    place.into("access").warn({ what: "lets everyone in", should: 'should end with "deny all" if others may not' });
  }
  const guarded = {
    access: access ?? inherited.access,
    auth: resolveAuth(values.auth, inherited.auth, context),
    authRequest: values.auth_request === "off" ? undefined : (values.auth_request ?? inherited.authRequest),
    satisfy,
  };
  if (values.satisfy === "any") checkSatisfiable(section, guarded);
  return {
    ...guarded,
    limits: values.limit?.map((limit) => limit.value) ?? inherited.limits,
    errorPages: own.length === 0 ? inherited.errorPages : [...own, ...inherited.errorPages],
    intercept: values.intercept ?? inherited.intercept,
  };
}

/** One of two needs two: with one alone it says nothing, and a reader would think that it does. */
function checkSatisfiable(
  { place }: GuardsSection,
  { access, auth, authRequest }: Pick<GuardsConfig, "access" | "auth" | "authRequest">,
): void {
  if (auth !== undefined && authRequest !== undefined) {
    const should = "should stand beside one of them: which of the two would have to let a request pass is not said";
    return place.into("satisfy").wrong({ what: 'is "any", and there are auth and auth_request', should });
  }
  if (access.length > 0 && (auth !== undefined || authRequest !== undefined)) return;
  const missing = auth === undefined && authRequest === undefined ? "auth" : "access";
  place
    .into("satisfy")
    .warn({ what: `is "any", but there is no ${missing}`, should: `should stand where ${missing} is in force, too` });
}

/** The pages with those of their statuses: a status wins over its class. */
function namingOnly(pages: readonly ErrorPageConfig[], fits: (status: string) => boolean): ErrorPageConfig[] {
  const kept = pages.map((page) => ({ ...page, statuses: page.statuses.filter(fits) }));
  return kept.filter((page) => page.statuses.length > 0);
}

function isClass(status: string): boolean {
  return status.endsWith("xx");
}

function resolveAuth(
  auth: "off" | Section<typeof AUTH> | undefined,
  inherited: GuardsConfig["auth"],
  context: Context,
): GuardsConfig["auth"] {
  if (auth === undefined) return inherited;
  if (auth === "off" || auth.values.users === undefined) return undefined;
  const users = absolute(context, auth.values.users);
  checkUsers(auth.place.into("users"), users);
  return { realm: auth.values.realm, users };
}

/** Each bad line is one message: whoever stands there could not log in. */
function checkUsers(place: Place, path: string): void {
  if (!requireFile(place, path, HTPASSWD_BYTES_MAX)) return;
  const { users, problems } = parseHtpasswd(readFileSync(path));
  for (const { line, what } of problems) {
    place.wrong({ what: `names ${path}, whose line ${line} ${what}`, should: "should be as `htpasswd -B` writes it" });
  }
  if (users.size === 0 && problems.length === 0) {
    place.warn({ what: `names ${path}, which has no users`, should: "should have one, or nobody can log in" });
  }
}

function requireFile(place: Place, path: string, bytesMax: number): boolean {
  const found = requireFound(place, path, "an existing file");
  if (found === undefined) return false;
  if (!found.isFile()) {
    place.wrong({ what: `names ${path}, which is no file`, should: "should be a file" });
    return false;
  }
  if (found.size > bytesMax) {
    place.wrong({ what: `names ${path}, which has ${found.size} bytes`, should: `should have at most ${bytesMax}` });
    return false;
  }
  return requireReadable(place, path);
}

function resolvePage(
  statuses: string,
  place: Place,
  page: string | Section<typeof ERROR_PAGE>,
  context: Context,
  scope: Scope,
): ErrorPageConfig | undefined {
  const common = { statuses: statuses.split(/ +/), status: undefined };
  if (typeof page === "string") return { ...common, source: fileSource(place, page, context) };
  const source = resolveSource(page, context, scope);
  return source === undefined ? undefined : { ...common, status: page.values.status, source };
}

function resolveSource(
  { place, values }: Section<typeof ERROR_PAGE>,
  context: Context,
  scope: Scope,
): ErrorPageConfig["source"] | undefined {
  const written = ERROR_PAGE_SOURCES.filter((source) => place.has(source));
  if (written.length !== 1) {
    const what = written.length === 0 ? "has no page" : `has ${written.length} pages (${written.join(", ")})`;
    return void place.wrong({ what, should: `should have exactly one of ${ERROR_PAGE_SOURCES.join(", ")}` });
  }
  if (values.file !== undefined) return fileSource(place.into("file"), values.file, context);
  if (values.respond !== undefined) {
    if (readTemplate(place.into("respond"), values.respond, scope, "reply") === undefined) return undefined;
    return { kind: "respond", text: values.respond, contentType: values.type };
  }
  if (values.route === undefined) return undefined;
  if (/^\/[^?#]*$/.test(values.route)) return { kind: "route", path: values.route };
  return void place.into("route").unfit("a path of this site, which begins with / and has no query");
}

function fileSource(place: Place, written: string, context: Context): ErrorPageConfig["source"] {
  const path = absolute(context, written);
  requireFile(place, path, ERROR_PAGE_BYTES_MAX);
  return { kind: "file", path };
}
