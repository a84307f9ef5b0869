/** What is known of an encrypted connection when its handshake is done. */
import type { X509Certificate } from "node:crypto";

export interface TlsFacts {
  /** `TLSv1.3` */
  readonly version: string;
  /** As OpenSSL names it: `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string;
  /** The host that the client named (SNI), lower case; "" for none. */
  readonly serverName: string;
  /** "" when the client offered none. */
  readonly alpn: string;
  readonly reused: boolean;
  /** Names the authorities that the client was asked to show a certificate of; "" when it was not asked. */
  readonly asked: string;
  /** nginx's $ssl_client_verify: `NONE`, `SUCCESS`, `FAILED:reason`. */
  readonly verify: string;
  readonly certificate: X509Certificate | undefined;
}

/** For an exchange on a connection that is not encrypted by us. */
export const NO_CERTIFICATE = "NONE";
