/**
 * Certificates from files of the administrator: read, held against their keys, and put into the form in which they are shown.
 * What makes a pair unusable is thrown; what only makes clients frown is judge.ts.
 */
import type { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { getCACertificates, rootCertificates } from "node:tls";
import { chainText, keyText, parseCertificates, parsePrivateKey } from "./pem.ts";

/** Absolute paths. */
export interface PairFiles {
  readonly cert: string;
  readonly key: string;
  readonly passphrase: string | undefined;
}

export interface LoadedPair {
  readonly chain: readonly X509Certificate[];
  /** PEM, without a passphrase. */
  readonly cert: string;
  readonly key: string;
}

/** Of the site's own; milliseconds since the epoch. */
export function lifetimeOf({ chain: [leaf] }: LoadedPair): { readonly fromMs: number; readonly toMs: number } {
  return { fromMs: leaf?.validFromDate.getTime() ?? 0, toMs: leaf?.validToDate.getTime() ?? 0 };
}

/** Which of the two files is meant, and what is wrong with it. */
export class PairProblem extends Error {
  readonly file: "cert" | "key";

  constructor(file: "cert" | "key", message: string) {
    super(message);
    this.file = file;
  }
}

/** Throws PairProblem. The read may be a moment in which one file is new and the other is not yet: whoever watches them
 *  tries again at their next change. */
export function loadPair({ cert, key, passphrase }: PairFiles): LoadedPair {
  const chain = parsed("cert", cert, parseCertificates);
  const secret = parsed("key", key, (text) => parsePrivateKey(text, passphrase));
  if (chain[0]?.checkPrivateKey(secret) !== true)
    throw new PairProblem("key", `${key}, which is not the key of ${cert}`);
  return { chain, cert: chainText(chain), key: keyText(secret) };
}

function parsed<T>(file: "cert" | "key", path: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(path, "latin1"));
  } catch (error) {
    throw new PairProblem(file, `${path}, ${reason(error)}`);
  }
}

function reason(error: unknown): string {
  const { code, message } = error as Error & { code?: string };
  if (code === "ENOENT") return "which does not exist";
  if (code === "EACCES") return `which user ${process.getuid?.() ?? "?"} may not read`;
  return code === undefined ? message : `which cannot be read (${code})`;
}

let authorities: ReadonlySet<string> | undefined = undefined;

/** The subjects of all authorities that the system or Mozilla trusts. Read when first asked for: there are 150. */
export function knownAuthorities(): ReadonlySet<string> {
  authorities ??= new Set(
    [...getCACertificates("system"), ...rootCertificates].flatMap((pem) =>
      parseCertificates(pem).map(({ subject }) => subject),
    ),
  );
  return authorities;
}
