/**
 * Is a request meant for the site whose handshake its connection had? A client that names one host in the handshake and
 * another in the request would get round what the handshake is about: the certificate that it checked, and the one that it
 * had to show (RFC 9110 section 15.5.20; CVE-2025-23419). And what a site wants to know of its clients' certificates.
 */
import type { Log } from "../base/log.ts";
import type { SiteConfig } from "../config/config.ts";
import { answer, answerWith } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";

export interface Candidate {
  readonly config: SiteConfig;
}

/** People meet them in browsers, and cannot see the log. */
const NONE_SENT = "This site needs a client certificate, and none was sent";
const NOT_ACCEPTED = "The client certificate that was sent is not accepted here";

/** `handshaken`: the site of the handshake, undefined when that site is gone. True: it was answered. */
export function refusesTls(exchange: Exchange, site: Candidate, handshaken: Candidate | undefined, log: Log): boolean {
  const { tls } = exchange.connectionPeer;
  if (tls === undefined) return false;
  const client = site.config.tls?.client;
  // The second may differ after a reload that changed the authorities: a new connection will do.
  if (handshaken !== site || tls.asked !== (client?.id ?? "")) {
    answer(exchange, 421);
    return true;
  }
  if (client?.required !== true || tls.verify === "SUCCESS") return false;
  log.info(`${exchange.peer.remoteAddress}: 400: no good client certificate for ${site.config.label}: ${tls.verify}`);
  answerWith(exchange, 400, tls.certificate === undefined ? NONE_SENT : NOT_ACCEPTED);
  return true;
}
