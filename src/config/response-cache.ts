/** `cache` of a route: of files it is their Cache-Control, of an app or upstream a table that says what is kept of its replies. */
import type { Scope } from "../exchange/scope.ts";
import type { CacheRule } from "../files/cache-control.ts";
import { CACHE } from "./cache-kinds.ts";
import type { ResponseCacheConfig } from "./config.ts";
import { absolute, type Context } from "./context.ts";
import { requireDirectory, requireFound } from "./paths.ts";
import { type Section, table } from "./keys.ts";
import type { TargetSection } from "./routes.ts";
import { RESPONSE_CACHE, RESPONSE_CACHE_EXPECTED } from "./schema-cache.ts";
import { readTemplate } from "./templates.ts";

const TABLE = table(RESPONSE_CACHE, RESPONSE_CACHE_EXPECTED);

const SECOND = 1000;

/** Django's own cookies: whoever has one of them may get a page of their own. The CSRF token is bound to forms, so a page
 *  must not be made without it for who has one. */
const DJANGO_COOKIES = ["sessionid", "csrftoken", "messages", "django_language"] as const;

const PRESETS = {
  django: {
    bypassCookies: DJANGO_COOKIES,
    ttlMs: 5 * SECOND,
    staleWhileRevalidateMs: 30 * SECOND,
    staleIfErrorMs: 600 * SECOND,
  },
} as const;

/** Undefined: none, or what is wrong was reported. */
export function resolveResponseCache(
  { values }: TargetSection,
  context: Context,
  scope: Scope,
): ResponseCacheConfig | undefined {
  const { cache } = values;
  const section = cache === undefined ? undefined : TABLE.read(cache);
  return section === undefined ? undefined : resolve(section, context, scope);
}

/** Of files; undefined: as above. */
export function fileCacheRules({ values }: TargetSection): readonly CacheRule[] | undefined {
  const { cache } = values;
  if (cache === undefined) return undefined;
  const others = Object.keys(RESPONSE_CACHE).filter((key) => cache.has(key));
  for (const key of others) cache.into(key).wrongKey({ what: "has no meaning here", should: NO_FILE });
  return others.length > 0 ? undefined : CACHE.read(cache);
}

/** They could be read as patterns, too, of a file without an extension. */
const NO_FILE = "belongs to cache of an app or upstream; of files it is by pattern";

function resolveDisk({ place, values }: Section<typeof RESPONSE_CACHE>, context: Context): ResponseCacheConfig["disk"] {
  if (values.disk === undefined) return undefined;
  const where = place.into("disk");
  const directory = absolute(context, values.disk);
  if (requireFound(where, directory, "an existing directory") === undefined) return undefined;
  return requireDirectory(where, directory) ? { directory, bytesMax: values.disk_size } : undefined;
}

function resolve(section: Section<typeof RESPONSE_CACHE>, context: Context, scope: Scope): ResponseCacheConfig {
  const { place, values } = section;
  const preset = values.preset === undefined ? undefined : PRESETS[values.preset];
  const { key } = values;
  const isUsable = key !== undefined && readTemplate(place.into("key"), key, scope) !== undefined;
  if (place.has("max_entry") && values.max_entry > values.size) {
    place.into("max_entry").wrong({ what: "is larger than size", should: "should be smaller" });
  }
  return {
    disk: resolveDisk(section, context),
    memoryBytesMax: values.size,
    entryBytesMax: Math.min(values.max_entry, values.size),
    ttlMs: values.ttl ?? preset?.ttlMs,
    staleWhileRevalidateMs: values.stale_while_revalidate ?? preset?.staleWhileRevalidateMs,
    staleIfErrorMs: values.stale_if_error ?? preset?.staleIfErrorMs,
    key: isUsable ? key : undefined,
    bypassCookies: values.bypass_cookies?.map(({ value }) => value) ?? preset?.bypassCookies ?? [],
    ignoreSetCookie: values.ignore_set_cookie,
    waitMs: values.wait,
    showsStatus: values.x_cache,
  };
}
