/** The schema of `cache` of a route to an app or upstream. How to read it: schema.ts. */
import { CACHE_BYTES_MAX, CACHE_DISK_BYTES_MAX, CACHE_ENTRY_BYTES_MAX, CACHE_WAIT_MS } from "../cache/options.ts";
import { byDefault, durationKey, only, optional, type Schema, sizeKey } from "./keys.ts";
import { boolean, choice, duration, listOf, nonEmpty, Refusal, size, string, text } from "./kinds.ts";

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const KIB = 1024;
const GIB = KIB * KIB * KIB;

const cookie = text("the name of a cookie", (name) =>
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name) ? name : new Refusal(),
);

export const RESPONSE_CACHE_EXPECTED = 'a table such as { ttl = "10s" }';

export const RESPONSE_CACHE = {
  preset: optional(
    choice(["django"]),
    "none",
    'Defaults for what follows. `"django"`: pages for anonymous visitors. Who has a cookie of Django (session, CSRF token, ' +
      "messages, language) is never answered from the cache; other pages without a word of their own are fresh for 5 s, may " +
      "be renewed behind the visitor's back for 30 s and stand in for errors for 10 minutes.",
  ),
  size: sizeKey(
    size(64 * KIB, KIB * GIB),
    CACHE_BYTES_MAX,
    "Memory for the replies of this route; each front thread has an even part, and in it copies of what others have fetched. What " +
      "was used longest ago gives way. nginx: proxy_cache_path.",
  ),
  disk: optional(
    nonEmpty("an existing directory"),
    "memory only",
    "A directory for what no longer fits into memory, and for all of it when the server stops. The server makes one of its own in " +
      "it, with mode 0700. nginx: proxy_cache_path.",
  ),
  disk_size: only(
    "disk",
    sizeKey(
      size(64 * KIB, KIB * KIB * GIB),
      CACHE_DISK_BYTES_MAX,
      "Of the disk for the replies of this route; each front thread has an even part. What was used longest ago gives way. " +
        "nginx: proxy_cache_path max_size=.",
    ),
  ),
  max_entry: sizeKey(size(KIB, GIB), CACHE_ENTRY_BYTES_MAX, "The largest reply that is kept; no more than `size`."),
  ttl: optional(
    duration(0, 365 * DAY),
    "such replies are not kept",
    "How long replies are fresh that do not say so themselves (X-Accel-Expires, Cache-Control, Expires): those with status " +
      "200, 203, 301, 308 and 410 to requests without cookies. nginx: proxy_cache_valid.",
  ),
  stale_while_revalidate: optional(
    duration(0, 365 * DAY),
    "what the reply says (RFC 5861)",
    "How long beyond that a client is answered at once, and the reply renewed behind its back. nginx: proxy_cache_background_update.",
  ),
  stale_if_error: optional(
    duration(0, 365 * DAY),
    "what the reply says (RFC 5861)",
    "How long beyond that a reply stands in for a 500, 502, 503 or 504. nginx: proxy_cache_use_stale.",
  ),
  key: optional(
    string("a string with variables"),
    "scheme, host, port, path and query",
    'What names a reply: `"$scheme$host$uri"` ignores the query. nginx: proxy_cache_key.',
  ),
  bypass_cookies: optional(
    listOf(cookie),
    "cookies are passed, and count where Vary names them",
    "Requests with one of these cookies go past the cache. From all others the rest of their cookies is taken, so that no kept " +
      "reply can depend on one. nginx: proxy_cache_bypass, proxy_no_cache.",
  ),
  ignore_set_cookie: byDefault(
    boolean,
    false,
    "Keeps replies with Set-Cookie, without it. Else they are not kept. nginx: proxy_ignore_headers Set-Cookie.",
  ),
  wait: durationKey(
    duration(0, DAY),
    CACHE_WAIT_MS,
    "How long a request waits for the reply that another one is fetching, whichever front thread has it, before it asks itself. " +
      "nginx: proxy_cache_lock_timeout.",
  ),
  x_cache: byDefault(
    boolean,
    false,
    "Sends X-Cache: `HIT`, `MISS`, `EXPIRED`, `STALE`, `REVALIDATED` or `BYPASS`; also in `$upstream_cache_status`. " +
      "nginx: add_header X-Cache $upstream_cache_status.",
  ),
} satisfies Schema;
