/** What a certificate is, for people and programs: plain data, without the key. */
import type { LoadedPair } from "./files.ts";
import { namesOf, oneLine } from "./judge.ts";

export interface CertificateFacts {
  readonly names: readonly string[];
  readonly issuer: string;
  /** Hexadecimal. */
  readonly serial: string;
  /** `EC P-256`, `RSA 2048` */
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SHA-256 of the certificate. */
  readonly fingerprint: string;
  /** Subjects, the site's own first; one without a subject by its first name. */
  readonly chain: readonly string[];
}

export function describePair({ chain }: Pick<LoadedPair, "chain">): CertificateFacts {
  // A pair has a certificate, or it was refused.
  const leaf = chain[0] as LoadedPair["chain"][number];
  return {
    names: namesOf(leaf),
    issuer: oneLine(leaf.issuer),
    serial: leaf.serialNumber.toLowerCase(),
    key: describeKey(leaf),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
    fingerprint: leaf.fingerprint256.replaceAll(":", "").toLowerCase(),
    chain: chain.map((each) => oneLine(each.subject) || (namesOf(each)[0] ?? "")),
  };
}

/** As curves are called most. */
const CURVES: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };

function describeKey({ publicKey }: LoadedPair["chain"][number]): string {
  const { namedCurve = "", modulusLength } = publicKey.asymmetricKeyDetails ?? {};
  const size = modulusLength ?? CURVES[namedCurve] ?? namedCurve;
  return `${publicKey.asymmetricKeyType ?? "?"} ${size}`.trim().toUpperCase();
}
