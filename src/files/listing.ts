/**
 * What is in a directory, for people (listing-page.ts) or, when the client prefers it by Accept, for programs: the JSON of
 * nginx's autoindex_format. What could not be asked for is not shown: hidden names, links that lead out, devices.
 */
import type { Exchange } from "../exchange/exchange.ts";
import { escapePath } from "../exchange/location.ts";
import { type DirectoryEntry, readEntries } from "../os/directory.ts";
import { type FileStat, mtimeMs, statEntry } from "../os/file-stat.ts";
import { closeDescriptor } from "../os/sockets.ts";
import { formatHttpDate } from "../protocol/http/date.ts";
import { Fields } from "../protocol/http/fields.ts";
import { type Listed, type Listing, LISTING_ENTRIES_MAX, LISTING_POLICY, listingPage } from "./listing-page.ts";
import type { Opener } from "./open.ts";
import { isHiddenName } from "./path.ts";

/** Answers with the entries of the directory `rest`; false, and nothing is answered, when it cannot be read. */
export function listDirectory(exchange: Exchange, opener: Opener, rest: string, hiddenToo: boolean): boolean {
  const listing = readListing(opener, rest, hiddenToo);
  if (listing === undefined) return false;
  const json = prefersJson(exchange.head.fields.all("accept").join(","));
  const body = json ? jsonOf(listing) : listingPage(listing, exchange.head.path, rest === "/", exchange.head.query);
  const content = Buffer.from(body, "utf8");
  const fields = Fields.of([
    ["Content-Type", json ? "application/json" : "text/html; charset=utf-8"],
    // Entries come and go without a trace in the directory's times.
    ["Cache-Control", "no-cache"],
    ["Vary", "Accept"],
    ["X-Content-Type-Options", "nosniff"],
  ]);
  if (!json) fields.add("Content-Security-Policy", LISTING_POLICY);
  if (!listing.complete) fields.add("X-Listing-Truncated", String(LISTING_ENTRIES_MAX));
  exchange.reply.whole({ status: 200, reason: undefined, fields, length: content.length }, content);
  return true;
}

function readListing(opener: Opener, rest: string, hiddenToo: boolean): Listing | undefined {
  const fd = opener.openDirectory(rest);
  if (fd === undefined) return undefined;
  try {
    const { entries, complete } = readEntries(fd, LISTING_ENTRIES_MAX);
    const shown = entries.filter(({ name }) => (hiddenToo || !isHiddenName(name)) && !name.includes("\\"));
    return { entries: shown.flatMap((entry) => describe(entry, fd, opener, rest)), complete };
  } catch {
    // EIO, ESTALE: it can no more be read than if it were not there
    return undefined;
  } finally {
    closeDescriptor(fd);
  }
}

/** Of a link what it leads to, opened as a request would. */
function describe(entry: DirectoryEntry, fd: number, opener: Opener, rest: string): Listed[] {
  const { name, type } = entry;
  if (type === "other") return [];
  const stats = type === "link" ? followed(opener, rest + name) : statEntry(fd, name);
  if (stats === "directory") return [{ name, directory: true, size: 0, modifiedMs: 0 }];
  if (stats === undefined || stats.kind === "other") return [];
  const directory = stats.kind === "directory";
  return [{ name, directory, size: directory ? 0 : stats.size, modifiedMs: mtimeMs(stats) }];
}

function followed(opener: Opener, path: string): FileStat | "directory" | undefined {
  const opened = opener.open(path);
  if (opened.kind === "directory") return "directory";
  if (opened.kind === "refused") return undefined;
  closeDescriptor(opened.fd);
  return opened.stats;
}

function jsonOf({ entries }: Listing): string {
  const shown = entries.map(({ name, directory, size, modifiedMs }) => ({
    name: Buffer.from(name, "latin1").toString("utf8"),
    type: directory ? "directory" : "file",
    ...(modifiedMs === 0 ? {} : { mtime: formatHttpDate(Math.floor(modifiedMs / 1000) * 1000) }),
    ...(directory ? {} : { size }),
    // Of a name that is no UTF-8 only this says which bytes it has.
    url: `./${escapePath(name)}${directory ? "/" : ""}`,
  }));
  return JSON.stringify(shown.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
}

/** RFC 9110 section 12.5.1: is JSON worth more to the client than HTML? Of each type the most precise range that covers it counts. What
 *  is worth as much is HTML, unless JSON was named and only a star speaks for HTML, as in the list that many programs send by default. */
export function prefersJson(accept: string): boolean {
  const weights = weigh(accept);
  const named = weights.get("application/json");
  const json = named ?? weights.get("application/*") ?? weights.get("*/*") ?? 0;
  const html = weights.get("text/html") ?? weights.get("text/*") ?? weights.get("*/*") ?? 0;
  return json === html ? json > 0 && named !== undefined && !weights.has("text/html") : json > html;
}

/** `text/html;level=1;q=0.5`. A weight has three decimals at most (section 12.4.2). */
const MEDIA_RANGE = /^[\t ]*([^\t /;]+\/[^\t /;]+)[\t ]*(?:;.*)?$/;
const WEIGHT = /;[\t ]*q=([^;\t ]*)[\t ]*(?:;|$)/;
const QVALUE = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;

/** Media range, without its parameters → weight; of two words about one the first counts. What is malformed is ignored, range by range. */
function weigh(accept: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const element of accept.toLowerCase().split(",")) {
    const [, range] = MEDIA_RANGE.exec(element) ?? [];
    const [, weight = "1"] = WEIGHT.exec(element) ?? [];
    if (range !== undefined && QVALUE.test(weight) && !weights.has(range)) weights.set(range, Number(weight));
  }
  return weights;
}
