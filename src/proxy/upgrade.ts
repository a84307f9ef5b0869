/**
 * Upgrade (RFC 9110 section 7.8): which protocols an http upstream is offered on behalf of the client, whether its 101 is
 * one of them, and the tunnel that is made then. On unless it is turned off, as in Caddy; nginx wants four lines for it.
 *
 * Protocols that carry further requests are never offered: what would pass in such a tunnel is HTTP that no rule of this
 * server has seen (h2c smuggling), be it in the clear or in TLS.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { headCame, replyEnded, type UpstreamAttempt } from "../exchange/upstream-attempt.ts";
import { fieldName } from "../protocol/http/fields.ts";
import { peerSucceeded } from "./balance.ts";
import type { UpstreamConnection } from "./connection.ts";
import type { UpstreamReplyHead } from "./dialect.ts";
import type { FieldSink } from "./forward.ts";
import { TUNNEL_TIMEOUT_MS, type ProxyOptions, type UpstreamOptions } from "./options.ts";
import { passedHead } from "./reply-fields.ts";
import type { Upstream } from "./upstream.ts";

const UPGRADE = fieldName("Upgrade");

/** protocol-name ["/" protocol-version], both tokens. */
const PROTOCOL = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?$/;
const CARRIES_REQUESTS = /^(?:h2|h2c|h3|http|https|tls)(?:\/|$)/i;

/** The Upgrade field of the request to the upstream; "" for none. A request that has content is not upgraded: where its end
 *  and the tunnel's beginning meet there is nothing to win and a boundary to lose. */
export function offeredUpgrade({ head, upgrader }: Exchange, options: UpstreamOptions): string {
  if (head.upgrade === undefined || upgrader === undefined || options.upgrade === false) return "";
  if (head.bodyLength !== 0 || options.protocol !== "http") return "";
  return protocolsOf(head.upgrade).join(", ");
}

export function addUpgrade({ upgrader }: Exchange, protocols: string, sink: FieldSink): void {
  sink.add(UPGRADE, protocols);
  if (upgrader !== undefined) upgrader.offered = true;
}

function protocolsOf(field: string): string[] {
  const named = field.split(",").map((name) => name.trim());
  return named.filter((name) => PROTOCOL.test(name) && !CARRIES_REQUESTS.test(name));
}

/** What a 101 switches to; undefined when that was not offered, so that the reply is none. */
function acceptedUpgrade(head: UpstreamReplyHead, offered: string): string | undefined {
  const names = head.fields.all("upgrade").join(",").split(",");
  const offers = new Set(offered.toLowerCase().split(", "));
  const known = names.every((name) => offers.has(name.trim().toLowerCase()));
  return known && offered !== "" ? names.map((name) => name.trim()).join(", ") : undefined;
}

export interface Switching {
  readonly exchange: Exchange;
  readonly upstream: Upstream;
  readonly route: ProxyOptions;
  readonly connection: UpstreamConnection;
  readonly attempt: UpstreamAttempt | undefined;
}

/** Of a 101: gives the connection to a tunnel. False when it was not asked for. */
export function switchedProtocols(head: UpstreamReplyHead, switching: Switching): boolean {
  const { exchange, upstream, connection, route, attempt } = switching;
  const { upgrader } = exchange;
  const protocol = acceptedUpgrade(head, offeredUpgrade(exchange, upstream.options));
  if (protocol === undefined || upgrader === undefined) return false;
  const { peer } = connection;
  if (attempt !== undefined) headCame(attempt, head.status, head.fields, monotonicMs());
  if (peer.fails > 0) peerSucceeded(peer, monotonicMs());
  const passage = { exchange, peer, options: upstream.options, route };
  const reply = passedHead(head, passage, upstream.stickyCookie(exchange, peer));
  reply.fields.add(UPGRADE, protocol);
  const idleTimeoutMs = upstream.options.tunnelTimeoutMs ?? TUNNEL_TIMEOUT_MS;
  const tunnel = upgrader.upgrade(reply, connection.detach(), {
    idleTimeoutMs,
    over: (outcome) => {
      if (attempt !== undefined) replyEnded(attempt, monotonicMs());
      if (outcome === "idle") {
        const { remoteAddress } = exchange.peer;
        const quiet = `closed, since nothing came for ${idleTimeoutMs} ms (tunnel_timeout)`;
        upstream.log.info(`upstream ${upstream.name}, server ${peer.name}: tunnel of ${remoteAddress} ${quiet}`);
      }
      connection.tunnelOver();
    },
  });
  connection.carries({ route: route.identity, close: () => tunnel.close() });
  return true;
}
