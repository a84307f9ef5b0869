/** Which site answers: by its host, by the handshake of an encrypted connection, by the scheme. What it answers: assemble.ts. */
import type { Log } from "../base/log.ts";
import type { SiteConfig } from "../config/config.ts";
import type { HttpsRedirectConfig } from "../config/tls-config.ts";
import { answer } from "../exchange/canned.ts";
import { settleClient, type Trust } from "../exchange/client-address.ts";
import type { Account, Handler } from "../exchange/exchange.ts";
import { schemeIsMisdirected } from "../exchange/misdirected.ts";
import { makeRedirectHandler } from "../exchange/redirect.ts";
import type { HeaderRules } from "../exchange/reply-headers.ts";
import type { Scope } from "../exchange/scope.ts";
import type { Challenges } from "./challenges.ts";
import { refusesTls } from "./misdirected-tls.ts";
import { namelessSite, selectSite } from "./routing.ts";
import { makeTemplate } from "./templates.ts";
import type { UndeclaredProxy } from "./undeclared-proxy.ts";

export interface AssembledSite {
  readonly config: SiteConfig;
  readonly trust: Trust | undefined;
  readonly handler: Handler;
  /** Of the site and the server; its routes have more. */
  readonly headerRules: HeaderRules | undefined;
  readonly account: Account;
}

export interface HostContext {
  readonly serverRules: HeaderRules | undefined;
  readonly serverTrust: Trust | undefined;
  readonly undeclared: UndeclaredProxy;
  readonly log: Log;
  readonly challenges: Challenges;
}

/** A template. */
export function httpsUrl({ port }: HttpsRedirectConfig): string {
  return `https://$host${port === 443 ? "" : `:${port}`}$request_uri`;
}

/** Requests that come unencrypted are sent to the encrypted address of the site, if it has one. */
export function withHttps({ httpsRedirect }: SiteConfig, handler: Handler, scope: Scope): Handler {
  if (httpsRedirect === undefined) return handler;
  const redirect = makeRedirectHandler({
    to: makeTemplate(httpsUrl(httpsRedirect), scope),
    status: httpsRedirect.status,
  });
  return (exchange) => (exchange.peer.secure ? handler(exchange) : redirect(exchange));
}

/** Host → site, of the listener `key`; a Host that no site has never reaches one (RFC 9110 section 15.5.20). */
export function makeHostHandler(
  sites: readonly AssembledSite[],
  key: string,
  { serverRules, serverTrust, undeclared, log, challenges }: HostContext,
): Handler {
  const select = selectSite(sites);
  const nameless = namelessSite(sites, key);
  const handshaken = (name: string) => (name === "" ? nameless : select(name));
  return (exchange) => {
    if (challenges.answers(exchange)) return;
    const site = select(exchange.head.host, exchange);
    exchange.headerRules = site === undefined ? serverRules : site.headerRules;
    const trust = site === undefined ? serverTrust : site.trust;
    if (trust !== undefined) settleClient(exchange, trust);
    if (exchange.forwarding === "refused") undeclared.noted(exchange);
    if (site === undefined || schemeIsMisdirected(exchange)) return answer(exchange, 421);
    const { tls } = exchange.connectionPeer;
    if (tls !== undefined && refusesTls(exchange, site, handshaken(tls.serverName), log)) return;
    exchange.site = site.config.label;
    exchange.account = site.account;
    site.handler(exchange);
  };
}
