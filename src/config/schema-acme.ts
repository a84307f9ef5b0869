/** The schema of [acme]: whom certificates are ordered from. How to read it: schema.ts. */
import { CHALLENGES } from "../certificates/order.ts";
import { isIP } from "node:net";
import { COMMAND } from "./command-kinds.ts";
import { byDefault, durationKey, optional, type Schema, table } from "./keys.ts";
import { choice, duration, listOf, nonEmpty, Refusal, string, text } from "./kinds.ts";

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

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const NAME_SERVER = text('an address such as "192.0.2.53" or "127.0.0.1:5353"', (written) => {
  const six = /^\[([0-9a-fA-F:.]+)\](?::(\d+))?$/.exec(isIP(written) === 6 ? `[${written}]` : written);
  const [, host = "", port = "53"] = six ?? /^([\d.]+)(?::(\d+))?$/.exec(written) ?? [];
  const isAddress = isIP(host) === (six === null ? 4 : 6);
  if (!isAddress || Number(port) < 1 || Number(port) > 65_535) return new Refusal();
  return six === null ? `${host}:${port}` : `[${host}]:${port}`;
});

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
    listOf(choice(CHALLENGES)),
    "`dns-01` with `dns_hook`; else `http-01` and `tls-alpn-01`, the first one first where the server listens on port 80",
    "How it is proved that a name is ours: `http-01` needs port 80, `tls-alpn-01` port 443, `dns-01` a `dns_hook`. " +
      "Addresses are never proved by `dns-01`. " +
      "nginx: acme_issuer challenge.",
  ),
  dns_hook: optional(
    COMMAND,
    "none",
    "A command that changes the zone for `dns-01`, with which wildcards such as `*.example.org` get certificates, and hosts that " +
      "the world does not reach. It is run as `COMMAND present _acme-challenge.example.org. VALUE`, and should end when it has " +
      "asked for a TXT record with this value; then with `cleanup` in place of `present`. Programs for lego's `exec` provider fit.",
  ),
  dns_wait: durationKey(
    duration(0, HOUR_MS),
    2 * MINUTE_MS,
    "How long it is waited until all name servers of the zone show the record, before the authority looks; then it is called " +
      "all the same.",
  ),
  dns_servers: byDefault(
    listOf(NAME_SERVER),
    [],
    "Name servers that are asked whether the record is there, and by `server cert test`, such as `127.0.0.1:5353`. " +
      "nginx: resolver.",
    "those of the zone, found by the system's",
  ),
  fallback: optional(
    table(AUTHORITY, '{ directory = "zerossl", eab_kid = "…", eab_key = "…" }'),
    "none",
    "Another authority, asked every other time once the first has failed three times in a row.",
  ),
} satisfies Schema;
