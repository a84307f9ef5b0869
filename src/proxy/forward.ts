/**
 * What of a message goes on to the next hop (RFC 9110 section 7.6): the fields of a request for the upstream, the fields
 * of its reply for the client. Fields that are not known are passed, in order.
 *
 * Who the client is, is said by this server only: X-Forwarded-For, -Proto, -Host, -Port and X-Real-IP are written anew,
 * and others of their kind (exchange/forwarding.ts), as fields whose name holds `_` and which could pass for them in a CGI
 * environment, go on from nobody but a trusted proxy. What that says (exchange/client-address.ts) is kept: its
 * X-Forwarded-For goes on with its own address behind it. Forwarded is read and not passed on, since nothing would be added.
 */
import { forwardedFor } from "../exchange/client-address.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { passesAmbiguous } from "../exchange/field-spelling.ts";
import { isForwardingField } from "../exchange/forwarding.ts";
import { type FieldName, Fields, fieldName } from "../protocol/http/fields.ts";
import { HOP_BY_HOP } from "../protocol/http/message.ts";

/** Our name in Via fields (RFC 9110 section 7.6.3): a pseudonym that tells nothing of the host. */
const VIA_PSEUDONYM = "server";

/** Times a request may have come by here before it is taken for one that goes round in circles (508). */
export const VIA_HOPS_MAX = 10;

/** Never passed on as sent. Expect was dealt with by the session; Proxy is CVE-2016-5385; Content-Length is written
 *  anew from the body that was read; the others name the client or its scheme to some framework. */
const REQUEST_DROPPED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  "expect",
  "content-length",
  "proxy",
  "proxy-authorization",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-real-ip",
  "x-remote-user",
  "remote-user",
]);

const REPLY_DROPPED: ReadonlySet<string> = new Set([...HOP_BY_HOP, "content-length", "proxy-authenticate"]);

/** End-to-end fields that a Connection field must not take away (hop-by-hop abuse). */
function isProtected(lower: string): boolean {
  if (lower.startsWith("content-") || lower.startsWith("x-forwarded-")) return true;
  return lower === "host" || lower === "cookie" || lower === "authorization" || lower === "set-cookie";
}

const HOST = fieldName("Host");
const VIA = fieldName("Via");
const X_REMOTE_USER = fieldName("X-Remote-User");
const X_REAL_IP = fieldName("X-Real-IP");
const X_FORWARDED_FOR = fieldName("X-Forwarded-For");
const X_FORWARDED_PROTO = fieldName("X-Forwarded-Proto");
const X_FORWARDED_HOST = fieldName("X-Forwarded-Host");
const X_FORWARDED_PORT = fieldName("X-Forwarded-Port");

/** The fields of the request to the upstream; `fallbackHost` is for clients that named none (HTTP/1.0). */
export function requestFields(exchange: Exchange, fallbackHost: string): Fields {
  const { head, peer } = exchange;
  const sent = head.fields;
  const host = hostField(exchange);
  const fields = new Fields();
  fields.add(HOST, host === "" ? fallbackHost : host);
  const nominated = nominatedBy(sent);
  for (let i = 0; i < sent.length; i++) {
    const name = sent.names[i] as FieldName;
    if (isRequestFieldPassed(exchange, name) && nominated?.has(name.lower) !== true)
      fields.add(name, sent.values[i] as string);
  }
  fields.add(VIA, `${exchange.protocol.slice("HTTP/".length)} ${VIA_PSEUDONYM}`);
  fields.add(X_REAL_IP, peer.remoteAddress);
  fields.add(X_FORWARDED_FOR, forwardedFor(exchange));
  if (exchange.remoteUser !== "") fields.add(X_REMOTE_USER, exchange.remoteUser);
  fields.add(X_FORWARDED_PROTO, peer.secure ? "https" : "http");
  const forwardedHost = believed(exchange, "x-forwarded-host") ?? (exchange.forwardedHost || host);
  if (forwardedHost !== "") fields.add(X_FORWARDED_HOST, forwardedHost);
  fields.add(X_FORWARDED_PORT, believed(exchange, "x-forwarded-port") ?? String(forwardedPort(exchange)));
  return fields;
}

/** That field as a trusted proxy sent it. */
function believed(exchange: Exchange, lower: string): string | undefined {
  return exchange.forwarding === "believed" ? exchange.head.fields.get(lower) : undefined;
}

function isRequestFieldPassed(exchange: Exchange, name: FieldName): boolean {
  const { lower } = name;
  if (name.ambiguous && !passesAmbiguous(exchange, name)) return false;
  if (lower === "host" || REQUEST_DROPPED.has(lower)) return false;
  return exchange.forwarding === "believed" || !isForwardingField(lower);
}

/** As sent; the authority of an absolute-form target wins over it (RFC 9112 section 3.2.2). */
function hostField(exchange: Exchange): string {
  const { head } = exchange;
  const sent = head.form === "absolute" ? undefined : head.fields.get("host");
  if (sent !== undefined) return sent;
  return head.hostPort === undefined ? head.host : `${head.host}:${head.hostPort}`;
}

/** The port the client spoke to; on a unix socket, and to a proxy before us, the one it named or its scheme's. */
function forwardedPort(exchange: Exchange): number {
  const { head, peer } = exchange;
  if (peer.localPort !== 0 && exchange.forwarding !== "believed") return peer.localPort;
  return head.hostPort ?? (peer.secure ? 443 : 80);
}

/** Has this request come by here too often? Only a Via field of ours can tell. */
export function goesInCircles(exchange: Exchange): boolean {
  const { fields } = exchange.head;
  if (!fields.has("via")) return false;
  const hops = fields.all("via").join(",").split(",");
  return hops.filter((hop) => hop.trim().endsWith(` ${VIA_PSEUDONYM}`)).length >= VIA_HOPS_MAX;
}

/** The fields of an upstream's reply for the client. Date and Server stay the origin's (RFC 9110 section 6.6.1). */
export function replyFields(sent: Fields): Fields {
  const fields = new Fields();
  const nominated = nominatedBy(sent);
  for (let i = 0; i < sent.length; i++) {
    const name = sent.names[i] as FieldName;
    if (REPLY_DROPPED.has(name.lower) || nominated?.has(name.lower) === true) continue;
    fields.add(name, sent.values[i] as string);
  }
  return fields;
}

/** The fields that Connection makes hop-by-hop besides the known ones; undefined for the usual `close` or none. */
function nominatedBy(fields: Fields): Set<string> | undefined {
  if (!fields.has("connection")) return undefined;
  const options = fields.all("connection").join(",").toLowerCase();
  if (options === "keep-alive" || options === "close") return undefined;
  const nominated = new Set(options.split(",").map((name) => name.trim()));
  for (const name of nominated) if (isProtected(name)) nominated.delete(name);
  return nominated;
}
