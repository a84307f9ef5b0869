/**
 * TLS towards a server: what a connection needs to know, and what is made of Bun's answer to the handshake. A server is
 * believed when its certificate leads to a known authority and names it (RFC 9110 section 4.3.4, RFC 9525); what is wrong
 * with it otherwise is said in words for the log. TLS 1.2 is the least, and HTTP/1.1 is all that is offered (ALPN).
 *
 * The end of a reply that only its connection delimits is believed with close_notify alone (RFC 8446 section 6.1, RFC 9112 section 9.8):
 * else whoever is on the way could cut it short. Bun tells both ends alike. But it stops watching a socket for input once it has read
 * the end of TCP's stream, before it tells, and a close_notify that it reads it tells of at once: so by what it watches when it tells,
 * the two can be told apart (bun-epoll.ts; a test holds it to that). nginx takes both for the end.
 */
import { createSecureContext, getCACertificates, rootCertificates } from "node:tls";

/** PEM. */
export interface ClientIdentity {
  /** Authorities in place of those of the system. */
  readonly ca?: string | undefined;
  /** Certificate with its chain, and its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Made once and shared: a store with the authorities of a system costs 3 ms and 250 KiB. */
export interface ClientContext {
  readonly handle: object;
}

/** The server is told no name: literal addresses are none (RFC 6066 section 3). Bun takes an empty name in this sense. */
export const THE_ADDRESS = "";

export interface ClientTls {
  readonly context: ClientContext;
  /** Whom the certificate must name; also what the server is told (SNI). THE_ADDRESS: the address that is connected to. */
  readonly serverName: string;
  /** False: whoever answers is believed. */
  readonly verify: boolean;
}

export function makeClientContext({ ca, cert, key }: ClientIdentity): ClientContext {
  const identity = cert === undefined || key === undefined ? {} : { cert, key };
  const made = createSecureContext({ ca: ca ?? systemAuthorities(), ...identity, minVersion: "TLSv1.2" });
  // What Bun.connect takes is the native context inside (a test holds it to that); node:tls unpacks it in the same way.
  return { handle: made.context as object };
}

let authorities: string[] | undefined = undefined;

/** What the system trusts, additions of its administrator included; Mozilla's list where the system has none. */
function systemAuthorities(): string[] {
  if (authorities === undefined) {
    const found = getCACertificates("system");
    authorities = found.length > 0 ? found : [...rootCertificates];
  }
  return authorities;
}

/** One protocol name with its length before it (RFC 7301 section 3.1). */
const ALPN_HTTP_1_1 = Buffer.from("\x08http/1.1", "latin1");

/** The `tls` of Bun.connect. */
export function tlsSettings({ context, serverName, verify }: ClientTls): Record<string, unknown> {
  return {
    secureContext: context.handle,
    serverName,
    ALPNProtocols: ALPN_HTTP_1_1,
    rejectUnauthorized: verify,
  };
}

/** Why a connection is not used, given what Bun says of its handshake; undefined when it is. */
export function handshakeFailure(ok: boolean, error: Error | null | undefined, verify: boolean): string | undefined {
  const { code = "" } = (error ?? {}) as { code?: string };
  if (ok || (!verify && isOfCertificate(code))) return undefined;
  return describeTls(error ?? undefined);
}

/** `CERT_HAS_EXPIRED`, `ERR_TLS_CERT_ALTNAME_INVALID`: the handshake itself went well. `EPROTO`, `ECONNRESET`: it did not. */
function isOfCertificate(code: string): boolean {
  return code.includes("_") && !code.startsWith("ERR_SSL");
}

/** `TLS: certificate has expired (CERT_HAS_EXPIRED)` */
export function describeTls(error: Error | undefined): string {
  if (error === undefined) return "TLS: the handshake failed";
  const { code } = error as { code?: string };
  // `error:1000045c:SSL routines:OPENSSL_internal:TLSV1_ALERT_CERTIFICATE_REQUIRED`
  const message = error.message.replace(/^error:[0-9a-f]+:.*:/, "");
  return code === undefined || code === "EPROTO" ? `TLS: ${message}` : `TLS: ${message} (${code})`;
}
