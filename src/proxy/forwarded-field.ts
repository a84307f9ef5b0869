/**
 * The Forwarded field (RFC 7239) of a request to an upstream: one element for each hop that is known, the client's first.
 *
 *   Forwarded: for=192.0.2.60;host=www.example.org;proto=https, for=10.0.0.1;host="app:8000";proto=http
 *              ▲ the client, as a trusted proxy before us saw it   ▲ that proxy's connection, as we see it
 *
 * A stranger's Forwarded is never part of it. What a trusted proxy sent is kept as it is if it was believed; one that speaks
 * X-Forwarded-For is put into these terms (section 7.4), from the client on: what stands before that is anybody's invention.
 */
import { forwardedEntries, saysForwarded } from "../exchange/client-address.ts";
import type { Exchange } from "../exchange/exchange.ts";

/** `host`: as the client named it to us; `clientHost`: as it did to whom we believe. */
export function forwardedField(exchange: Exchange, host: string, clientHost: string): string {
  const { connectionPeer, peer } = exchange;
  const own = element(connectionPeer.remoteAddress, host, connectionPeer.secure);
  if (exchange.forwarding !== "believed") return own;
  if (saysForwarded(exchange)) return `${exchange.head.fields.all("forwarded").join(", ")}, ${own}`;
  const first = element(peer.remoteAddress, clientHost, peer.secure);
  const [client, ...proxies] = forwardedEntries(exchange);
  // Without a list there may still be a word for the client (X-Real-IP), or for how it spoke to who is the client to us.
  if (client === undefined && peer.remoteAddress === connectionPeer.remoteAddress) return first;
  return [first, ...proxies.map((address) => `for=${node(address)}`), own].join(", ");
}

function element(address: string, host: string, secure: boolean): string {
  const named = host === "" ? "" : `;host=${value(host)}`;
  return `for=${node(address)}${named};proto=${secure ? "https" : "http"}`;
}

/** Section 6: IPv6 in brackets, which must be quoted; whoever has no address is unknown. */
function node(address: string): string {
  if (address.includes(":")) return address.startsWith("unix:") ? "unknown" : `"[${address}]"`;
  return address === "" ? "unknown" : address;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function value(text: string): string {
  return TOKEN.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}
