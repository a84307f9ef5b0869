/**
 * Requests that show whether two servers of one configuration do the same, made from its routes: files that are there and
 * files that are not, directories, the edge of a prefix, pages of applications, a form, a body that is too large, redirects,
 * a host that nobody has. Pure but for `filesIn`. Not here: asking.
 */
import type { Plan, Route, Site } from "./plan.ts";

export interface Probe {
  readonly what: string;
  readonly method: "GET" | "HEAD" | "POST";
  /** As it is sent. */
  readonly path: string;
  readonly host: string | undefined;
  /** Bytes of the body. */
  readonly bodyBytes: number;
}

/** Larger ones are not sent. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;
const UNKNOWN_HOST = "no-such-host.invalid";

/** `filesIn`: names of some files right in a directory. */
export function probesOf(plan: Plan, filesIn: (directory: string) => readonly string[]): Probe[] {
  const probes = plan.sites.flatMap((site) => probesOfSite(site, filesIn));
  return [...probes, get("a host that no site has", "/", UNKNOWN_HOST)];
}

function get(what: string, path: string, host: string | undefined): Probe {
  return { what, method: "GET", path, host, bodyBytes: 0 };
}

function probesOfSite(site: Site, filesIn: (directory: string) => readonly string[]): Probe[] {
  const host = hostOf(site);
  const size = sizeOf(site.settings.get("max_body_size"));
  const routes = site.routes.flatMap((route) => probesOfRoute(route, host, filesIn));
  const large =
    size === undefined || size >= BODY_BYTES_MAX ? [] : [post("a body that is too large", "/", host, size + 1)];
  return [...routes, get("what no route has", "/no-such-page-here", host), ...large];
}

function post(what: string, path: string, host: string | undefined, bodyBytes: number): Probe {
  return { what, method: "POST", path, host, bodyBytes };
}

/** The first name that one can ask for. */
function hostOf({ settings }: Site): string | undefined {
  const names = settings.get("names");
  const all = Array.isArray(names) ? (names as readonly unknown[]) : [names];
  return all.find((name): name is string => typeof name === "string" && /^[a-z0-9][\w.-]*$/i.test(name));
}

/** As formatSize writes them. */
function sizeOf(value: unknown): number | undefined {
  const [, digits, unit = ""] = /^(\d+)([KMG]iB|B)$/.exec(String(value)) ?? [];
  const scales: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
  return digits === undefined ? undefined : Number(digits) * (scales[unit] ?? 1);
}

function probesOfRoute(
  { pattern, settings }: Route,
  host: string | undefined,
  filesIn: (directory: string) => readonly string[],
): Probe[] {
  // What fits an expression nobody can guess.
  if (pattern.startsWith("~") || pattern.includes("$")) return [];
  const path = encodeURI(pattern.replace(/^= */, ""));
  if (pattern.startsWith("=")) return [get(`route ${pattern}`, path, host)];
  const folder = path.endsWith("/") ? path : `${path}/`;
  const missing = get(`nothing below ${pattern}`, `${folder}no-such-file.txt`, host);
  const folders = [settings.get("files") ?? []].flat().filter((each) => typeof each === "string");
  if (folders.length > 0) {
    const found = folders
      .flatMap(filesIn)
      .map((name) => get(`a file below ${pattern}`, folder + encodeURIComponent(name), host));
    const edge = folder === "/" ? [] : [get(`the edge of ${pattern}`, `${folder.slice(0, -1)}../`, host)];
    return [get(`the directory ${pattern}`, folder, host), ...found, missing, ...edge];
  }
  if (settings.has("app") || settings.has("upstream")) {
    return [get(`route ${pattern}`, folder, host), missing, post(`a form to ${pattern}`, folder, host, 3)];
  }
  return [get(`route ${pattern}`, `${folder}x?a=1`, host)];
}
