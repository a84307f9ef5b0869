/**
 * Says once that somebody near by speaks for others and is not believed: a proxy on the same machine or network that nobody
 * named in `trusted_proxies`. Without it its operator would see one client address for all, and Django redirect to https in
 * circles, and nothing in the log. Whoever asks from the open internet is not worth a line.
 */
import type { Log } from "../base/log.ts";
import { compileAddressSet } from "../exchange/address-set.ts";
import type { Exchange } from "../exchange/exchange.ts";

/** RFC 1918, RFC 4193, loopback, link-local, and whoever reaches a unix socket. */
const NEAR = [
  "127.0.0.0/8",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "::1",
  "fc00::/7",
  "fe80::/10",
  "unix:",
];

/** What proxies write: X-Real-IP alone is nginx's, X-Forwarded-For everybody's. */
const TELLING = ["x-forwarded-for", "x-forwarded-proto", "x-real-ip", "forwarded"] as const;

export class UndeclaredProxy {
  private readonly log: Log;
  private readonly isNear = compileAddressSet(NEAR);
  private told = false;

  constructor(log: Log) {
    this.log = log;
  }

  /** Of a request whose proxy fields are not believed. Looks at the first of each connection, until it has spoken. */
  noted(exchange: Exchange): void {
    if (this.told || exchange.params !== undefined || exchange.connection?.requests !== 1) return;
    const { remoteAddress } = exchange.connectionPeer;
    const field = TELLING.find((lower) => exchange.head.fields.has(lower));
    if (field === undefined || !this.isNear(remoteAddress)) return;
    this.told = true;
    this.log.warn(
      `${remoteAddress} sent ${field}, which is believed of trusted proxies only; if it is your proxy, set ` +
        `trusted_proxies = ["${remoteAddress}"]`,
    );
  }
}
