/**
 * What a TLS listener shows and accepts: Mozilla's "intermediate" (TLS 1.2 and 1.3) or "modern" (1.3 alone) configuration, and
 * contexts with the certificates of one site. BoringSSL decides the rest as we would: its server never renegotiates,
 * compresses or speaks an older version, and has no finite-field groups.
 *
 * A session ticket is sealed with a key of the listener that lives in memory alone, and names what made it: `session`, which Bun 1.4.5
 * drops (sessionIdContext) and takes the certificates and authorities of the context instead. Another site's context does not
 * take it (CVE-2025-23419), unless it has the same of both; what a site wants of a client's certificate is looked at with each request.
 * Each front has its own keys, so that a client resumes when it meets the same front again; otherwise there is a full handshake.
 */
import { createSecureContext } from "node:tls";

export const TLS_POLICIES = ["intermediate", "modern"] as const;
export type TlsPolicy = (typeof TLS_POLICIES)[number];

/** Mozilla, "Server Side TLS" 5.7, intermediate: forward secrecy and authenticated encryption only. Those of TLS 1.3 are
 *  not a matter of choice. */
const CIPHERS =
  "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" +
  "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/** PEM. */
export interface KeyPair {
  /** The certificate, then its chain. */
  readonly cert: string;
  /** Without a passphrase. */
  readonly key: string;
}

export interface ServerIdentity {
  /** Of different kinds of key (EC, RSA): each client gets one that it can check. */
  readonly pairs: readonly KeyPair[];
  /** Authorities of clients; undefined: clients are not asked for certificates. */
  readonly clientAuthority: string | undefined;
  /** Sessions resume between contexts with the same text here, and no others. */
  readonly session: string;
}

export interface ServerContext {
  readonly handle: object;
}

export function makeServerContext(
  { pairs, clientAuthority, session }: ServerIdentity,
  policy: TlsPolicy,
): ServerContext {
  const made = createSecureContext({
    ...basics(policy),
    cert: pairs.map(({ cert }) => cert),
    key: pairs.map(({ key }) => key),
    // Otherwise issuers of a certificate that stands alone are looked for at every handshake among all that the system trusts, on
    // disk and under a lock of the whole process: a twentieth of its CPU (250 of 265 µs), and what is sent hangs on the machine.
    ca: clientAuthority ?? pairs.map(({ cert }) => cert),
    sessionIdContext: digest(session),
  });
  return { handle: made.context as object };
}

/** For a listener where nobody is served who does not name a site. */
export function makeEmptyContext(policy: TlsPolicy): ServerContext {
  return { handle: createSecureContext(basics(policy)).context as object };
}

function basics(policy: TlsPolicy) {
  return { minVersion: policy === "modern" ? "TLSv1.3" : "TLSv1.2", ciphers: CIPHERS } as const;
}

/** At most 32 bytes go in. */
function digest(session: string): string {
  return new Bun.CryptoHasher("sha256").update(session).digest("hex").slice(0, 32);
}
