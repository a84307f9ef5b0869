/**
 * What of a message goes on to the next hop (RFC 9110 section 7.6): the fields of a request for the upstream, the fields
 * of its reply for the client. Fields that are not known are passed, in order.
 *
 * Who the client is, is said by this server only: Forwarded, X-Forwarded-For, -Proto, -Host, -Port and X-Real-IP are
 * written anew, and others of their kind (exchange/forwarding.ts), as fields whose name holds `_` and which could pass for them in a CGI
 * environment, go on from nobody but a trusted proxy. What that says (exchange/client-address.ts) is kept: its
 * X-Forwarded-For goes on with its own address behind it, its Forwarded with an element of ours.
 */
import { forwardedFor } from "../exchange/client-address.ts";
import { clientCertificateText } from "../exchange/client-certificate.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { passesAmbiguous } from "../exchange/field-spelling.ts";
import { isForwardingField } from "../exchange/forwarding.ts";
import { fieldValue } from "../exchange/reply-headers.ts";
import type { TlsFacts } from "../net/tls-facts.ts";
import { type FieldName, Fields, fieldName } from "../protocol/http/fields.ts";
import { HOP_BY_HOP } from "../protocol/http/message.ts";
import { forwardedField } from "./forwarded-field.ts";
import { countsDown } from "./hops.ts";

/** Our name in Via fields (RFC 9110 section 7.6.3): a pseudonym that tells nothing of the host. */
const VIA_PSEUDONYM = "server";

/** Times a request may have come by here before it is taken for one that goes round in circles (508). */
export const VIA_HOPS_MAX = 10;

/** Never passed on as sent. Expect was dealt with by the session; Proxy is CVE-2016-5385; Content-Length is written
 *  anew from the body that was read; the others name the client or its scheme to some framework. */
const REQUEST_DROPPED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  "host",
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

/** Besides hop-by-hop fields: words of an upstream to its gateway (nginx: X-Accel-*), which clients need not see. */
const REPLY_DROPPED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  "content-length",
  "proxy-authenticate",
  "x-accel-buffering",
  "x-accel-charset",
  "x-accel-expires",
  "x-accel-limit-rate",
]);

/** End-to-end fields that a Connection field must not take away (hop-by-hop abuse). */
function isProtected(lower: string): boolean {
  if (lower.startsWith("content-") || lower.startsWith("x-forwarded-")) return true;
  return lower === "host" || lower === "cookie" || lower === "authorization" || lower === "set-cookie";
}

/** Whoever is told the fields one by one: a Fields, or the writer of a head. */
export interface FieldSink {
  add(name: FieldName, value: string): unknown;
}

const IN_REQUEST = 1;
const IN_REPLY = 2;
const AMBIGUOUS = 4;
/** Max-Forwards: hops.ts writes it anew for the methods that count. */
const COUNTED = 8;
/** Goes on only from who is believed. */
const FORWARDING = 16;

/** What happens to a name is worked out once. Names are unbounded, this table is not (http/fields.ts bounds its own). */
const PASSAGES_MAX = 4096;
const passages = new Map<FieldName, number>();

/** Bits: is it dropped in requests, in replies; does its spelling need a closer look? 0 for most. */
function passageOf(name: FieldName): number {
  return passages.get(name) ?? makePassage(name);
}

function makePassage(name: FieldName): number {
  const { lower } = name;
  let passage = name.ambiguous ? AMBIGUOUS : 0;
  if (REQUEST_DROPPED.has(lower)) passage |= IN_REQUEST;
  if (isForwardingField(lower)) passage |= FORWARDING;
  if (REPLY_DROPPED.has(lower)) passage |= IN_REPLY;
  if (lower === "max-forwards") passage |= COUNTED;
  if (passages.size < PASSAGES_MAX) passages.set(name, passage);
  return passage;
}

/** Is this no stranger's to say, or of another spelling than what is? Behind a body, where nobody looks, from no one's. */
export function isOursToSay(name: FieldName): boolean {
  return (passageOf(name) & (IN_REQUEST | FORWARDING | AMBIGUOUS)) !== 0;
}

const HOST = fieldName("Host");
const VIA = fieldName("Via");
const X_REMOTE_USER = fieldName("X-Remote-User");
const X_REAL_IP = fieldName("X-Real-IP");
const FORWARDED = fieldName("Forwarded");
const X_FORWARDED_FOR = fieldName("X-Forwarded-For");
const X_FORWARDED_PROTO = fieldName("X-Forwarded-Proto");
const X_FORWARDED_HOST = fieldName("X-Forwarded-Host");
const X_FORWARDED_PORT = fieldName("X-Forwarded-Port");

const X_SSL_CLIENT_VERIFY = fieldName("X-SSL-Client-Verify");
const X_SSL_CLIENT_S_DN = fieldName("X-SSL-Client-S-DN");
const X_SSL_CLIENT_FINGERPRINT = fieldName("X-SSL-Client-Fingerprint");

/** What else the upstream's request says. `host`: in place of the client's, undefined to keep it; `fallbackHost`: for
 *  clients that named none (HTTP/1.0). */
export interface ForwardRules {
  readonly host: string | undefined;
  readonly fallbackHost: string;
  readonly via: boolean;
}

/** Tells `sink` the fields of the request to the upstream: the client's, then ours. */
export function requestFields(exchange: Exchange, sink: FieldSink, rules: ForwardRules): void {
  clientFields(exchange, sink, rules);
  ownFields(exchange, sink, rules.via);
}

/** Host, and what of the client's fields goes on. */
export function clientFields(exchange: Exchange, sink: FieldSink, rules: ForwardRules): void {
  const { names, values } = exchange.head.fields;
  const nominated = nominatedBy(exchange.head.fields);
  const dropped = exchange.forwarding === "believed" ? IN_REQUEST : IN_REQUEST | FORWARDING;
  sink.add(HOST, rules.host ?? (hostField(exchange) || rules.fallbackHost));
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as FieldName;
    const passage = passageOf(name);
    if (passage === COUNTED && countsDown(exchange)) continue;
    if ((passage & dropped) !== 0 || nominated?.has(name.lower) === true) continue;
    if ((passage & AMBIGUOUS) === 0 || passesAmbiguous(exchange, name)) sink.add(name, values[i] as string);
  }
}

/** Via, and who the client is. */
export function ownFields(exchange: Exchange, sink: FieldSink, via: boolean): void {
  const { peer } = exchange;
  const host = hostField(exchange);
  if (via) sink.add(VIA, exchange.protocol === "HTTP/1.1" ? VIA_1_1 : viaOf(exchange.protocol));
  sink.add(X_REAL_IP, peer.remoteAddress);
  sink.add(X_FORWARDED_FOR, forwardedFor(exchange));
  if (exchange.remoteUser !== "") sink.add(X_REMOTE_USER, exchange.remoteUser);
  sink.add(X_FORWARDED_PROTO, peer.secure ? "https" : "http");
  const forwardedHost = believed(exchange, "x-forwarded-host") ?? (exchange.forwardedHost || host);
  if (forwardedHost !== "") sink.add(X_FORWARDED_HOST, forwardedHost);
  if (peer.tls !== undefined && peer.tls.asked !== "") clientCertificateFields(peer.tls, sink);
  sink.add(X_FORWARDED_PORT, believed(exchange, "x-forwarded-port") ?? String(forwardedPort(exchange)));
  sink.add(FORWARDED, forwardedField(exchange, host, forwardedHost));
}

function clientCertificateFields(facts: TlsFacts, sink: FieldSink): void {
  sink.add(X_SSL_CLIENT_VERIFY, facts.verify);
  sink.add(X_SSL_CLIENT_S_DN, fieldValue(clientCertificateText(facts, "s_dn")));
  sink.add(X_SSL_CLIENT_FINGERPRINT, clientCertificateText(facts, "fingerprint"));
}

/** Do our fields depend on the connection and its Host alone, so that they can be kept for its next request? */
export function ownFieldsStay(exchange: Exchange): boolean {
  return exchange.forwarding !== "believed" && exchange.remoteUser === "" && exchange.head.form === "origin";
}

const VIA_1_1 = viaOf("HTTP/1.1");

function viaOf(protocol: string): string {
  return `${protocol.slice("HTTP/".length)} ${VIA_PSEUDONYM}`;
}

/** That field as a trusted proxy sent it. */
function believed(exchange: Exchange, lower: string): string | undefined {
  return exchange.forwarding === "believed" ? exchange.head.fields.get(lower) : undefined;
}

/** As sent; the authority of an absolute-form target wins over it (RFC 9112 section 3.2.2). */
export function hostField(exchange: Exchange): string {
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

/** Of the fields of an upstream's reply those that are for the client. Date and Server stay the origin's (RFC 9110 section
 *  6.6.1). What came is left as it is: logs may name any of it. */
export function keptReplyFields(sent: Fields): Fields {
  const { names, values } = sent;
  const nominated = nominatedBy(sent);
  const kept = new Fields();
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as FieldName;
    if ((passageOf(name) & IN_REPLY) !== 0 || nominated?.has(name.lower) === true) continue;
    kept.add(name, values[i] as string);
  }
  return kept;
}

/** The fields that Connection makes hop-by-hop besides the known ones; undefined for the usual `close` or none. */
export function nominatedBy(fields: Fields): Set<string> | undefined {
  const { names, values } = fields;
  let options: string | undefined = undefined;
  for (let i = 0; i < names.length; i++) {
    if ((names[i] as FieldName).lower !== "connection") continue;
    const value = values[i] as string;
    options = options === undefined ? value : `${options},${value}`;
  }
  if (options === undefined || options === "keep-alive" || options === "close") return undefined;
  const nominated = new Set(options.split(",").map((name) => name.trim().toLowerCase()));
  for (const name of nominated) if (isProtected(name)) nominated.delete(name);
  return nominated;
}
