/** What config.ts says of TLS: plain data, as all of it. */
import type { PairFiles } from "../certificates/files.ts";
import type { Wanted } from "../certificates/issue-job.ts";
import type { TlsPolicy } from "../net/server-tls.ts";

/** Of a site with an encrypted address. */
export interface SiteTlsConfig {
  /** Where its certificates come from. */
  readonly source: TlsSource;
  readonly policy: TlsPolicy;
  readonly client: ClientAuthConfig | undefined;
}

/** Of a site with an encrypted address; all undefined without. */
export interface HttpsConfig {
  readonly tls?: SiteTlsConfig;
  readonly hsts?: HstsConfig;
  readonly httpsRedirect?: HttpsRedirectConfig;
}

/** Of several pairs each has another kind of key. */
export type TlsSource =
  | { readonly kind: "files"; readonly pairs: readonly PairFiles[] }
  /** Ordered from an authority; signed by one of our own. */
  | Wanted;

/** Which certificates of clients are good, and what one without gets. */
export interface ClientAuthConfig {
  /** PEM. */
  readonly authority: string;
  /** Names the authority, so that what was verified against another is not taken for verified against it. */
  readonly id: string;
  readonly required: boolean;
}

/** Strict-Transport-Security (RFC 6797). */
export interface HstsConfig {
  readonly maxAgeMs: number;
  readonly includeSubdomains: boolean;
  readonly preload: boolean;
  /** When it begins, in stages; milliseconds since the epoch. Undefined: it holds in full. */
  readonly rampFromMs?: number;
}

/** Of requests that come unencrypted. */
export interface HttpsRedirectConfig {
  readonly status: number;
  /** Of the site's first encrypted address. */
  readonly port: number;
}
