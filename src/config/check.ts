/**
 * What one key cannot know: names that refer to nothing, things that nobody uses, patterns that are the same.
 * Works on what was read, not on what was resolved, so that every mistake is found in one go.
 */
import type { Section } from "./keys.ts";
import type { Placed } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import type { Place } from "./place.ts";
import type { Finding } from "./problems.ts";
import type { ROOT } from "./schema.ts";
import type { ROUTE, SITE, TARGET } from "./schema-site.ts";

type Root = Section<typeof ROOT>;
type Site = Placed<Section<typeof SITE>>;

export function checkReferences(root: Root): void {
  const { values } = root;
  const used = { app: new Set<string>(), upstream: new Set<string>() };
  const routes = values.site.flatMap((site) => site.value.values.routes ?? []);
  for (const route of routes) {
    for (const kind of ["app", "upstream"] as const) {
      const known = values[kind].map((each) => each.name);
      for (const { place, values: target } of targetsOf(route.value)) {
        const name = target[kind];
        if (name !== undefined) used[kind].add(checkName(place.into(kind), name, kind, known));
      }
    }
  }
  refuseUris(
    values.upstream,
    routes.flatMap((route) => targetsOf(route.value)),
  );
  warnUnused(root, used);
}

/** A packet of uwsgi has no request target; its path is divided by strip_prefix, or set by params. */
function refuseUris(upstreams: Root["values"]["upstream"], targets: readonly Section<typeof TARGET>[]): void {
  for (const { place, values } of targets) {
    const upstream = upstreams.find(({ name }) => name === values.upstream);
    if (values.uri === undefined || upstream?.value.values.protocol !== "uwsgi") continue;
    place
      .into("uri")
      .wrongKey({ what: "has no meaning here", should: 'belongs to an upstream with protocol = "http"' });
  }
}

/** A route's own target, and the one it has otherwise. */
function targetsOf(route: Section<typeof ROUTE>): Section<typeof TARGET>[] {
  const { otherwise } = route.values;
  return typeof otherwise === "object" ? [route, otherwise] : [route];
}

/** The name that was meant, as far as can be known: one mistake is told once. */
function checkName(place: Place, name: string, kind: "app" | "upstream", known: readonly string[]): string {
  if (known.includes(name)) return name;
  const suggestion = nearest(name, known);
  const others = known.length === 0 ? `there is no [${kind}.NAME]` : `known: ${known.join(", ")}`;
  const should = suggestion === undefined ? others : undefined;
  place.wrong({ what: `names no ${kind}: ${JSON.stringify(name)}`, should, suggestion });
  return suggestion ?? name;
}

function warnUnused({ values }: Root, used: Readonly<Record<"app" | "upstream", ReadonlySet<string>>>): void {
  for (const { name, place } of values.app) {
    if (used.app.has(name) || place.has("uwsgi_socket")) continue;
    place.warn({
      what: "is run but never asked",
      should: `should have a route with app = ${JSON.stringify(name)}, or a uwsgi_socket`,
    });
  }
  for (const { name, place } of values.upstream) {
    if (used.upstream.has(name)) continue;
    place.warn({ what: "is never asked", should: `should have a route with upstream = ${JSON.stringify(name)}` });
  }
}

/** A server that answers nobody is a mistake; nothing else is said then. */
export function checkServesSomething({ place, values }: Root): void {
  const hasSocket = values.app.some((app) => app.place.has("uwsgi_socket"));
  if (place.has("site") || hasSocket) return;
  place.report.addWhole({
    what: "serves nothing",
    should: "should have a [[site]], or an [app.NAME] with a uwsgi_socket",
  });
}

/** Two spellings of one pattern: TOML refuses only what is spelt the same. The router takes a prefix with and without its
 *  slash for one, and must not be given both. */
export function checkPatterns(site: Site): void {
  const seen = new Map<string, Place>();
  for (const { name, place } of site.value.values.routes ?? []) {
    const key = patternKey(name);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, place);
    else place.wrongKey(duplicateOf(name, before));
  }
}

function duplicateOf(name: string, before: Place): Finding {
  const earlier = String(before.path.at(-1));
  const what = `is the same as ${JSON.stringify(earlier)} on ${before.line}`;
  if (!name.startsWith("/") || name === earlier) return { what };
  const path = name.replace(/\/$/, "");
  return {
    what,
    should: `should be one route, since a prefix holds ${path} and what is below it, or "= ${path}" for that path alone`,
  };
}

function patternKey(written: string): string {
  if (written.startsWith("/")) return written.replace(/\/$/, "");
  return written.replace(/^(=|~\*|~)\s*/, "$1 ");
}
