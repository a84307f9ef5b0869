/**
 * Certificates of our own making for sites: the temporary one that signs itself, and those of `tls = "internal"`, which an
 * authority of this server signs. Pure but for chance.
 */
import type { LoadedPair } from "./files.ts";
import { makeCertificate, newKey } from "./make.ts";
import { keyText, parseCertificates, parsePrivateKey } from "./pem.ts";

const DAY_MS = 86_400_000;
const TEMPORARY_MS = 7 * DAY_MS;
/** How long those of `internal` last. */
export const INTERNAL_MS = 14 * DAY_MS;
const AUTHORITY_MS = 3650 * DAY_MS;
/** They begin in the past, for clients whose clocks are late. */
const SLACK_MS = 3_600_000;
/** X.520: of a common name. */
const SUBJECT_CHARS_MAX = 64;

export function temporaryPair(names: readonly string[], nowMs: number): LoadedPair {
  const key = newKey();
  const subject = `temporary certificate of ${names[0] ?? "a site"}`.slice(0, SUBJECT_CHARS_MAX);
  return pairOf(makeCertificate({ subject, names, key, ...dates(nowMs, TEMPORARY_MS) }), keyText(key));
}

export function internalPair(names: readonly string[], authority: LoadedPair, nowMs: number): LoadedPair {
  const key = newKey();
  const leaf = makeCertificate({
    subject: (names[0] ?? "").slice(0, SUBJECT_CHARS_MAX),
    names,
    key,
    ...dates(nowMs, INTERNAL_MS),
    issuer: {
      subject: /CN=(.*)/.exec(authority.chain[0]?.subject ?? "")?.[1] ?? "",
      key: parsePrivateKey(authority.key, undefined),
    },
  });
  return pairOf(leaf + authority.cert, keyText(key));
}

export function newAuthority(nowMs: number): LoadedPair {
  const key = newKey();
  const subject = `server local authority ${new Date(nowMs).getUTCFullYear()}`;
  return pairOf(makeCertificate({ subject, names: [], key, ...dates(nowMs, AUTHORITY_MS) }), keyText(key));
}

function dates(nowMs: number, lengthMs: number) {
  return { from: new Date(nowMs - SLACK_MS), to: new Date(nowMs + lengthMs) };
}

/** Both PEM. */
export function pairOf(cert: string, key: string): LoadedPair {
  return { chain: parseCertificates(cert), cert, key };
}
