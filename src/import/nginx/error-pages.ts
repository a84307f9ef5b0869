/** error_page → `error_pages`: a path of the site, what a named location returns, or a file. */
import { type RouteKey, Settings, type SiteKey, type Value } from "../plan.ts";
import { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import { returned } from "./rules.ts";
import { stringOf, type Translation } from "./translation.ts";

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
    if (typeof written.status === "number" && !(written.status >= 200 && written.status <= 599)) {
      t.ledger.error(directive, "should have = or =200, or another status from 200 to 599, before the page");
      continue;
    }
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

function pageOf(t: Translation, directive: Directive, written: Written, block: Block): Value | undefined {
  const { status, page } = written;
  const more = typeof status === "number" ? { status } : {};
  if (page.startsWith("@")) return namedPage(t, directive, written, block);
  if (/^https?:\/\//.test(page)) return redirectPage(t, directive, written);
  if (!/^\/[^$?#]*$/.test(page)) {
    return void t.ledger.lost(directive, "a page of an error is a path of this site; redirect from there");
  }
  t.ledger.translated(directive, `error_pages: ${page}`);
  if (status === "page" && isFile(block, page)) return { route: page, status: 200 };
  if (status === "page")
    t.ledger.remark(directive, "the status stays that of the error; write one if the page is to change it");
  return { route: page, ...more };
}

/** A page that nobody makes has one status. */
function isFile(block: Block, page: string): boolean {
  const own = locationNamed(block, page) ?? locationNamed(block, "=", page);
  return /\.\w+$/.test(page) && !(own?.block ?? []).some(({ name }) => name.endsWith("_pass"));
}

/** `error_page 404 https://www.example.org/gone` answers with a redirect. */
function redirectPage(t: Translation, directive: Directive, { page, status }: Written): Value | undefined {
  const to = stringOf(t, directive, page);
  if (to === undefined) return undefined;
  const path = `/error_page_${t.pages.size + 1}`;
  t.pages.set(path, redirectRoute(to, typeof status === "number" ? status : 302, directive));
  t.ledger.translated(directive, `error_pages: a route ${path} that redirects`);
  return { route: path };
}

function redirectRoute(to: string, status: number, { origin }: Directive): Settings<RouteKey> {
  const route = new Settings<RouteKey>();
  route.set("redirect", to, origin);
  if (status !== 302) route.set("status", status, origin);
  route.set("internal", true, origin);
  return route;
}

/** A named location that serves one file, redirects or returns a text; others become no page. */
function namedPage(
  t: Translation,
  directive: Directive,
  { page: name, status }: Written,
  block: Block,
): Value | undefined {
  const more = typeof status === "number" ? { status } : {};
  const location = locationNamed(block, name);
  const returns = location === undefined ? undefined : returnOf(t, location, block);
  if (location !== undefined && returns !== undefined) {
    t.ledger.translated(location, "error_pages");
    t.ledger.translated(directive, `error_pages: what ${name} returns`);
    const { status: own, ...answer } = returns;
    // A text has the status of the error, unless `=` gives it its own.
    if (returns["redirect"] === undefined)
      return { ...answer, ...(status === "page" && own && { status: own }), ...more };
    const path = `/${name}`;
    t.pages.set(path, redirectRoute(String(returns["redirect"]), Number(returns["status"] ?? 302), location));
    return { route: path };
  }
  const file = fileOf(location);
  if (location !== undefined && file !== undefined) {
    t.ledger.translated(directive, `error_pages: ${file}`);
    t.ledger.translated(location, "error_pages");
    for (const each of location.block ?? []) t.ledger.translated(each, "error_pages");
    return { file, ...more };
  }
  const passes = (location?.block ?? []).some((each) => each.name.endsWith("_pass"));
  const remedy = passes
    ? "name the server that it passes to in `servers` of the upstream, with backup = true"
    : "write a location with a path for it";
  return void t.ledger.lost(directive, `what ${name} does is no page here; ${remedy}`);
}

/** Of a location that does nothing but return. */
function returnOf(t: Translation, location: Directive, around: Block): Readonly<Record<string, Value>> | undefined {
  const inside = new Block(location.block ?? [], around);
  const decisions = inside.directives.filter(({ name }) => !SAYS_LITTLE.has(name));
  const [only] = decisions;
  if (decisions.length !== 1 || only?.name !== "return") return undefined;
  const context = { captures: [], place: "location" as const, block: inside, states: t.variables.states };
  // A page has a path of its own, and no query.
  const isOfPage = only.args.some(({ text }) =>
    /\$\{?(uri|document_uri|args|is_args|query_string|arg_\w+)\b/.test(text),
  );
  if (isOfPage) return void t.ledger.lost(only, "$uri and $args are those of the page here; write $request_uri");
  const answer = returned(t, only, context);
  if (answer === undefined || answer["error"] !== undefined) return undefined;
  return answer["respond"] === undefined ? answer : { type: "text/plain", ...answer };
}

/** Beside a return in such a location. */
const SAYS_LITTLE = new Set(["default_type", "internal", "access_log", "log_not_found"]);

function locationNamed(block: Block, ...words: readonly string[]): Directive | undefined {
  const found = block.own("location").find(({ args }) => words.every((word, at) => args[at]?.text === word));
  return found ?? (block.parent === undefined ? undefined : locationNamed(block.parent, ...words));
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
