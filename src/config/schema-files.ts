/** The schema of what belongs to a route's directory of files, and of the caches of files. How to read it: schema.ts. */
import { CACHE_BYTES_MAX, REVALIDATE_MS } from "../files/cache.ts";
import { DEFAULT_LINK_POLICY, LINK_POLICIES } from "../files/open.ts";
import { RANGES_MAX } from "../protocol/http/range.ts";
import { byDefault, durationKey, only, type Schema, sizeKey } from "./keys.ts";
import { boolean, choice, duration, integer, size } from "./kinds.ts";

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

export const FILES = {
  listing: only(
    "files",
    byDefault(
      boolean,
      false,
      "Shows what is in a directory that has no index file: a page, or JSON where Accept gives it the larger weight " +
        "(`application/json`, `application/*`, `text/html;q=0, */*`; not `*/*` alone). nginx: autoindex.",
    ),
  ),
  symlinks: only(
    "files",
    byDefault(
      choice(LINK_POLICIES),
      DEFAULT_LINK_POLICY,
      "Where symbolic links below the directory may lead: `inside` it, anywhere (`follow`), or none is followed (`deny`). " +
        "What leads elsewhere is answered 404, and logged. The directory itself may be a link. nginx: disable_symlinks, off. " +
        "uWSGI: static-safe.",
    ),
  ),
  hidden: only(
    "files",
    byDefault(
      boolean,
      false,
      "Serves names that begin with a dot or end in `~`, too; otherwise they are 404, but for `.well-known`. nginx serves them.",
    ),
  ),
  absolute_redirect: only(
    "files",
    byDefault(
      boolean,
      false,
      "Redirects `/dir` to `/dir/` with scheme, host and port as the client named them, instead of the path alone. nginx: " +
        "absolute_redirect, on.",
    ),
  ),
  max_ranges: only(
    "files",
    byDefault(
      integer(0, 1000),
      RANGES_MAX,
      "Ranges that one request may ask for; with more it gets the whole file. 0: ranges are not served. nginx: max_ranges, " +
        "no bound.",
    ),
  ),
} satisfies Schema;

/** Of [server]: all routes share them. */
export const FILE_CACHE = {
  file_cache: sizeKey(
    size(0, 65_536 * MIB),
    CACHE_BYTES_MAX,
    "Memory of each front for small files (up to 64 KiB) that are asked for often; larger ones (up to 4 MiB) that are being sent " +
      "to many take up to half as much beside it. 0: none is kept. " +
      "nginx: open_file_cache, which keeps descriptors.",
  ),
  cache_revalidate: durationKey(
    duration(0, HOUR_MS),
    REVALIDATE_MS,
    "How long a file that was served is believed to be as it was, without a look at the disk. 0: it is looked at for every " +
      "request. nginx: open_file_cache_valid, 60 s. uWSGI: static-cache-paths.",
  ),
} satisfies Schema;
