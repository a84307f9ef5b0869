/**
 * Where the apps of a site stand: SCRIPT_NAME at each route to an app. A prefix is a mount, so that several apps can share
 * a site; but a route that sets a part of an app apart (`"/admin/"` with a password, beside `"/"`) is no second place of
 * it: without a word of its own it has the mount of the shortest prefix that leads to the same app.
 */
import type { RouteConfig } from "./config.ts";
import type { Section } from "./keys.ts";
import type { Place } from "./place.ts";
import type { RouteSection } from "./routes.ts";
import type { TARGET } from "./schema-site.ts";

/** A prefix that leads to an app, and where the app stands there; both without closing slash. */
interface Mounted {
  readonly app: string;
  readonly prefix: string;
  readonly mount: string;
}

/** The prefix routes of a site as they were written. */
export function mountsOf(routes: readonly { readonly name: string; readonly value: RouteSection }[]): Mounted[] {
  return routes.flatMap(({ name, value }) => {
    if (!name.startsWith("/")) return [];
    const prefix = withoutSlash(name);
    const { otherwise } = value.values;
    return [value, ...(typeof otherwise === "object" ? [otherwise] : [])].flatMap(({ values }) => {
      const { app, mount } = values;
      return app === undefined ? [] : [{ app, prefix, mount: written(mount, prefix) ?? prefix }];
    });
  });
}

/** SCRIPT_NAME of this target; what is wrong is reported. */
export function resolveMount(
  { place, values }: Section<typeof TARGET>,
  match: RouteConfig["match"] | undefined,
  mounts: readonly Mounted[],
): string {
  const path = match === undefined || match.kind === "regex" ? undefined : withoutSlash(match.path);
  if (values.mount !== undefined) return explicit(place.into("mount"), values.mount, path);
  const above = mounts.filter(({ app, prefix }) => app === values.app && path !== undefined && isAt(path, prefix));
  const [first] = above.toSorted((a, b) => a.prefix.length - b.prefix.length);
  return first?.mount ?? "";
}

/** `path`: of the route; undefined when a regular expression decides. */
function explicit(place: Place, mount: boolean | string, path: string | undefined): string {
  const said = written(mount, path);
  if (said === undefined) {
    place.wrong({
      what: "is true, but a regular expression has no prefix",
      should: 'should be a path such as "/blog"',
    });
  } else if (path !== undefined && !isAt(path, said)) {
    place.wrong({ what: `is ${JSON.stringify(said)}`, should: `should be ${JSON.stringify(path)} or a path above it` });
  }
  return said ?? "";
}

function written(mount: boolean | string | undefined, prefix: string | undefined): string | undefined {
  if (mount === false) return "";
  return typeof mount === "string" ? mount : mount === true ? prefix : undefined;
}

function isAt(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}
