/** The schema of [acme]: whom certificates are ordered from. How to read it: schema.ts. */
import { CHALLENGES } from "../certificates/order.ts";
import { byDefault, optional, type Schema, table } from "./keys.ts";
import { choice, listOf, nonEmpty, Refusal, string, text } from "./kinds.ts";

/** By name. */
export const DIRECTORIES: Readonly<Record<string, string>> = {
  letsencrypt: "https://acme-v02.api.letsencrypt.org/directory",
  "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
  zerossl: "https://acme.zerossl.com/v2/DV90",
};

const DIRECTORY = text('"letsencrypt", "letsencrypt-staging", "zerossl" or the https URL of a directory', (written) => {
  const known = Object.hasOwn(DIRECTORIES, written) ? DIRECTORIES[written] : undefined;
  return known ?? (/^https:\/\/[^/\s]+\/\S*$/.test(written) ? written : new Refusal());
});

const STAGING = text('"off" or the https URL of a directory', (written) =>
  written === "off" || /^https:\/\/[^/\s]+\/\S*$/.test(written) ? written : new Refusal(),
);

const MAIL = text('a mail address such as "ops@example.org"', (written) =>
  /^[^@\s,?]+@[^@\s,?]+$/.test(written) ? written : new Refusal(),
);

const AUTHORITY = {
  directory: byDefault(
    DIRECTORY,
    DIRECTORIES["letsencrypt"] ?? "",
    "The authority. nginx: acme_issuer uri.",
    '`"letsencrypt"`',
  ),
  ca: optional(
    nonEmpty("a file in PEM"),
    "those of the system",
    "Whom the authority's own certificate must lead to, where it is one of a company's own. " +
      "nginx: acme_issuer ssl_trusted_certificate.",
  ),
  eab_kid: optional(
    string(),
    "none",
    "External account binding: the number that the authority gave its customer (ZeroSSL, Google). " +
      "nginx: acme_issuer external_account_key.",
  ),
  eab_key: optional(
    string(),
    "none",
    'Its key, in base64url; best as `"$ENV{EAB_KEY}"`. ' + "nginx: acme_issuer external_account_key.",
  ),
} satisfies Schema;

export const ACME = {
  ...AUTHORITY,
  contact: byDefault(
    listOf(MAIL),
    [],
    "Mail addresses that the authority may write to. Let's Encrypt no longer does. nginx: acme_issuer contact.",
    "none",
  ),
  profile: optional(
    string(),
    "the authority's own",
    'The kind of certificate, such as `"shortlived"` (Let\'s Encrypt: six days, also for IP addresses). ' +
      "nginx: acme_issuer profile.",
  ),
  staging: optional(
    STAGING,
    "that of Let's Encrypt, for Let's Encrypt; else `\"off\"`",
    "Where an order is tried out after one has failed, so that further failures cost nothing.",
  ),
  challenges: optional(
    listOf(choice(CHALLENGES.filter((kind) => kind !== "dns-01"))),
    "both, `http-01` first where the server listens on port 80",
    "How it is proved that a name is ours: `http-01` needs port 80, `tls-alpn-01` port 443. " +
      "nginx: acme_issuer challenge.",
  ),
  fallback: optional(
    table(AUTHORITY, '{ directory = "zerossl", eab_kid = "…", eab_key = "…" }'),
    "none",
    "Another authority, asked every other time once the first has failed three times in a row.",
  ),
} satisfies Schema;
