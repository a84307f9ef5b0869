/** Certificates and keys in PEM (RFC 7468), as files hold them. What is wrong is thrown as an Error with words for people, which go on after the file's name: `which holds no certificate`. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** In the order of the file; at least one. */
export function parseCertificates(text: string): X509Certificate[] {
  const found = text.match(CERTIFICATE);
  if (found === null) throw new Error("which holds no certificate");
  return found.map((each, i) => {
    try {
      return new X509Certificate(each);
    } catch {
      throw new Error(`whose certificate number ${i + 1} is none`);
    }
  });
}

/** `passphrase` undefined: there is none. */
export function parsePrivateKey(text: string, passphrase: string | undefined): KeyObject {
  const isLocked = /ENCRYPTED/.test(text);
  if (isLocked && passphrase === undefined) throw new Error("whose key has a passphrase");
  try {
    return createPrivateKey(isLocked ? { key: text, passphrase } : text);
  } catch {
    if (isLocked) throw new Error("whose key the passphrase does not open");
    const isKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text);
    throw new Error(
      isKey ? "whose private key is damaged, or of a kind that is not known" : "which holds no private key",
    );
  }
}

export function keyText(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

export function chainText(chain: readonly X509Certificate[]): string {
  return chain.map((certificate) => certificate.toString().trimEnd()).join("\n") + "\n";
}
