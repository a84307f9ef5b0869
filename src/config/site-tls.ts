/**
 * HTTPS of a site as it was written → as it is served. The files are read here, while the user who starts the server may,
 * so that whatever is wrong with them is said before anything is served. What makes a pair useless is an error; what only
 * makes clients refuse it is a warning, since a server that does not start serves nobody.
 */
import { readFileSync } from "node:fs";
import { type LoadedPair, loadPair, type PairFiles, PairProblem, knownAuthorities } from "../certificates/files.ts";
import { hostsOf, judge } from "../certificates/judge.ts";
import type { ChallengeKind } from "../certificates/order.ts";
import { parseCertificates } from "../certificates/pem.ts";
import type { ListenAddress } from "./config.ts";
import { absolute, type Context } from "./context.ts";
import type { Section } from "./keys.ts";
import { isAddressName, isExact, isPublicAddress, isPublicHost } from "./public-names.ts";
import { failureOf, requireFound, requireReadable } from "./paths.ts";
import type { Place } from "./place.ts";
import type { SITE } from "./schema-site.ts";
import type { SITE_TLS } from "./schema-tls.ts";
import type { ClientAuthConfig, HttpsConfig, SiteTlsConfig, TlsSource } from "./tls-config.ts";

/** What [acme] and the addresses of all sites mean for an order. */
export interface AcmeContext {
  readonly challenges: readonly ChallengeKind[];
  /** Of a site that has addresses among its names, which no zone proves (RFC 8738 section 7). */
  readonly addressChallenges: readonly ChallengeKind[];
  /** URL: of the authority that is asked first. */
  readonly directory: string;
  /** The authority is one of a company's own: it may know any name. */
  readonly isPrivate: boolean;
  readonly isLetsEncrypt: boolean;
  readonly profile: string | undefined;
}

/** Its keys that have to do with HTTPS; `names`: those of the site. */
export function resolveHttps(
  { place, values }: Section<typeof SITE>,
  listen: readonly ListenAddress[],
  names: readonly string[],
  context: Context,
  acme: AcmeContext,
): HttpsConfig {
  const encrypted = listen.find((address) => address.tls === true);
  if (encrypted === undefined) return refuseWithoutAddress(place, values.tls);
  const tls = resolveTls(place, values.tls, names, context, acme);
  if (tls === undefined) return {};
  const port = encrypted.kind === "tcp" ? encrypted.port : 443;
  const { https_redirect: status, hsts } = values;
  return {
    tls,
    ...(status === false ? {} : { httpsRedirect: { status, port } }),
    ...(hsts === undefined ? {} : { hsts }),
  };
}

function refuseWithoutAddress(place: Place, tls: Section<typeof SITE>["values"]["tls"]): HttpsConfig {
  const should = 'belongs to a site that listens on 443 or on { address = "…", tls = true }';
  if (tls !== undefined && tls !== "off") place.into("tls").wrongKey({ what: "has no encrypted address", should });
  for (const key of ["hsts", "https_redirect"]) {
    if (place.has(key)) place.into(key).wrongKey({ what: "has no meaning here", should });
  }
  return {};
}

function resolveTls(
  site: Place,
  written: Section<typeof SITE>["values"]["tls"],
  names: readonly string[],
  context: Context,
  acme: AcmeContext,
): SiteTlsConfig | undefined {
  // Refused already.
  if (written === undefined && site.has("tls")) return undefined;
  const hasDns = acme.challenges.includes("dns-01");
  const isPublic = names.length > 0 && names.every((name) => isPublicHost(hasDns ? base(name) : name));
  if (written === "off" || (written === undefined && !isPublic)) {
    const should =
      'should have tls = { cert = "…", key = "…" } or "internal"; or listen = [{ address = …, tls = false }]';
    site.into("listen").wrongKey({ what: "names an encrypted address (443 is one), and there is no tls", should });
    return undefined;
  }
  const place = site.has("tls") ? site.into("tls") : site;
  if (written === undefined || typeof written === "string")
    return { ...PLAIN, source: resolveIssuer(place, written ?? "auto", names, acme) };
  const { cert, key, issuer, policy } = written.values;
  const hasFiles = cert !== undefined || key !== undefined;
  if (hasFiles && issuer !== undefined)
    written.place.into("issuer").wrongKey({ what: "stands beside cert and key", should: "should be left out" });
  const source: TlsSource = hasFiles
    ? { kind: "files", pairs: resolvePairs(written, names, context) }
    : resolveIssuer(place, issuer ?? "auto", names, acme);
  return { source, policy, client: resolveClientAuth(written, context) };
}

const PLAIN = { policy: "intermediate", client: undefined } as const;

/** Of `*.example.org` and `.example.org`, what is below. */
function base(name: string): string {
  return name.replace(/^\*?\./, "");
}

/** What will be ordered. A pattern is no name that could be proved by an answer at it; a wildcard is proved in the zone. */
function resolveIssuer(
  place: Place,
  kind: "auto" | "internal",
  names: readonly string[],
  acme: AcmeContext,
): TlsSource {
  const hosts = names.flatMap(hostsOf);
  const hasDns = acme.challenges.includes("dns-01");
  const isUnfit = (name: string) =>
    kind === "internal" ? hostsOf(name).length === 0 : !isExact(hasDns ? base(name) : name);
  const unfit = names.find(isUnfit);
  if (names.length === 0)
    place.wrong({ what: `is ${kind}, and the site has no names`, should: "should be beside names" });
  else if (unfit !== undefined) {
    const ofAuto =
      "should have all hosts written out, or [acme] dns_hook (for *.example.org), or certificates of your own";
    const should = kind === "auto" ? ofAuto : "should have names of hosts";
    place.wrong({ what: `is ${kind}, and nobody vouches for ${JSON.stringify(unfit)} so`, should });
  } else if (kind === "auto" && !acme.isPrivate) {
    const local = names.map(base).find((name) => !isPublicHost(name) && !isPublicAddress(name));
    if (local !== undefined)
      place.wrong({ what: `is auto, and no public authority knows ${local}`, should: 'should be "internal"' });
    warnOfAddress(place, names, acme);
  }
  const isAddressed = names.some(isAddressName);
  return {
    kind,
    names: hosts,
    challenges: isAddressed ? acme.addressChallenges : acme.challenges,
    directory: kind === "auto" ? acme.directory : "",
  };
}

/** Let's Encrypt has one kind of certificate for addresses. */
function warnOfAddress(place: Place, names: readonly string[], { isLetsEncrypt, profile }: AcmeContext): void {
  const address = names.find(isAddressName);
  if (!isLetsEncrypt || address === undefined || profile === "shortlived") return;
  const should = 'needs [acme] profile = "shortlived"';
  place.warn({ what: `is auto for the address ${address}, which Let's Encrypt signs for days only`, should });
}

function resolvePairs({ place, values }: Section<typeof SITE_TLS>, names: readonly string[], context: Context) {
  const certs = values.cert ?? [];
  const keys = values.key ?? [];
  if (!place.has("cert") || !place.has("key")) {
    const missing = place.has("cert") ? "key" : "cert";
    place.wrongKey({ what: `has no ${missing}`, should: `should have cert and key` });
    return [];
  }
  if (certs.length !== keys.length) {
    place
      .into("key")
      .wrong({ what: `names ${keys.length} for ${certs.length} of cert`, should: "should name one for each" });
    return [];
  }
  const passphrase = resolvePassphrase(place, values, context);
  const pairs = certs.map((cert, i) => {
    const files = { cert: absolute(context, cert.value), key: absolute(context, keys[i]?.value ?? ""), passphrase };
    // As many keys as certificates.
    return { files, loaded: checkPair(files, cert.place, (keys[i] as typeof cert).place, names) };
  });
  refuseSameKind(place, pairs);
  return pairs.map(({ files }) => files);
}

function resolvePassphrase(
  place: Place,
  { passphrase, passphrase_file: file }: Section<typeof SITE_TLS>["values"],
  context: Context,
): string | undefined {
  if (file === undefined) return passphrase;
  if (passphrase !== undefined)
    place.into("passphrase_file").wrongKey({ what: "stands beside passphrase", should: "should be the only one" });
  const path = absolute(context, file);
  const at = place.into("passphrase_file");
  if (requireFound(at, path, "a file") === undefined || !requireReadable(at, path)) return undefined;
  try {
    return readFileSync(path, "utf8").split("\n", 1)[0]?.replace(/\r$/, "");
  } catch (error) {
    return void at.wrong({ what: `names ${path}, ${failureOf(error)}` });
  }
}

function checkPair(files: PairFiles, cert: Place, key: Place, names: readonly string[]): LoadedPair | undefined {
  try {
    const loaded = loadPair(files);
    const judged = { chain: loaded.chain, names, nowMs: Date.now(), authorities: knownAuthorities };
    for (const { what, should } of judge(judged)) cert.warn({ what: `names ${files.cert}, which ${what}`, should });
    return loaded;
  } catch (error) {
    if (!(error instanceof PairProblem)) throw error;
    const isOpened = files.passphrase !== undefined;
    const ofLock = isOpened
      ? "should be opened by the passphrase beside it"
      : "should have passphrase_file or passphrase beside it";
    const should = error.message.includes("passphrase") ? ofLock : SHOULD[error.file];
    return void (error.file === "cert" ? cert : key).wrong({ what: `names ${error.message}`, should });
  }
}

const SHOULD = {
  cert: "should be a file in PEM with the certificate and its chain",
  key: "should be the file with the key that the certificate was requested with",
};

/** Of two certificates with the same kind of key the second would never be shown. */
function refuseSameKind(place: Place, pairs: readonly { readonly loaded: LoadedPair | undefined }[]): void {
  const seen = new Set<string>();
  for (const { loaded } of pairs) {
    const kind = loaded?.chain[0]?.publicKey.asymmetricKeyType;
    if (kind === undefined) continue;
    if (seen.has(kind)) {
      const should = "should name one for each kind (EC, RSA); other names belong to another site";
      return place.into("cert").wrong({ what: `names two certificates with ${kind.toUpperCase()} keys`, should });
    }
    seen.add(kind);
  }
}

function resolveClientAuth(
  { place, values }: Section<typeof SITE_TLS>,
  context: Context,
): ClientAuthConfig | undefined {
  const { client_ca: written, client_auth: auth } = values;
  if (written === undefined) {
    if (auth !== undefined)
      place.into("client_auth").wrongKey({ what: "has no client_ca", should: "needs one beside it" });
    return undefined;
  }
  const path = absolute(context, written);
  const at = place.into("client_ca");
  if (requireFound(at, path, "a file in PEM") === undefined || !requireReadable(at, path)) return undefined;
  try {
    const authority = readFileSync(path, "latin1");
    parseCertificates(authority);
    const id = new Bun.CryptoHasher("sha256").update(authority).digest("hex");
    return { authority, id, required: (auth ?? "required") === "required" };
  } catch (error) {
    const what = error instanceof Error && "code" in error ? failureOf(error) : (error as Error).message;
    return void at.wrong({ what: `names ${path}, ${what}`, should: "should be a file in PEM" });
  }
}
