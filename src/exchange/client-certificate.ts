/**
 * What is told of the certificate that a client has shown, in nginx's form ($ssl_client_*): names as RFC 2253 has them, most
 * specific first; serial number and fingerprint in hexadecimal. Values are latin-1 strings, one character per byte.
 */
import type { X509Certificate } from "node:crypto";
import type { TlsFacts } from "../net/tls-facts.ts";

type Read = (certificate: X509Certificate) => string;

/** `C=DE\nO=Org\nCN=Alice, the first` → `CN=Alice\, the first,O=Org,C=DE`. Bun has undefined for an empty name, whatever its
 *  types say. */
function distinguishedName(lines: string | undefined): string {
  const parts = (lines ?? "").split("\n").filter((line) => line !== "");
  return bytes(parts.toReversed().map(escapeValue).join(","));
}

/** RFC 2253 section 2.4. */
function escapeValue(part: string): string {
  const at = part.indexOf("=") + 1;
  const value = part.slice(at).replace(/[,+"\\<>;]|^[# ]| $/g, (special) => `\\${special}`);
  return part.slice(0, at) + value;
}

function bytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

const DAY_MS = 86_400_000;

/** By the end of the variable's name. */
export const CLIENT_CERTIFICATE: Readonly<Record<string, Read>> = {
  s_dn: ({ subject }) => distinguishedName(subject),
  i_dn: ({ issuer }) => distinguishedName(issuer),
  serial: ({ serialNumber }) => serialNumber,
  fingerprint: ({ fingerprint }) => fingerprint.replaceAll(":", "").toLowerCase(),
  fingerprint_sha256: ({ fingerprint256 }) => fingerprint256.replaceAll(":", "").toLowerCase(),
  v_start: ({ validFrom }) => validFrom,
  v_end: ({ validTo }) => validTo,
  v_remain: ({ validToDate }) => String(Math.max(0, Math.floor((validToDate.getTime() - Date.now()) / DAY_MS))),
  escaped_cert: (certificate) => encodeURIComponent(certificate.toString()),
};

export function clientCertificateText({ certificate }: TlsFacts, name: string): string {
  return certificate === undefined ? "" : (CLIENT_CERTIFICATE[name]?.(certificate) ?? "");
}

/** The CGI variables of a connection whose client was asked for a certificate. mod_ssl's names. */
export function clientCertificateVariables(facts: TlsFacts): readonly (readonly [string, string])[] {
  return [
    ["SSL_PROTOCOL", facts.version],
    ["SSL_CIPHER", facts.cipher],
    ["SSL_CLIENT_VERIFY", bytes(facts.verify)],
    ["SSL_CLIENT_S_DN", clientCertificateText(facts, "s_dn")],
    ["SSL_CLIENT_I_DN", clientCertificateText(facts, "i_dn")],
    ["SSL_CLIENT_M_SERIAL", clientCertificateText(facts, "serial")],
    ["SSL_CLIENT_FINGERPRINT", clientCertificateText(facts, "fingerprint")],
  ];
}
