/**
 * Which certificate a front shows to whom: those of its sites, by the names that clients say, for each encrypted address.
 * What the certificates are, is the master's affair: it sends all of them again when one has changed. Those that stayed keep
 * their contexts.
 */
import type { Config, SiteConfig } from "../config/config.ts";
import { listenKey } from "../config/listen.ts";
import type { TlsChoice } from "../net/listen-tls.ts";
import { type KeyPair, makeServerContext, type ServerContext } from "../net/server-tls.ts";
import { listensOn, namelessSite, selectSite } from "./routing.ts";

/** Of each site of the configuration, in its order; undefined: it has none. */
export type SiteCertificates = readonly (readonly KeyPair[] | undefined)[];

type Choose = (serverName: string | undefined) => TlsChoice | undefined;

export class Certificates {
  private contexts = new Map<string, ServerContext>();
  private choices = new Map<string, Choose>();

  /** `before`: what is shown until now. */
  constructor(before?: Certificates) {
    if (before !== undefined) this.contexts = before.contexts;
  }

  /** Throws what BoringSSL says of a pair that it does not take; then all is as before. */
  update(config: Config, certificates: SiteCertificates): void {
    const contexts = new Map<string, ServerContext>();
    const sites = config.sites.map((site, i) => ({
      config: site,
      choice: this.choiceOf(site, certificates[i], contexts),
    }));
    const addresses = config.sites.flatMap(({ listen }) => listen.filter(({ tls }) => tls === true));
    const keys = new Set(addresses.map(listenKey));
    this.choices = new Map(
      [...keys].map((key) => [
        key,
        chooser(
          sites.filter((site) => listensOn(site.config, key)),
          key,
        ),
      ]),
    );
    this.contexts = contexts;
  }

  choose(key: string, serverName: string | undefined): TlsChoice | undefined {
    return this.choices.get(key)?.(serverName);
  }

  private choiceOf(
    { label, names, tls }: SiteConfig,
    pairs: readonly KeyPair[] | undefined,
    contexts: Map<string, ServerContext>,
  ): TlsChoice | undefined {
    if (tls === undefined || pairs === undefined || pairs.length === 0) return undefined;
    const { client, policy } = tls;
    const session = JSON.stringify([label, names, client?.id, client?.required]);
    const identity = { pairs, clientAuthority: client?.authority, session };
    const key = JSON.stringify([identity, policy]);
    const context = this.contexts.get(key) ?? contexts.get(key) ?? makeServerContext(identity, policy);
    contexts.set(key, context);
    return { context, asks: client?.id ?? "" };
  }
}

interface Candidate {
  readonly config: SiteConfig;
  readonly choice: TlsChoice | undefined;
}

function chooser(sites: readonly Candidate[], key: string): Choose {
  const select = selectSite(sites);
  const nameless = namelessSite(sites, key);
  return (serverName) => (serverName === undefined ? nameless : select(serverName))?.choice;
}
