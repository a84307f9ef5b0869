/**
 * The fields of an upstream's reply on their way to the client: what belongs to the connection or to us is taken out, what
 * names the upstream instead of this server is rewritten (nginx: proxy_redirect default, proxy_cookie_domain,
 * proxy_cookie_path), and what the configuration says is done.
 */
import { limitRateOf } from "../exchange/accel.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { applyRules } from "../exchange/reply-headers.ts";
import { evaluate } from "../exchange/template.ts";
import { type FieldName, type Fields, fieldName } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import type { UpstreamReplyHead } from "./dialect.ts";
import { hostField, keptReplyFields } from "./forward.ts";
import type { CookieRewrite, ProxyOptions, UpstreamOptions } from "./options.ts";
import type { Peer } from "./peer.ts";

/** What an upstream says to its gateway (nginx: X-Accel-*). */
export interface AccelWords {
  /** May the reply be held back for a slow client? */
  readonly buffering: boolean | undefined;
  /** Bytes per second; 0 for no bound. */
  readonly limitRate: number;
  /** How long a cache may keep it. */
  readonly expires: string | undefined;
}

const SILENT_WORDS: AccelWords = { buffering: undefined, limitRate: 0, expires: undefined };

/** To be asked before the fields are passed, which takes these out. */
export function accelWords(fields: Fields): AccelWords {
  const { names } = fields;
  let said = false;
  for (let i = 0; i < names.length; i++) if ((names[i] as FieldName).lower.startsWith("x-accel-")) said = true;
  if (!said) return SILENT_WORDS;
  const buffering = fields.get("x-accel-buffering")?.toLowerCase();
  return {
    buffering: buffering === "yes" || buffering === "no" ? buffering === "yes" : undefined,
    limitRate: limitRateOf(fields),
    expires: fields.get("x-accel-expires"),
  };
}

/** Event streams are nothing when they are held back, so they never are. */
export function isEventStream(fields: Fields): boolean {
  return fields.get("content-type")?.startsWith("text/event-stream") === true;
}

const SET_COOKIE = fieldName("Set-Cookie");

export interface Passage {
  readonly exchange: Exchange;
  readonly peer: Peer;
  readonly options: UpstreamOptions;
  readonly route: ProxyOptions;
}

/** The head for the client. `cookie`: a Set-Cookie of ours. */
export function passedHead(sent: UpstreamReplyHead, passage: Passage, cookie: string | undefined): ReplyHead {
  const { status, reason } = sent;
  const { options, exchange } = passage;
  const fields = keptReplyFields(sent.fields);
  const head = { status, reason: reason === "" ? undefined : reason, fields, length: status === 204 ? 0 : sent.length };
  if (options.rewriteRedirects !== false) rewriteRedirects(fields, passage);
  if (hasEntries(options.cookieDomains) || hasEntries(options.cookiePaths)) rewriteCookies(fields, passage);
  if (cookie !== undefined) fields.add(SET_COOKIE, cookie);
  if (options.headersDown === undefined) return head;
  // The templates of rules may name the reply.
  exchange.replyHead = head;
  applyRules(options.headersDown, fields, exchange);
  return head;
}

function hasEntries(rewrites: readonly CookieRewrite[] | undefined): boolean {
  return rewrites !== undefined && rewrites.length > 0;
}

function rewriteRedirects(fields: Fields, passage: Passage): void {
  const { names, values } = fields;
  for (let i = 0; i < names.length; i++) {
    const { lower } = names[i] as FieldName;
    if (lower === "location") values[i] = ownUrl(values[i] as string, passage);
    else if (lower === "refresh") values[i] = rewriteRefresh(values[i] as string, passage);
  }
}

/** `5; url=http://10.0.0.5:8000/x` */
function rewriteRefresh(value: string, passage: Passage): string {
  const found = /^(.*?;\s*url=["']?)(https?:.*)$/i.exec(value);
  return found === null ? value : (found[1] as string) + ownUrl(found[2] as string, passage);
}

/** A URL on the upstream's own address is one on this server, below the route's path if that was taken off. */
function ownUrl(url: string, { exchange, peer, options, route }: Passage): string {
  const found = /^https?:\/\/([^/?#]*)(.*)$/is.exec(url);
  if (found === null) return url;
  const authority = (found[1] as string).toLowerCase();
  if (authority === hostField(exchange).toLowerCase() || !isUpstreams(authority, peer, options, exchange)) return url;
  const rest = found[2] as string;
  const path = rest.startsWith("/") ? rest : `/${rest}`;
  const mount = route.stripPrefix === true ? exchange.mount : "";
  // A path of its own (RFC 3986 section 4.2): `//x` would be a host.
  return `${mount}${path.startsWith("//") ? `/.${path}` : path}`;
}

function isUpstreams(authority: string, peer: Peer, options: UpstreamOptions, exchange: Exchange): boolean {
  if (authority === peer.name) return true;
  if (options.host !== undefined && authority === evaluate(options.host, exchange).toLowerCase()) return true;
  const { address } = peer.options;
  if (address.kind !== "tcp") return false;
  return (
    authority === `${address.host}:${address.port}` ||
    (address.port === (options.tls === undefined ? 80 : 443) && authority === address.host)
  );
}

function rewriteCookies(fields: Fields, { exchange, options }: Passage): void {
  const { names, values } = fields;
  for (let i = 0; i < names.length; i++) {
    if ((names[i] as FieldName).lower !== "set-cookie") continue;
    let value = values[i] as string;
    value = withAttribute(value, "domain", options.cookieDomains ?? [], exchange, isSameDomain);
    values[i] = withAttribute(value, "path", options.cookiePaths ?? [], exchange, isBelowPath);
  }
}

/** How much of the value is replaced; -1 when it is another one. */
type Match = (value: string, from: string) => number;

const isSameDomain: Match = (value, from) =>
  value.replace(/^\./, "").toLowerCase() === from.replace(/^\./, "").toLowerCase() ? value.length : -1;
const isBelowPath: Match = (value, from) => (value.startsWith(from) ? from.length : -1);

/** The first rule that fits counts. A value that comes out with `;` or a control in it would add attributes. */
function withAttribute(
  cookie: string,
  name: string,
  rules: readonly CookieRewrite[],
  exchange: Exchange,
  match: Match,
): string {
  if (rules.length === 0) return cookie;
  const found = new RegExp(`(;[ \\t]*${name}[ \\t]*=[ \\t]*)([^;]*)`, "i").exec(cookie);
  if (found === null) return cookie;
  const [whole, begin, value] = found as unknown as [string, string, string];
  for (const { from, to } of rules) {
    const length = match(value.trim(), from);
    if (length === -1) continue;
    const changed = (evaluate(to, exchange) + value.trim().slice(length)).replace(/[^\x20-\x3a\x3c-\x7e]/g, "");
    return cookie.slice(0, found.index) + begin + changed + cookie.slice(found.index + whole.length);
  }
  return cookie;
}
