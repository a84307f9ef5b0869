/** Would two routes answer a request for one and the same file alike? Not here: which of them nginx asks (index-location.ts). */
import { extname, normalize } from "node:path";
import { DEFAULT_CACHE_CONTROL } from "../../files/cache-control.ts";
import type { RouteKey, Settings, SiteKey, Value } from "../plan.ts";
import { type Located, regexOf } from "./location.ts";

/** A location and what became of it. */
export interface Placed {
  readonly located: Located;
  readonly settings: Settings<RouteKey>;
}

/** What is sent beside the file itself. Of a route's `headers` those of the site are no part. */
const OF_REPLY = [
  "headers",
  "compress",
  "precompressed",
  "charset",
  "charset_types",
  "symlinks",
  "max_ranges",
] as const;

/** Who may. nginx asks on the way to the first location, too. */
const GUARDS = ["access", "limit", "auth", "auth_request", "satisfy"] as const;

/** What nginx does where nothing is said. */
const UNSAID: Readonly<Record<string, string>> = {
  access: '["allow all"]',
  limit: "[]",
  auth: '"off"',
  auth_request: '"off"',
  satisfy: '"all"',
  compress: "false",
  precompressed: "false",
  charset: '"off"',
  symlinks: '"follow"',
};

/** In which keys `other` differs, when it is asked for the file that `first` has found. `cache` is not looked at. */
export function differences(site: Settings<SiteKey>, first: Placed, other: Placed, path: string): string[] {
  if (!other.settings.has("files")) return [targetOf(other.settings)];
  const differs = (key: string) => inForce(site, first, key) !== inForce(site, other, key);
  const tried = other.settings.get("try");
  return [
    ...(fileOf(first, path) === fileOf(other, path) ? [] : ["files"]),
    ...(Array.isArray(tried) && tried[0] !== "$uri" ? ["try"] : []),
    ...(rulesOf(other) === "[]" || rulesOf(first) === rulesOf(other) ? [] : ["rules"]),
    ...GUARDS.filter((key) => inForce(site, other, key) !== undefined && differs(key)),
    ...OF_REPLY.filter(differs),
  ];
}

function targetOf(settings: Settings<RouteKey>): string {
  return (["upstream", "redirect", "respond", "error"] as const).find((key) => settings.has(key)) ?? "its answer";
}

function rulesOf({ settings }: Placed): string {
  return JSON.stringify(settings.get("rules") ?? []);
}

/** Undefined: as where nothing is said. */
function inForce(site: Settings<SiteKey>, { settings }: Placed, key: string): string | undefined {
  const value = JSON.stringify(
    settings.get(key as RouteKey) ?? (key === "headers" ? undefined : site.get(key as SiteKey)),
  );
  return value === UNSAID[key] ? undefined : value;
}

/** Where a route looks for a path; undefined where that is not known beforehand. */
export function fileOf({ located, settings }: Placed, path: string): string | undefined {
  const files = String(settings.get("files"));
  const { match, block } = located.location;
  if (located.isMounted && match.kind !== "regex") return normalize(`${files}/${path.slice(match.path.length)}`);
  if (located.capturesRest && match.kind !== "regex" && files.includes("$1"))
    return normalize(files.replace("$1", path.slice(match.path.length)));
  if (!block.has("alias")) return normalize(files + path);
  const found = match.kind === "regex" ? regexOf(match).exec(path) : null;
  const file = files.replace(/\$(?:\{(\w+)\}|(\d|\w+))/g, (whole, braced?: string, plain?: string) => {
    const name = braced ?? plain ?? "";
    return (/^\d$/.test(name) ? found?.[Number(name)] : found?.groups?.[name]) ?? whole;
  });
  return file.includes("$") ? undefined : normalize(file);
}

/** Cache-Control of a file of this name; tables are those of expires.ts. */
export function cacheOf({ settings }: Placed, name: string): string {
  const cache = settings.get("cache") ?? DEFAULT_CACHE_CONTROL;
  if (typeof cache !== "object") return String(cache);
  const table = cache as Readonly<Record<string, Value>>;
  return String(table[`*${extname(name)}`] ?? table["*"] ?? DEFAULT_CACHE_CONTROL);
}
