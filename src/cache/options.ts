/** What a cache is told about itself: options with their defaults, as front/assemble hands them over. */
import type { Template } from "../exchange/template.ts";

/** Memory for the replies of one route, of the whole server; each front has an even part, and copies of what it got from
 *  others. nginx has no default; thruster keeps 64 MiB. */
export const CACHE_BYTES_MAX = 64 * 1024 * 1024;

/** A reply that is larger is not kept: it would push out hundreds of pages. thruster: 1 MiB. */
export const CACHE_ENTRY_BYTES_MAX = 1024 * 1024;

/** How long a request waits for the reply that another one fetches. nginx: proxy_cache_lock_timeout 5 s. */
export const CACHE_WAIT_MS = 5_000;

/** Replies to one URL that differ by the fields that Vary names. More push out the oldest. */
export const VARIANTS_MAX = 16;

/** For how long a URL whose reply may not be kept is asked for without the cache: then requests do not wait in vain for one
 *  another, and their conditions reach the server. */
export const PASS_MS = 5_000;

/** URLs that are remembered for that. */
export const PASSES_MAX = 4096;

/** How long a front may take to say what it knows of a key, which takes 0.05 ms as a rule: one that hangs holds nobody longer. */
export const HOME_ANSWER_MS = 250;

/** A front that did not answer in time is not asked for so long. */
export const HOME_SILENCE_MS = 1_000;

/** Others wait for one fetch no longer than this, or than `wait` where that is longer; then the next one is let through. nginx:
 *  proxy_cache_lock_age 5 s. */
export const LEASE_MS_MIN = 5_000;

/** Fetches that the home of their keys knows of, for one route. More are made without anybody's waiting for them. */
export const LEASES_MAX = 4096;

/** Questions of other fronts that wait for these. */
export const QUESTIONS_MAX = 1024;

/** Of the disk for the replies of one route, of the whole server. */
export const CACHE_DISK_BYTES_MAX = 1024 * 1024 * 1024;

/** Replies of one route that a front keeps on disk: the index holds about half a kilobyte for each. */
export const DISK_ENTRIES_MAX = 100_000;

/** Replies that wait to be written; what comes when a slow disk has so many is not written. */
export const DISK_WAITING_BYTES_MAX = 8 * 1024 * 1024;

/** After a write that failed nothing is written for so long. */
export const DISK_PAUSE_MS = 10_000;

/** What cannot be used for so long and not be asked about either is not written. */
export const DISK_WORTH_MS = 5_000;

/** When the server stops, writing what is in memory takes no longer. */
export const DISK_FLUSH_MS = 3_000;

export interface CacheOptions {
  /** Of this front. */
  readonly memoryBytesMax: number;
  readonly entryBytesMax: number;
  /** What names a reply, in place of scheme, host and target. */
  readonly key?: Template | undefined;
  /** Freshness of replies that say nothing of it; undefined: they are not kept. */
  readonly ttlMs?: number | undefined;
  /** In place of what replies say. */
  readonly staleWhileRevalidateMs?: number | undefined;
  readonly staleIfErrorMs?: number | undefined;
  /** Requests with one of them go past the cache; others lose their cookies, so that no reply can depend on them. Empty:
   *  cookies are passed and nobody is asked about them. */
  readonly bypassCookies: readonly string[];
  /** A reply with Set-Cookie is kept, without it. */
  readonly ignoreSetCookie: boolean;
  readonly waitMs: number;
}
