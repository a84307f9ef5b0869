/**
 * A listing as a page: one table, of two lines a row on a phone, light or dark as the reader likes it, sorted by the links in its head. No
 * script, no asset, no style attribute: it works under its own Content-Security-Policy, which allows nothing but its style
 * sheet. Names are shown as UTF-8, with everything escaped that HTML or a terminal might take for more than text.
 */
import { createHash } from "node:crypto";
import { escapeMarkup } from "../exchange/escaped-template.ts";
import { escapePath } from "../exchange/location.ts";

/** Entries of one listing, since it is made in one go; more are not shown, and it says so. Caddy: 10 000; nginx: all. */
export const LISTING_ENTRIES_MAX = 5000;

export interface Listed {
  /** Latin-1 string of its bytes, without slash. */
  readonly name: string;
  readonly directory: boolean;
  readonly size: number;
  /** 0: not known. */
  readonly modifiedMs: number;
}

export interface Listing {
  readonly entries: readonly Listed[];
  /** Are these all? */
  readonly complete: boolean;
}

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--dim:#777;--link:#0b57d0;--hover:#8881}
@media(prefers-color-scheme:dark){:root{--dim:#aaa;--link:#8ab4f8}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem}
h1{font-size:1.2rem;font-weight:600;overflow-wrap:anywhere;margin:.5rem 0 1rem}
a{color:var(--link);text-decoration:none}
a:hover,a:focus{text-decoration:underline}
table{border-collapse:collapse;width:100%}
th{font-weight:600;text-align:left;border-bottom:2px solid var(--line)}
td{border-bottom:1px solid var(--line)}
td,th{padding:.5rem .25rem;vertical-align:top}
td:first-child{overflow-wrap:anywhere;width:100%}
td a{display:block}
tbody tr:hover{background:var(--hover)}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;color:var(--dim);padding-left:1rem}
th.n a{color:inherit}
p{color:var(--dim)}
@media(max-width:34rem){
body{padding:.75rem}
table,thead,tbody{display:block}
tr{display:grid;grid-template-columns:1fr auto;border-bottom:1px solid var(--line);padding:.25rem 0}
thead tr{grid-template-columns:1fr auto auto;border-bottom-width:2px;padding:0}
th,td{border:0}
td:first-child{grid-column:1/-1}
td{padding:.25rem}
td.n{padding:0 .25rem;font-size:.875rem}
td.n:not(.t){text-align:left}
th,th.n{padding:0}
th a{display:block;padding:.5rem .25rem}
th.n a{padding-left:.75rem}
}
`;

export const LISTING_POLICY =
  `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; ` +
  "base-uri 'none'; form-action 'none'";

const COLUMNS = { name: "Name", size: "Size", time: "Modified" } as const;
type Column = keyof typeof COLUMNS;

interface Order {
  readonly column: Column;
  readonly descending: boolean;
}

/** `path`: of the request, ends with a slash. `query`: `sort=size&order=desc`; of anything else nothing is taken. */
export function listingPage(listing: Listing, path: string, isTop: boolean, query: string | undefined): string {
  const order = readOrder(query);
  const title = text(path);
  const rows = sorted(listing.entries, order).map((entry) => row(entry, suffixOf(order)));
  const up = isTop ? "" : `<tr><td><a href="../${suffixOf(order)}">..</a><td class="n"><td class="n t">\n`;
  const notes = [
    listing.entries.length === 0 ? "<p>Nothing is in here.</p>\n" : "",
    listing.complete ? "" : `<p>There is more: only ${LISTING_ENTRIES_MAX} entries are shown.</p>\n`,
  ];
  return (
    `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n` +
    `<meta name="viewport" content="width=device-width,initial-scale=1">\n<meta name="color-scheme" content="light dark">\n` +
    `<title>${title}</title>\n<style>${STYLE}</style>\n<h1><bdi>${title}</bdi></h1>\n` +
    `<table>\n<thead><tr>${head("name", "", order)}${head("size", "n", order)}${head("time", "n t", order)}\n` +
    `<tbody>\n${up}${rows.join("")}</table>\n${notes.join("")}`
  );
}

function readOrder(query: string | undefined): Order {
  const wanted = new URLSearchParams(query ?? "");
  const sort = wanted.get("sort");
  const column = sort === "size" || sort === "time" ? sort : "name";
  return { column, descending: wanted.get("order") === "desc" };
}

/** Directories first, as every file manager has it; what is equal goes by name. */
function sorted(entries: readonly Listed[], { column, descending }: Order): Listed[] {
  const sign = descending ? -1 : 1;
  const byName = (a: Listed, b: Listed) => (a.name < b.name ? -1 : 1);
  return entries.toSorted((a, b) => {
    if (a.directory !== b.directory) return a.directory ? -1 : 1;
    const difference = column === "size" ? a.size - b.size : column === "time" ? a.modifiedMs - b.modifiedMs : 0;
    return sign * (difference === 0 ? byName(a, b) : difference);
  });
}

function suffixOf({ column, descending }: Order): string {
  if (column === "name" && !descending) return "";
  return `?sort=${column}&amp;order=${descending ? "desc" : "asc"}`;
}

/** A second click turns the order around. */
function head(column: Column, kind: string, order: Order): string {
  const current = order.column === column;
  const next: Order = { column, descending: current && !order.descending };
  const state = current ? ` aria-sort="${order.descending ? "descending" : "ascending"}"` : "";
  const mark = current ? (order.descending ? " ↓" : " ↑") : "";
  const css = kind === "" ? "" : ` class="${kind}"`;
  const target = suffixOf(next) === "" ? "./" : suffixOf(next);
  return `<th${css}${state}><a href="${target}">${COLUMNS[column]}${mark}</a>`;
}

/** `./` keeps a name like `javascript:x` from being a scheme. */
function row({ name, directory, size, modifiedMs }: Listed, order: string): string {
  const slash = directory ? "/" : "";
  const href = `./${escapeMarkup(escapePath(name))}${slash}${directory ? order : ""}`;
  const time = modifiedMs === 0 ? "" : new Date(modifiedMs).toISOString();
  const shown = time === "" ? "" : `<time datetime="${time}">${time.slice(0, 16).replace("T", " ")}</time>`;
  return (
    `<tr><td><a href="${href}"><bdi>${text(name)}</bdi>${slash}</a>` +
    `<td class="n">${directory ? "" : sizeText(size)}<td class="n t">${shown}\n`
  );
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1023.95 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Controls, and marks that turn the direction of what follows, so that `exe.txt` could be shown for `txt.exe`. */
// eslint-disable-next-line no-control-regex
const NOT_TEXT = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function text(bytes: string): string {
  return escapeMarkup(Buffer.from(bytes, "latin1").toString("utf8").replace(NOT_TEXT, "\ufffd"));
}
