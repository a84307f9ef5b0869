/** error_page → `error_pages`: a path of the site, the text that a named location returns, or a file. */
import type { RouteKey, Settings, SiteKey, Value } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import type { Translation } from "./translation.ts";

type Key = RouteKey & SiteKey;

/** Between the statuses and the page: `=`, `=200`. */
interface Written {
  readonly statuses: readonly string[];
  /** Undefined: that of the error; "page": that of the page (`=`). */
  readonly status: number | "page" | undefined;
  readonly page: string;
}

/** 494 to 499 are nginx's own, of requests that never were any. */
function isServed(status: string): boolean {
  return Number(status) >= 400 && Number(status) < 600 && !/^49[4-9]$/.test(status);
}

export function errorPages(t: Translation, block: Block, settings: Settings<Key>): void {
  const directives = block.inForce("error_page");
  const pages: Record<string, Value> = {};
  for (const directive of directives) {
    const written = read(directive);
    const statuses = written.statuses.filter(isServed);
    if (statuses.length === 0) t.ledger.notNeeded(directive, "requests like that are answered before a site is chosen");
    else {
      const page = pageOf(t, directive, written, block);
      if (page !== undefined) pages[statuses.join(" ")] = page;
    }
  }
  if (Object.keys(pages).length > 0) settings.set("error_pages", pages, directives[0]?.origin);
}

function read({ args }: Directive): Written {
  const words = args.map(({ text }) => text);
  const page = words.pop() ?? "";
  const sign = words.at(-1)?.startsWith("=") === true ? (words.pop() ?? "") : undefined;
  const status = sign === undefined ? undefined : sign === "=" ? ("page" as const) : Number(sign.slice(1));
  return { statuses: words, status, page };
}

function pageOf(t: Translation, directive: Directive, { status, page }: Written, block: Block): Value | undefined {
  const more = typeof status === "number" ? { status } : {};
  if (page.startsWith("@")) return namedPage(t, directive, page, block, more);
  if (!/^\/[^$?#]*$/.test(page)) {
    return void t.ledger.lost(directive, "a page of an error is a path of this site; redirect from there");
  }
  t.ledger.translated(directive, `error_pages: ${page}`);
  return { route: page, ...more };
}

/** A named location that serves one file or returns a text; others become no page. */
function namedPage(
  t: Translation,
  directive: Directive,
  name: string,
  block: Block,
  more: Readonly<Record<string, Value>>,
): Value | undefined {
  const location = locationNamed(block, name);
  const file = fileOf(location);
  if (location !== undefined && file !== undefined) {
    t.ledger.translated(directive, `error_pages: ${file}`);
    t.ledger.translated(location, "error_pages");
    for (const each of location.block ?? []) t.ledger.translated(each, "error_pages");
    return { file, ...more };
  }
  return void t.ledger.lost(directive, `what ${name} does is no page here: write a location with a path for it`);
}

function locationNamed(block: Block, name: string): Directive | undefined {
  const found = block.own("location").find(({ args }) => args[0]?.text === name);
  return found ?? (block.parent === undefined ? undefined : locationNamed(block.parent, name));
}

/** `root /srv; rewrite ^(.*)$ /maintenance.html break;` and `root /srv; try_files /maintenance.html =503;` */
function fileOf(location: Directive | undefined): string | undefined {
  const inside = location?.block ?? [];
  const root = inside.find(({ name }) => name === "root")?.args[0]?.text;
  const shown = inside.find(({ name }) => name === "rewrite" || name === "try_files");
  const path = shown?.args[shown.name === "rewrite" ? 1 : 0]?.text;
  if (root === undefined || path === undefined || !/^\/[^$]*$/.test(path) || /\$/.test(root)) return undefined;
  return `${root.replace(/\/$/, "")}${path}`;
}
