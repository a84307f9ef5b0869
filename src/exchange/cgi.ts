/**
 * CGI variables of an exchange: what a Python application or a uwsgi upstream is told about the request.
 * RFC 3875 section 4.1 and nginx's uwsgi_params; not SCRIPT_NAME and PATH_INFO (`scriptName`, `pathInfo`), since only
 * the caller knows whether its other side wants them. Values are latin-1 strings, one character per byte (PEP 3333).
 *
 * What does not get through: names with `_` (see field-spelling.ts), Proxy (httpoxy, CVE-2016-5385),
 * hop-by-hop fields and Expect (the session has dealt with them). Fields that Connection nominates do get through:
 * here is the origin, and dropping them would let a client hide another hop's X-Forwarded-For.
 * Of a peer that is no trusted proxy X-Forwarded-* and its like do not get through (forwarding.ts).
 *
 * With a uwsgi gateway in front its variables are passed as they came: it is trusted, and speaks for the client.
 */
import type { FieldName, Fields } from "../protocol/http/fields.ts";
import { HOP_BY_HOP } from "../protocol/http/message.ts";
import { clientCertificateVariables } from "./client-certificate.ts";
import type { Exchange } from "./exchange.ts";
import { passesAmbiguous } from "./field-spelling.ts";
import { isForwardingField } from "./forwarding.ts";

export interface CgiSink {
  variable(name: string, value: string): void;
}

/** Tells `sink` every variable once. `contentLength`: bytes of the body as it will be handed over, 0 for none. */
export function cgiVariables(exchange: Exchange, contentLength: number, sink: CgiSink): void {
  if (exchange.params !== undefined) gatewayVariables(exchange, exchange.params, sink);
  else clientVariables(exchange, sink);
  // RFC 3875 section 4.1.2: only a request with a body has one; the empty value is what nginx sends otherwise.
  sink.variable("CONTENT_LENGTH", contentLength === 0 ? emptyLength(exchange) : String(contentLength));
}

/** `Content-Length: 0` was said by the client, and stays said. */
function emptyLength(exchange: Exchange): string {
  return exchange.head.fields.has("content-length") || exchange.params?.get("CONTENT_LENGTH") === "0" ? "0" : "";
}

function clientVariables(exchange: Exchange, sink: CgiSink): void {
  const { head, peer } = exchange;
  sink.variable("REQUEST_METHOD", head.method);
  sink.variable("REQUEST_URI", head.target);
  sink.variable("QUERY_STRING", head.query ?? "");
  sink.variable("SERVER_PROTOCOL", exchange.protocol);
  sink.variable("SERVER_NAME", serverName(exchange));
  sink.variable("SERVER_PORT", serverPort(exchange));
  sink.variable("SERVER_ADDR", peer.localAddress);
  sink.variable("REMOTE_ADDR", peer.remoteAddress);
  if (peer.remotePort !== 0) sink.variable("REMOTE_PORT", String(peer.remotePort));
  sink.variable("REQUEST_SCHEME", peer.secure ? "https" : "http");
  if (peer.secure) sink.variable("HTTPS", "on");
  if (peer.tls !== undefined && peer.tls.asked !== "")
    for (const [name, value] of clientCertificateVariables(peer.tls)) sink.variable(name, value);
  if (exchange.remoteUser !== "") {
    sink.variable("REMOTE_USER", exchange.remoteUser);
    sink.variable("AUTH_TYPE", "Basic");
  }
  fieldVariables(exchange, head.fields, sink);
}

/** The host that the client named; never empty (PEP 3333). */
function serverName(exchange: Exchange): string {
  if (exchange.head.host !== "") return exchange.head.host;
  if (exchange.site !== "") return exchange.site;
  const { localAddress } = exchange.peer;
  if (localAddress === "" || localAddress.startsWith("unix:")) return "localhost";
  return localAddress.includes(":") ? `[${localAddress}]` : localAddress;
}

/** The port the request came in on; a unix socket has none, so there the one that the client named or the scheme's. */
function serverPort(exchange: Exchange): string {
  const { head, peer } = exchange;
  if (peer.localPort !== 0) return String(peer.localPort);
  return String(head.hostPort ?? (peer.secure ? 443 : 80));
}

function fieldVariables(exchange: Exchange, fields: Fields, sink: CgiSink): void {
  if (hasRepeats(fields)) return joinedFieldVariables(exchange, fields, sink);
  const { names, values } = fields;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as FieldName;
    if (isPassed(exchange, name)) sink.variable(name.cgi, values[i] as string);
  }
}

/** Fields that are never told: hop-by-hop ones, and see the head of this file. Content-Length is the caller's. */
const HIDDEN: ReadonlySet<string> = new Set([...HOP_BY_HOP, "proxy", "expect", "content-length"]);

function isPassed(exchange: Exchange, name: FieldName): boolean {
  if (name.ambiguous && !passesAmbiguous(exchange, name)) return false;
  if (HIDDEN.has(name.lower)) return false;
  return exchange.forwarding === "believed" || !isForwardingField(name.lower);
}

/** Does a name come twice? One bit for each of 32 classes of names settles most requests without comparing. */
function hasRepeats(fields: Fields): boolean {
  const { names } = fields;
  let seen = 0;
  for (let i = 0; i < names.length; i++) {
    const { lower } = names[i] as FieldName;
    const bit = 1 << ((lower.length * 7 + lower.charCodeAt(0) + lower.charCodeAt(lower.length >> 1) * 3) & 31);
    if ((seen & bit) !== 0 && indexOfName(names, lower) < i) return true;
    seen |= bit;
  }
  return false;
}

function indexOfName(names: readonly FieldName[], lower: string): number {
  for (let i = 0; i < names.length; i++) if ((names[i] as FieldName).lower === lower) return i;
  return names.length;
}

/** RFC 9110 section 5.3: repeated fields are one list, joined with commas; Cookie with "; " (RFC 6265bis section 5.7). */
function joinedFieldVariables(exchange: Exchange, fields: Fields, sink: CgiSink): void {
  const joined = new Map<string, string>();
  for (let i = 0; i < fields.length; i++) {
    const name = fields.names[i] as FieldName;
    if (!isPassed(exchange, name)) continue;
    const value = fields.values[i] as string;
    const before = joined.get(name.cgi);
    const glue = name.lower === "cookie" ? "; " : ",";
    joined.set(name.cgi, before === undefined ? value : before + glue + value);
  }
  for (const [name, value] of joined) sink.variable(name, value);
}

/** Variables a gateway sends that are ours to decide, or would be magic on the other side. */
const NOT_FROM_GATEWAY: ReadonlySet<string> = new Set([
  "CONTENT_LENGTH",
  "SCRIPT_NAME",
  "PATH_INFO",
  "HTTP_PROXY",
  "HTTP_CONTENT_LENGTH",
  "HTTP_CONTENT_TYPE",
]);

/** What a CGI variable may be called: this keeps `wsgi.url_scheme` and the like out. */
const CGI_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function gatewayVariables(exchange: Exchange, params: ReadonlyMap<string, string>, sink: CgiSink): void {
  for (const [name, value] of params) {
    if (NOT_FROM_GATEWAY.has(name) || REQUIRED.has(name)) continue;
    if (name.startsWith("UWSGI_") || !CGI_NAME.test(name)) continue;
    sink.variable(name, value);
  }
  const isMoved = exchange.head !== exchange.clientHead;
  for (const [name, own] of REQUIRED) {
    const given = isMoved && OF_THE_REQUEST.has(name) ? "" : (params.get(name) ?? "");
    sink.variable(name, given === "" ? own(exchange) : given);
  }
}

/** Inside the server another request is made of what the gateway sent. */
const OF_THE_REQUEST: ReadonlySet<string> = new Set(["REQUEST_METHOD", "QUERY_STRING"]);

/** Variables that must be there whatever the gateway was told to send (PEP 3333, environ variables). */
const REQUIRED: ReadonlyMap<string, (exchange: Exchange) => string> = new Map([
  ["REQUEST_METHOD", (exchange: Exchange) => exchange.head.method],
  ["REQUEST_URI", (exchange: Exchange) => exchange.head.target],
  ["QUERY_STRING", (exchange: Exchange) => exchange.head.query ?? ""],
  ["SERVER_PROTOCOL", (exchange: Exchange) => exchange.protocol],
  ["SERVER_NAME", serverName],
  ["SERVER_PORT", serverPort],
  ["REMOTE_ADDR", (exchange: Exchange) => exchange.peer.remoteAddress],
]);

/** Where the application is mounted: "" or a path without closing slash (RFC 3875 section 4.1.13). */
export function scriptName(exchange: Exchange): string {
  if (exchange.params === undefined || isPlacedHere(exchange)) return exchange.mount;
  const given = exchange.params.get("SCRIPT_NAME") ?? exchange.mount;
  return given.endsWith("/") ? given.slice(0, -1) : given;
}

/** The decoded path below the mount; begins with `/`, "" for the mount itself and for `OPTIONS *`. */
export function pathInfo(exchange: Exchange): string {
  const given = exchange.params?.get("PATH_INFO");
  if (given !== undefined && !isPlacedHere(exchange)) return given;
  const { path } = exchange.head;
  if (!path.startsWith("/")) return "";
  return path.startsWith(exchange.mount) ? path.slice(exchange.mount.length) : path;
}

/** Has a route of ours, or a rule, had a say in where the application stands? */
function isPlacedHere({ mount, head, clientHead }: Exchange): boolean {
  return mount !== "" || head.path !== clientHead.path;
}

/** Was the request made with https, as far as it can be believed? A gateway is; a client's own fields never are. */
export function isSecure(exchange: Exchange): boolean {
  const { params, peer } = exchange;
  if (params === undefined) return peer.secure;
  const https = (params.get("HTTPS") ?? "").toLowerCase();
  return peer.secure || https === "on" || https === "1" || params.get("REQUEST_SCHEME") === "https";
}
