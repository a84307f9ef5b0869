/** The schema of [[site]] and its routes. How to read it: schema.ts. */
import { LISTEN } from "./address-kinds.ts";
import { CACHE } from "./cache-kinds.ts";
import { INDEX_FILE, SITE_NAME } from "./http-kinds.ts";
import { CANDIDATE } from "./guard-kinds.ts";
import { ANSWERS } from "./schema-answers.ts";
import { FILES } from "./schema-files.ts";
import { anyOf, TEXT } from "./json-schema.ts";
import { byDefault, only, optional, required, type Schema, type Section, sizeKey, table, tableJson } from "./keys.ts";
import { isTable, type Place } from "./place.ts";
import { REQUEST_TIMEOUT } from "./schema-app-process.ts";
import { ENCODING, TYPES } from "./schema-encoding.ts";
import { RESPONSE_CACHE, RESPONSE_CACHE_EXPECTED } from "./schema-cache.ts";
import { GUARDS } from "./schema-guards.ts";
import { HEADERS } from "./schema-headers.ts";
import { RULES } from "./schema-rules.ts";
import { boolean, choice, type Kind, listOf, namedOf, nonEmpty, size } from "./kinds.ts";
import { TRUSTED_PROXIES } from "./schema-limits.ts";
import { HTTPS } from "./schema-tls.ts";
import { ROUTE_LOGS, SITE_LOGS } from "./schema-logs.ts";

const MIB = 1024 * 1024;
const TIB = MIB * MIB;

/** nginx: 1 MiB, which every project that takes uploads has to raise; Django itself spools what is large to files. */
const BODY_BYTES_MAX = 100 * MIB;

/** `true`, `false` or a path. */
const MOUNT: Kind<boolean | string> = {
  expected: 'true, false or a path such as "/blog"',
  json: () => anyOf({ type: "boolean" }, TEXT),
  read: (place) => {
    const { value } = place;
    if (typeof value === "boolean") return value;
    if (typeof value === "string" && /^\/[^?#%\0]*[^?#%\0/]$/.test(value) && !/\/\.{0,2}(\/|$)/.test(value))
      return value;
    return void place.unfit(MOUNT.expected);
  },
};

/** What a table means depends on the target beside it: response-cache.ts reads it. */
const CACHE_OF_TARGET: Kind<Place> = {
  expected: `${CACHE.expected}; or ${RESPONSE_CACHE_EXPECTED}`,
  json: () => anyOf(CACHE.json(), tableJson(RESPONSE_CACHE)),
  keys: RESPONSE_CACHE,
  read: (place) => (isTable(place.value) || CACHE.read(place) !== undefined ? place : undefined),
};

export const FILES_EXPECTED = "a directory or a file, or a list of directories";

/** What a request is answered with: exactly one of these. */
export const ROUTE_TARGETS = ["files", "app", "upstream", "redirect", "respond", "error"] as const;

/** The targets and what belongs to one of them. */
export const TARGET = {
  files: optional(
    listOf(nonEmpty("a directory or a file"), FILES_EXPECTED),
    "–",
    "Serves files: a directory, one file, or a list of directories of which the first that has the file answers (each name " +
      "of `try` is looked for in all of them before the next). In a directory a prefix route looks for what follows its prefix (as nginx's alias), " +
      "an `=` or regex route for the whole path (as nginx's root). In a regex route captures may stand in it: " +
      '`"~ ^/u/([a-z]+)/(.*)$" = { files = "/home/$1/www/$2" }`. One file is served at the path of its route ' +
      '(`"/robots.txt"`, `"= /robots.txt"`); a prefix that ends with a slash, or an expression, leads to it from everywhere. ' +
      "nginx: alias, root. uWSGI: static-map.",
  ),
  app: optional(
    nonEmpty("the name of an app"),
    "–",
    "Asks the app of this name. nginx: uwsgi_pass, to uWSGI. uWSGI: mount.",
  ),
  mount: only(
    "app",
    optional(
      MOUNT,
      "`true`; of an app that a shorter prefix of the site leads to as well, that one's",
      "Where in the site the app stands, which it learns as SCRIPT_NAME; PATH_INFO is what follows. `true`: at the prefix of " +
        'this route, so that `"/blog/" = { app = "blog" }` needs no more; `false`: at the root, the prefix is part of its ' +
        'own paths; or a path such as `"/blog"`. uWSGI: mount with manage-script-name.',
    ),
  ),
  upstream: optional(
    nonEmpty("the name of an upstream"),
    "–",
    "Forwards to the upstream of this name. nginx: proxy_pass, uwsgi_pass. uWSGI: http-to.",
  ),
  strip_prefix: only(
    "upstream",
    byDefault(
      boolean,
      false,
      "The upstream is asked without the path of this route: `/api/x` for `/x`; by uwsgi it stands in SCRIPT_NAME. nginx: " +
        "proxy_pass with a path.",
    ),
  ),
  uri: only(
    "upstream",
    optional(
      nonEmpty('"/path", in which variables may stand'),
      "what the client asked for",
      'The path that the upstream is asked for: `"/v2$uri"`, `"/files/$1"`; with a `?` also the query. What a client sent is ' +
        "encoded. Only for http. nginx: proxy_pass with variables.",
    ),
  ),
  ...ANSWERS,
  request_timeout: only(
    "app",
    optional(
      REQUEST_TIMEOUT,
      "that of the app",
      "How long a Python thread may take for a request of this route; 0: for ever. See the app's request_timeout. " +
        "nginx: uwsgi_read_timeout. uWSGI: harakiri.",
    ),
  ),
  index: only(
    "files",
    optional(
      listOf(INDEX_FILE),
      '`"index.html"`',
      "File names tried for a directory, in this order. nginx: index. uWSGI: static-index.",
    ),
  ),
  cache: optional(
    CACHE_OF_TARGET,
    '`"no-cache"` for files: kept, and asked about each time; none for an app or upstream',
    'Of files: Cache-Control: how long they may be kept (`"30d"` is `max-age=2592000`), `"immutable"` (a year), the ' +
      'directives, or `"off"` for none; or by name: `{ "*.html" = "no-cache", "img/**" = "1y", "*" = "30d" }`, where the most ' +
      "plain characters win. Names with a hash of Django's ManifestStaticFilesStorage (those in its staticfiles.json, or " +
      "`.0123456789ab.` where there is none) get `public, max-age=31536000, immutable`, unless directives are written. Of an " +
      "app or upstream: a table of the keys below, and its replies are kept here and given to all who ask for the same; a request with " +
      "Authorization is answered so only where the reply says that it is for all (public, s-maxage, must-revalidate), and fills nothing. " +
      "nginx: expires, proxy_cache, uwsgi_cache. uWSGI: static-expires.",
  ),
  ...FILES,
} satisfies Schema;

const target = table(TARGET, 'a target such as { app = "name" }');

/** A status, a path or a target. */
const OTHERWISE: Kind<number | string | Section<typeof TARGET>> = {
  expected: 'a status from 400 to 599, a path such as "/fallback", or a target such as { app = "name" }',
  json: () => anyOf({ type: "integer", minimum: 400, maximum: 599 }, TEXT, target.json()),
  read: (place) => {
    const { value } = place;
    if (typeof value === "number" && Number.isInteger(value) && value >= 400 && value <= 599) return value;
    if (typeof value === "string" && /^\/[^?#\0]*$/.test(value)) return value;
    if (isTable(value)) return target.read(place);
    place.unfit(OTHERWISE.expected);
    return undefined;
  },
};

export const ROUTE = {
  ...TARGET,
  try: only(
    "files",
    optional(
      listOf(CANDIDATE),
      "the path that is asked for; beside `otherwise`, also as a directory",
      "Names below the directory that are tried in this order; `$uri` is the path below the route's prefix. A name that ends " +
        'in / is a directory with an index. A single-page application: `try = ["$uri", "/index.html"]`. nginx: try_files. ' +
        "uWSGI: check-static.",
    ),
  ),
  otherwise: only(
    "files",
    optional(
      OTHERWISE,
      "`404`",
      "What is answered when there is none of the files: a status, a path of this site, or another target, as in " +
        '`{ files = "public/", otherwise = { app = "mysite" } }`. nginx: try_files, its last parameter.',
    ),
  ),
  internal: byDefault(
    boolean,
    false,
    "Only for requests from inside the server: X-Accel-Redirect of an app or upstream, `otherwise`, error pages. Clients " +
      "are answered 404. nginx: internal.",
  ),
  max_body_size: optional(
    size(0, TIB),
    "that of the site",
    "Largest request body of this route. 0: no bound. nginx: client_max_body_size. uWSGI: limit-post.",
  ),
  ...RULES,
  ...ROUTE_LOGS,
  ...ENCODING,
  headers: optional(
    table(HEADERS, 'a table such as { set = { X-Frame-Options = "DENY" } }'),
    "those of the site alone",
    "What is done to the fields of replies, after what the site's `headers` do. nginx: add_header.",
  ),
  ...GUARDS,
} satisfies Schema;

export const DEFAULT_INDEX: readonly string[] = ["index.html"];

/** A table of `name = { … }`; what may stand as a pattern is decided where routes are read. */
export const SITE = {
  names: byDefault(
    listOf(SITE_NAME),
    [],
    'Hosts it answers to: `"www.example.org"`, `"*.example.org"`, `"www.example.*"`, `".example.org"` (with and without a ' +
      "name before it), `'~^(?<user>.+)\\.example\\.org$'`; exact names win, then the longest `*.x`, the longest `x.*`, the " +
      "first expression. Without: the default site of its addresses; a Host that no site has gets it, or 421 when there is " +
      "none. nginx: server_name.",
    "none",
  ),
  default: byDefault(
    boolean,
    false,
    "This site, though it has names, gets what no other site of its addresses has. nginx: listen … default_server.",
  ),
  headers: optional(
    table(HEADERS, 'a table such as { set = { X-Frame-Options = "DENY" } }'),
    "replies stay as they are",
    "What is done to the fields of replies, on every status and whoever made the reply; answers to what never became a " +
      "request (400, 408, 414, 431, 503 at max_connections) have those of the default site of the address, without one " +
      "server_header alone. nginx: add_header … always. uWSGI: add-header.",
  ),
  underscores_in_headers: byDefault(
    choice(["drop", "pass"]),
    "drop",
    "Do request fields with `_` in their names reach apps and upstreams? There they could pass for the spelling with `-`; " +
      "those that say who the client is never do. nginx: underscores_in_headers, off.",
  ),
  listen: optional(
    listOf(LISTEN),
    "`80`; with `tls`, `[80, 443]`",
    'Where it listens: `80` (every address of the machine), `"127.0.0.1:8000"`, `"[::1]:80"`, `":80"`, `"*:80"` or ' +
      '`"unix:/run/x.sock"`, one or a list. A table `{ address = "unix:/run/x.sock", mode = "660" }` sets the ' +
      "permissions of the socket's file; `{ address = 8443, tls = true }` is encrypted, as 443 is without saying so. " +
      "nginx: listen. uWSGI: http-socket, http, https.",
  ),
  ...HTTPS,
  trusted_proxies: optional(
    TRUSTED_PROXIES,
    "those of the server",
    "Proxies in front of this site, in place of the server's. An empty list: none. nginx: set_real_ip_from.",
  ),
  ...SITE_LOGS,
  ...TYPES,
  ...ENCODING,
  max_body_size: sizeKey(
    size(0, TIB),
    BODY_BYTES_MAX,
    "Largest request body; more is answered 413. 0: no bound. nginx: client_max_body_size, 1 MiB. uWSGI: limit-post, no bound.",
  ),
  ...RULES,
  routes: required(
    namedOf(table(ROUTE, '{ app = "name" } or another target'), 'a table of "pattern" = { target }', () => undefined),
    "What is answered where: patterns and their targets. nginx: location. uWSGI: mount, static-map.",
  ),
  ...GUARDS,
} satisfies Schema;

export const DEFAULT_LISTEN_PORT = 80;
