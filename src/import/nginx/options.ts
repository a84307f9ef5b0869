/**
 * What stands around the target of a location or server: limits, who may, pages of errors, compression, charsets. A route says
 * only what is not in force for its site already.
 */
import { resolve } from "node:path";
import { type RouteKey, Settings, type SiteKey, type Value } from "../plan.ts";
import type { Block } from "./block.ts";
import { charset } from "./charset.ts";
import { compression } from "./compression.ts";
import { errorPages } from "./error-pages.ts";
import { rateLimits } from "./limits.ts";
import { stringOf, type Translation } from "./translation.ts";
import { sizeText } from "./values.ts";

type Key = RouteKey & SiteKey;

/** Who may: what nginx asks after the rewrite module has had its turn. */
export const GUARDS = [
  "allow",
  "deny",
  "satisfy",
  "auth_basic",
  "auth_basic_user_file",
  "auth_request",
  "limit_req",
  "limit_conn",
] as const;

export interface Around {
  /** The block of the server, when this is one of its locations. */
  readonly site?: Block;
  /** It answers before anybody asks who may. */
  readonly isOpen?: boolean;
}

export function addOptions(
  t: Translation,
  block: Block,
  settings: Settings<RouteKey> | Settings<SiteKey>,
  { site, isOpen = false }: Around,
): void {
  const own = settings as Settings<Key>;
  const isNew = (...names: string[]) => site === undefined || isOwn(block, site, names);
  if (isNew("client_max_body_size")) bodySize(t, block, own);
  if (isOpen && site !== undefined) open(site, own);
  else {
    if (isNew("allow", "deny")) access(t, block, own, site);
    if (isNew("limit_req")) rateLimits(t, block, own);
    if (isNew("auth_basic", "auth_basic_user_file")) basicAuth(t, block, own);
    if (isNew("auth_request")) authRequest(t, block, own);
    if (isNew("satisfy")) satisfy(t, block, own, site);
  }
  if (isNew("error_page")) errorPages(t, block, own);
  intercept(t, block, own, isNew);
  compression(t, block, own, isNew);
  charset(t, block, own, { isNew, around: site?.value("charset") ?? "off" });
}

/** Does a location, or one around it, say one of these itself? */
export function isOwn(block: Block, site: Block, names: readonly string[]): boolean {
  for (let each: Block | undefined = block; each !== undefined && each !== site; each = each.parent) {
    if (each.directives.some(({ name }) => names.includes(name))) return true;
  }
  return false;
}

function bodySize(t: Translation, block: Block, settings: Settings<Key>): void {
  const directive = block.one("client_max_body_size");
  if (directive === undefined) return;
  const written = directive.args[0]?.text ?? "";
  const size = /^\$\{?[A-Z]/.test(written) ? stringOf(t, directive, written) : sizeText(written);
  if (size === undefined) return t.ledger.error(directive, `${written} is no size; nginx takes 50m or 1g`);
  settings.set("max_body_size", size === "0B" ? 0 : size, directive.origin);
  t.ledger.translated(directive, `max_body_size = ${JSON.stringify(size)}`);
}

/** Takes away what is in force for the site. */
function open(site: Block, settings: Settings<Key>): void {
  if (site.inForceOf(["allow", "deny"]).length > 0) settings.set("access", ["allow all"]);
  if (site.inForce("limit_req").length > 0) settings.set("limit", []);
  if ((site.value("auth_basic") ?? "off") !== "off") settings.set("auth", "off");
  if ((site.value("auth_request") ?? "off") !== "off") settings.set("auth_request", "off");
}

function access(t: Translation, block: Block, settings: Settings<Key>, site: Block | undefined): void {
  const rules = block.inForceOf(["allow", "deny"]);
  if (rules.length === 0 || (settings as Settings<RouteKey>).get("error") === 403) return;
  const isRestricted = site !== undefined && site.inForceOf(["allow", "deny"]).length > 0;
  if (!isRestricted && rules.every(({ name }) => name === "allow") && block.value("satisfy") !== "any") {
    for (const rule of rules) t.ledger.defaultHere(rule, "whom nothing denies is let in");
    return;
  }
  settings.set(
    "access",
    rules.map(({ name, args }) => `${name} ${args[0]?.text ?? ""}`),
    rules[0]?.origin,
  );
  for (const rule of rules) t.ledger.translated(rule, "access");
}

function basicAuth(t: Translation, block: Block, settings: Settings<Key>): void {
  const realm = block.one("auth_basic");
  const users = block.one("auth_basic_user_file");
  if (realm === undefined) return void (users && t.ledger.noEffect(users, "without auth_basic nobody is asked"));
  const text = realm.args[0]?.text ?? "";
  if (text === "off") {
    settings.set("auth", "off", realm.origin);
    return t.ledger.translated(realm, 'auth = "off"');
  }
  if (users === undefined) return t.ledger.error(realm, "without auth_basic_user_file everyone is answered 403");
  const file = stringOf(t, users, users.args[0]?.text ?? "");
  const shown = stringOf(t, realm, text);
  if (file === undefined || shown === undefined) return;
  const path = file.startsWith("$ENV{") ? file : resolve(t.confPrefix, file);
  settings.set("auth", { users: path, realm: shown.replace(/"/g, "'") }, realm.origin);
  for (const directive of [realm, users]) t.ledger.translated(directive, "auth");
}

function authRequest(t: Translation, block: Block, settings: Settings<Key>): void {
  const directive = block.one("auth_request");
  if (directive === undefined) return;
  const path = directive.args[0]?.text ?? "";
  if (path !== "off" && !/^\/[^$?#]*$/.test(path))
    return t.ledger.lost(directive, "a path of this site without variables and query is asked here; write one");
  settings.set("auth_request", path, directive.origin);
  t.ledger.translated(directive, `auth_request = ${JSON.stringify(path)}`);
}

function satisfy(t: Translation, block: Block, settings: Settings<Key>, site: Block | undefined): void {
  const directive = block.one("satisfy");
  if (directive === undefined) return;
  const isAny = directive.args[0]?.text === "any";
  if (isAny || site?.value("satisfy") === "any") settings.set("satisfy", isAny ? "any" : "all", directive.origin);
  t.ledger.translated(directive, "satisfy");
}

function intercept(
  t: Translation,
  block: Block,
  settings: Settings<Key>,
  isNew: (...names: string[]) => boolean,
): void {
  const names = ["proxy_intercept_errors", "uwsgi_intercept_errors"];
  const directive = block.inForceOf(names).at(-1);
  if (directive === undefined || !isNew(...names)) return;
  const value: Value = directive.args[0]?.text === "on";
  if (value) settings.set("intercept", true, directive.origin);
  t.ledger.translated(directive, `intercept = ${String(value)}`);
}
