/** The schema of HTTPS for a site: `tls`, `hsts`, `https_redirect`. How to read it: schema.ts. */
import { TLS_POLICIES } from "../net/server-tls.ts";
import { anyOf, TEXT } from "./json-schema.ts";
import { byDefault, optional, type Schema, type Section, table } from "./keys.ts";
import { boolean, choice, duration, type Kind, listOf, nonEmpty, numberChoice, readKind, string } from "./kinds.ts";
import { isTable } from "./place.ts";
import type { HstsConfig } from "./tls-config.ts";

const file = nonEmpty("a file in PEM");

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;

/** Where certificates come from that are in no file of the administrator. */
export const ISSUERS = ["auto", "internal"] as const;

/** nginx's words are ssl_verify_client on and optional. */
export const CLIENT_AUTH = ["required", "optional"] as const;

export const SITE_TLS = {
  issuer: optional(
    choice(ISSUERS),
    '`"auto"` without `cert` and `key`',
    'Where certificates come from: `"auto"`, as `tls = "auto"`, or `"internal"`; for tables that say more, such as `client_ca`. ' +
      "nginx: acme_certificate.",
  ),
  cert: optional(
    listOf(file),
    "–",
    "The certificate with its chain, in PEM; a list for an EC and an RSA one side by side. Changed files are taken up " +
      "without a restart; what is wrong with them is logged, and the old ones stay. nginx: ssl_certificate. " +
      "uWSGI: https.",
  ),
  key: optional(
    listOf(file),
    "–",
    "The key of each `cert`, in the same order. nginx: ssl_certificate_key. uWSGI: https.",
  ),
  passphrase: optional(
    string(),
    "none",
    'Opens keys that are locked; best as `"$ENV{KEY_PASSPHRASE}"`, so that it does not stand in the file. ' +
      "nginx: ssl_password_file.",
  ),
  passphrase_file: optional(
    nonEmpty("a file"),
    "none",
    "Its first line opens keys that are locked. nginx: ssl_password_file.",
  ),
  policy: byDefault(
    choice(TLS_POLICIES),
    "intermediate",
    "As Mozilla names them: `intermediate` is TLS 1.2 and 1.3 with forward secrecy, `modern` TLS 1.3 alone. One for all sites " +
      "of an address, since it is settled before a client says which it means. nginx: ssl_protocols, ssl_ciphers.",
  ),
  client_ca: optional(
    file,
    "clients are not asked",
    "Clients are asked for a certificate that one of these authorities has signed. Who shows a good one is told to apps as " +
      "SSL_CLIENT_S_DN, SSL_CLIENT_FINGERPRINT and SSL_CLIENT_VERIFY, to upstreams as X-SSL-Client-S-DN and so on, and stands in " +
      "the variables `$ssl_client_*`. nginx: ssl_client_certificate.",
  ),
  client_auth: optional(
    choice(CLIENT_AUTH),
    '`"required"` with `client_ca`',
    "`required`: requests without a good certificate are answered 400; `optional`: they go on, and SSL_CLIENT_VERIFY says " +
      "`NONE` or `FAILED:` and why. nginx: ssl_verify_client.",
  ),
} satisfies Schema;

const tlsTable = table(SITE_TLS, '{ cert = "fullchain.pem", key = "privkey.pem" }');

const words = choice(["off", ...ISSUERS]);

export const TLS: Kind<"off" | (typeof ISSUERS)[number] | Section<typeof SITE_TLS>> = {
  expected: `"auto", "internal", "off", or ${tlsTable.expected}`,
  json: () => anyOf(words.json(), tlsTable.json()),
  keys: SITE_TLS,
  read: (place) => (isTable(place.value) ? tlsTable.read(place) : words.read(place)),
};

/** A date of TOML, which the parser gives as a Date, or the same as text. */
const DAY: Kind<number> = {
  expected: "a day such as 2026-12-01",
  json: () => TEXT,
  read: (place) => {
    const { value } = place;
    const written = value instanceof Date ? value.toISOString() : String(value);
    const day = /^\d{4}-\d\d-\d\d(?=$|T00:00:00)/.exec(written)?.[0] ?? "";
    const ms = Date.parse(`${day}T00:00:00Z`);
    if (Number.isFinite(ms) && new Date(ms).toISOString().startsWith(day)) return ms;
    return void place.unfit("a day such as 2026-12-01");
  },
};

export const HSTS_TABLE = {
  max_age: byDefault(
    duration(0, 10 * YEAR_MS),
    YEAR_MS,
    "How long browsers remember it. nginx: add_header Strict-Transport-Security max-age=.",
    '`"1y"`',
  ),
  include_subdomains: byDefault(
    boolean,
    false,
    "Also for every host below the site's. nginx: add_header Strict-Transport-Security includeSubDomains.",
  ),
  preload: byDefault(
    boolean,
    false,
    "Asks the makers of browsers to know it beforehand; see hstspreload.org. It takes months to undo. " +
      "nginx: add_header Strict-Transport-Security preload.",
  ),
  ramp_from: optional(
    DAY,
    "`max_age` at once",
    "From this day on (UTC) browsers are told to remember it for 5 minutes, after a day for a week, after another week for 30 " +
      "days, after those for `max_age`; `preload` is said at the end. Nothing is said before. What a browser has been told cannot " +
      "be taken back: so a mistake costs no more than the stage.",
  ),
} satisfies Schema;

const maxAge = duration(0, 10 * YEAR_MS);
const hstsTable = table(HSTS_TABLE, '{ max_age = "1y", include_subdomains = true }');

export const HSTS: Kind<HstsConfig> = {
  expected: `${maxAge.expected}, or ${hstsTable.expected}`,
  json: () => anyOf(maxAge.json(), hstsTable.json()),
  keys: HSTS_TABLE,
  read: (place) => {
    if (!isTable(place.value)) {
      const maxAgeMs = readKind(maxAge, place);
      return maxAgeMs === undefined ? undefined : { maxAgeMs, includeSubdomains: false, preload: false };
    }
    const values = hstsTable.read(place)?.values;
    if (values === undefined) return undefined;
    return {
      maxAgeMs: values.max_age,
      includeSubdomains: values.include_subdomains,
      preload: values.preload,
      ...(values.ramp_from === undefined ? {} : { rampFromMs: values.ramp_from }),
    };
  },
};

const statuses = numberChoice([301, 302, 307, 308]);

export const HTTPS_REDIRECT: Kind<number | false> = {
  expected: `${statuses.expected}, or false`,
  json: () => anyOf(statuses.json(), { enum: [false] }),
  read: (place) => (place.value === false ? false : statuses.read(place)),
};

/** Permanent, and a POST stays one; nginx configurations mostly have 301, with which it becomes a GET. */
export const DEFAULT_HTTPS_REDIRECT = 308;

/** Of [[site]]. */
export const HTTPS = {
  tls: optional(
    TLS,
    '`"auto"` on port 443, for names that the world may know',
    'Certificates for the encrypted addresses of the site, which are port 443 and those that say `tls = true`. `"auto"`: ordered ' +
      "from Let's Encrypt (see [acme]) and renewed by themselves; until the first has come the site shows a temporary one that " +
      'browsers refuse. `"internal"`: signed by a local authority of this server, for names in a LAN. A table names files of your ' +
      'own. `"off"`: none is encrypted. Clients that name no site (SNI), as when they are sent to an IP address, get the site that is called ' +
      "so, else the default one of the address, or its only one; those that name an unknown one are refused. nginx: ssl_certificate, acme_certificate. uWSGI: https.",
  ),
  https_redirect: byDefault(
    HTTPS_REDIRECT,
    DEFAULT_HTTPS_REDIRECT,
    "Requests that come unencrypted to a site that has an encrypted address are redirected there with this status; `false`: " +
      "they are served. A trusted proxy's X-Forwarded-Proto counts. " +
      "nginx: return 301 https://…. uWSGI: http-to-https.",
  ),
  hsts: optional(
    HSTS,
    "none",
    'Browsers are told to ask for this site by HTTPS only, for this long (Strict-Transport-Security): `"5m"` at first, `"1y"` ' +
      "when nothing has broken, or a table whose `ramp_from` does so by itself. Replies that set the field themselves keep theirs. " +
      "nginx: add_header Strict-Transport-Security.",
  ),
} satisfies Schema;
