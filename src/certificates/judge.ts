/**
 * Is a certificate one that clients of a site will take? Its chain, its names, its time: pure, given the authorities and the
 * clock. What is found is for people, and each finding has a remedy; who says it where is the caller's business.
 */
import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";

export interface Finding {
  readonly what: string;
  readonly should: string;
}

const DAY_MS = 86_400_000;
/** Certificates are issued for 6 to 398 days; whoever renews by hand needs this long to notice. */
const SOON_MS = 14 * DAY_MS;
/** CA/Browser Forum baseline requirements, section 6.1.5. */
const RSA_BITS_MIN = 2048;

export interface Judged {
  /** The certificate, then its chain. */
  readonly chain: readonly X509Certificate[];
  /** Hosts that are asked for: `www.example.org`, `*.example.org`, `.example.org`; others are not looked at. */
  readonly names: readonly string[];
  readonly nowMs: number;
  /** Names of the subjects of authorities that clients know; asked only when the chain ends with none of its own. */
  readonly authorities: () => ReadonlySet<string>;
}

export function judge(judged: Judged): Finding[] {
  return [...judgeTime(judged), ...judgeNames(judged), ...judgeKey(judged), ...judgeChain(judged)];
}

function judgeTime({ chain, nowMs }: Judged): Finding[] {
  const [leaf] = chain;
  if (leaf === undefined) return [];
  const { validFromDate: from, validToDate: to } = leaf;
  if (nowMs > to.getTime()) return [{ what: `expired on ${day(to)}`, should: "should be renewed: browsers refuse it" }];
  if (nowMs < from.getTime())
    return [
      { what: `is not valid before ${day(from)}`, should: "should be valid now; is the clock of this machine right?" },
    ];
  if (to.getTime() - nowMs < SOON_MS && to.getTime() - from.getTime() > 2 * SOON_MS)
    return [{ what: `expires on ${day(to)}`, should: "should be renewed" }];
  return [];
}

function day(when: Date): string {
  return when.toISOString().slice(0, 10);
}

function judgeNames({ chain, names }: Judged): Finding[] {
  const [leaf] = chain;
  if (leaf === undefined) return [];
  const missing = names.flatMap(hostsOf).filter((host) => !covers(leaf, host));
  if (missing.length === 0) return [];
  const what = `does not name ${missing.join(", ")}, but ${namesOf(leaf).join(", ") || "nobody"}`;
  return [{ what, should: "should name all hosts of the site, or the site fewer: browsers refuse it for the others" }];
}

/** What browsers take: RSA of RSA_BITS_MIN, EC on the curves of NIST. */
function judgeKey({ chain }: Judged): Finding[] {
  const { asymmetricKeyType: kind, asymmetricKeyDetails } = chain[0]?.publicKey ?? {};
  const bits = asymmetricKeyDetails?.modulusLength ?? RSA_BITS_MIN;
  if (kind === "rsa" && bits < RSA_BITS_MIN)
    return [
      {
        what: `has an RSA key of ${bits} bits`,
        should: `should have one of ${RSA_BITS_MIN} at least: browsers refuse it`,
      },
    ];
  if (kind === "rsa" || kind === "ec" || kind === undefined) return [];
  return [{ what: `has a key of the kind ${kind}`, should: "should have an EC or RSA one: browsers know no other" }];
}

/** Of a name of a site, the hosts that a certificate can name; none of an expression and of `www.example.*`. */
export function hostsOf(name: string): string[] {
  if (name.startsWith("~") || name.endsWith(".*")) return [];
  return name.startsWith(".") ? [name.slice(1), `*${name}`] : [name];
}

/** RFC 6125: a wildcard stands for one label. */
export function covers(certificate: X509Certificate, host: string): boolean {
  const address = host.replace(/^\[|\]$/g, "");
  if (isIP(address) !== 0) return certificate.checkIP(address) !== undefined;
  const named = namesOf(certificate);
  return named.includes(host) || named.includes(host.replace(/^[^.]+/, "*"));
}

/** Its DNS names and addresses, lower case. */
export function namesOf({ subjectAltName }: X509Certificate): string[] {
  const entries = (subjectAltName ?? "").split(", ");
  return entries.flatMap((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1]?.toLowerCase() ?? []);
}

function judgeChain({ chain, authorities }: Judged): Finding[] {
  for (let i = 0; i + 1 < chain.length; i++) {
    const [certificate, issuer] = [chain[i] as X509Certificate, chain[i + 1] as X509Certificate];
    if (certificate.checkIssued(issuer)) continue;
    const what = `has as number ${i + 2} ${oneLine(issuer.subject)}, which did not issue number ${i + 1}`;
    return [{ what, should: "should hold the site's certificate first, then each one's issuer" }];
  }
  const last = chain.at(-1);
  if (last === undefined || last.issuer === last.subject || authorities().has(last.issuer)) return [];
  const what = `ends before ${oneLine(last.issuer)}, which browsers may not know`;
  return [{ what, should: "should hold the intermediate certificates too (a file called fullchain.pem does)" }];
}

/** `C=DE\nO=Org\nCN=name` → `C=DE, O=Org, CN=name`. Bun has undefined for an empty name, as short-lived certificates have it,
 *  whatever its types say. */
export function oneLine(name: string | undefined): string {
  return (name ?? "").replaceAll("\n", ", ");
}
