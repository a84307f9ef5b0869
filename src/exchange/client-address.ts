/**
 * Who the client is when proxies stand between it and us: X-Forwarded-For, X-Real-IP and X-Forwarded-Proto, or else
 * Forwarded, believed only when the connection comes from a proxy that the configuration trusts (nginx: set_real_ip_from,
 * real_ip_header, real_ip_recursive on).
 *
 *   X-Forwarded-For: 203.0.113.9, 192.0.2.7, 10.0.0.2        connection from 10.0.0.1; trusted: 10.0.0.0/8
 *                    ▲ anybody's    ▲ the    ◀── trusted ◀── walked from the right while what stands there is trusted
 *                      invention      client
 *
 * Each trusted proxy vouches for the entry to its left, which is the address it was connected from. When all are trusted
 * the leftmost is the client; an entry that is no address ends the walk, as in nginx.
 *
 * Forwarded (RFC 7239) is read, by the same walk, only of a request without any of the others: most proxies write those and
 * let a Forwarded of the client through, which must not fill in what they leave out.
 */
import { parseAddress } from "../base/ip-address.ts";
import type { Fields } from "../protocol/http/fields.ts";
import { parseHost } from "../protocol/http/target.ts";
import { UNIX_PEER } from "./address-set.ts";
import type { Exchange, Peer } from "./exchange.ts";
import { type ForwardedElement, parseForwarded } from "./forwarded.ts";

/** Is that address one of a trusted proxy? */
export type Trust = (address: string) => boolean;

/** Proxies in a row. More are no setup of anybody's, and each is a step for every request. */
const HOPS_MAX = 32;

/** Settles `exchange.peer` and `exchange.forwarding`; to be called once, before anyone asks for them. A gateway that speaks
 *  uwsgi has said who its client is in its own way. */
export function settleClient(exchange: Exchange, trust: Trust): void {
  if (exchange.params !== undefined) return;
  const { connectionPeer } = exchange;
  if (!trust(connectionPeer.remoteAddress)) {
    exchange.forwarding = "refused";
    return;
  }
  exchange.forwarding = "believed";
  const { fields } = exchange.head;
  const forwarded = believedForwarded(fields);
  if (forwarded === undefined) exchange.peer = clientOf(connectionPeer, fields, trust);
  else settleForwarded(exchange, forwarded, trust);
}

function believedForwarded(fields: Fields): readonly ForwardedElement[] | undefined {
  return OTHERS.some((lower) => fields.has(lower)) ? undefined : parseForwarded(fields);
}

/** Of an exchange that is believed: is it the Forwarded field that says who the client is? */
export function saysForwarded(exchange: Exchange): boolean {
  return believedForwarded(exchange.head.fields) !== undefined;
}

/** Whoever writes one of these does not write Forwarded. */
const OTHERS = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip"] as const;

/** The last element is the word of the proxy that is connected to us; each names the connection that its proxy got the
 *  request from, and with it how the client spoke there. */
function settleForwarded(exchange: Exchange, elements: readonly ForwardedElement[], trust: Trust): void {
  let client: Node | undefined = undefined;
  let told = elements.at(-1);
  for (let i = elements.length - 1; i >= 0 && elements.length - i <= HOPS_MAX; i--) {
    told = elements[i];
    const node = parseNode(told?.for ?? "");
    if (node === undefined) break;
    client = node;
    if (!trust(node.remoteAddress)) break;
  }
  const host = told?.host ?? "";
  if (parseHost(host) !== undefined) exchange.forwardedHost = host;
  exchange.peer = peerWith(exchange.connectionPeer, client, isSecureScheme(told?.proto));
}

function clientOf(peer: Peer, fields: Fields, trust: Trust): Peer {
  const walk = walkForwardedFor(listOf(fields, "x-forwarded-for"), trust);
  const client = walk.client ?? parseNode(fields.get("x-real-ip") ?? "");
  return peerWith(peer, client, forwardedSecure(listOf(fields, "x-forwarded-proto"), walk.hops));
}

/** `client`, `told`: undefined where nothing is said. */
function peerWith(peer: Peer, client: Node | undefined, told: boolean | undefined): Peer {
  const secure = told ?? peer.secure;
  if (client === undefined && secure === peer.secure) return peer;
  const { remoteAddress, remotePort } = client ?? peer;
  return { ...peer, remoteAddress, remotePort, secure };
}

interface Node {
  readonly remoteAddress: string;
  /** 0 when it is not told. */
  readonly remotePort: number;
}

/** `client` undefined: the field says nothing that can be used. `hops`: the proxies that vouch for it, 1 or more. */
function walkForwardedFor(entries: readonly string[], trust: Trust): { client: Node | undefined; hops: number } {
  let client: Node | undefined = undefined;
  let hops = 1;
  for (let i = entries.length - 1; i >= 0 && hops <= HOPS_MAX; i--) {
    const node = parseNode(entries[i] as string);
    if (node === undefined) break;
    if (client !== undefined) hops++;
    client = node;
    if (!trust(node.remoteAddress)) break;
  }
  return { client, hops };
}

/** The scheme that the client used with the proxy it was connected to: that proxy's entry, counted from the right. Most
 *  proxies replace the field instead of adding to it; then its one entry is the word of the first of them. */
function forwardedSecure(schemes: readonly string[], hops: number): boolean | undefined {
  return isSecureScheme(schemes[Math.max(0, schemes.length - hops)]);
}

function isSecureScheme(written: string | undefined): boolean | undefined {
  const scheme = written?.toLowerCase();
  if (scheme === "https" || scheme === "wss") return true;
  return scheme === "http" || scheme === "ws" ? false : undefined;
}

/** The entries of a list field that may come in several lines (RFC 9110 section 5.3). */
function listOf(fields: Fields, lower: string): readonly string[] {
  if (!fields.has(lower)) return NONE;
  return fields
    .all(lower)
    .join(",")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

const NONE: readonly string[] = [];

/** `192.0.2.7`, `192.0.2.7:4711` (Azure), `2001:db8::7`, `[2001:db8::7]`, `[2001:db8::7]:4711`, `unix:` (nginx behind a
 *  unix socket). */
function parseNode(text: string): Node | undefined {
  if (text === UNIX_PEER) return { remoteAddress: text, remotePort: 0 };
  if (!text.includes("%") && parseAddress(text) !== undefined) return { remoteAddress: unmapped(text), remotePort: 0 };
  const [, inside, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = inside ?? plain ?? "";
  if (parseAddress(address) === undefined || address.includes(":") !== (inside !== undefined)) return undefined;
  const remotePort = Number(port ?? 0);
  return remotePort > 65_535 ? undefined : { remoteAddress: unmapped(address), remotePort };
}

/** IPv4 addresses are told in their own form, as everywhere. */
function unmapped(address: string): string {
  const number = address.includes(":") ? parseAddress(address) : undefined;
  if (typeof number !== "number") return address;
  return [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255].join(".");
}

/** Addresses that X-Forwarded-For names, from the client that was believed on; none when it says nothing of that. */
export function forwardedEntries({ head, peer }: Exchange): readonly string[] {
  const nodes = listOf(head.fields, "x-forwarded-for").map(parseNode);
  const client = nodes.findLastIndex((node) => node?.remoteAddress === peer.remoteAddress);
  return client === -1 ? [] : nodes.slice(client).map((node) => node?.remoteAddress ?? "");
}

/** The X-Forwarded-For of a request that goes on from here (nginx: $proxy_add_x_forwarded_for, which believes everyone). A
 *  unix socket has no address that could stand in the list. */
export function forwardedFor(exchange: Exchange): string {
  const { head, peer, connectionPeer } = exchange;
  if (exchange.forwarding !== "believed") return peer.remoteAddress;
  const sent = head.fields.all("x-forwarded-for").join(", ");
  if (sent === "") return peer.remoteAddress;
  return connectionPeer.remoteAddress === UNIX_PEER ? sent : `${sent}, ${connectionPeer.remoteAddress}`;
}
