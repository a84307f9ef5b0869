/** The schema of [[site]] and its routes. How to read it: schema.ts. */
import { LISTEN } from "./address-kinds.ts";
import { CACHE, CHARSET, CONTENT_TYPE, INDEX_FILE, REDIRECT_TO, SITE_NAME } from "./http-kinds.ts";
import { byDefault, only, optional, required, type Schema, sizeKey, table } from "./keys.ts";
import { integer, listOf, namedOf, nonEmpty, numberChoice, size, string } from "./kinds.ts";

const MIB = 1024 * 1024;
const TIB = MIB * MIB;

/** nginx: 1 MiB, which every project that takes uploads has to raise; Django itself spools what is large to files. */
const BODY_BYTES_MAX = 100 * MIB;

/** nginx's `return 302`: a browser forgets it, so that a mistake can be mended. */
const REDIRECT_STATUS = 302;

/** What a request is answered with: exactly one of the first five. */
export const ROUTE_TARGETS = ["files", "app", "upstream", "redirect", "respond"] as const;

export const ROUTE = {
  files: optional(nonEmpty("a directory or a file"), "–", "Serves files: a directory, or one file. nginx: alias."),
  app: optional(nonEmpty("the name of an app"), "–", "Asks the app of this name. nginx: uwsgi_pass, to uWSGI."),
  upstream: optional(
    nonEmpty("the name of an upstream"),
    "–",
    "Forwards to the upstream of this name. nginx: proxy_pass, uwsgi_pass.",
  ),
  redirect: optional(
    REDIRECT_TO,
    "–",
    "Redirects there. With `$request_uri` at its end, the path and query of the request are appended. nginx: return 302.",
  ),
  respond: optional(string(), "–", "Answers with this text. nginx: return 200."),
  index: only(
    "files",
    optional(listOf(INDEX_FILE), '`"index.html"`', "File names tried for a directory, in this order. nginx: index."),
  ),
  cache: only(
    "files",
    optional(
      CACHE,
      "none is sent",
      'Cache-Control of the reply: how long it may be kept (`"30d"` is `max-age=2592000`), or the directives ' +
        '(`"no-store"`, `"public, max-age=31536000, immutable"`). nginx: expires.',
    ),
  ),
  status: optional(
    integer(200, 599),
    `\`${REDIRECT_STATUS}\` for redirect, \`200\` for respond`,
    "The status of a redirect (301, 302, 303, 307 or 308) or of a respond (200 to 599).",
  ),
  type: only(
    "respond",
    byDefault(CONTENT_TYPE, "text/plain; charset=utf-8", "Content-Type of the text, which is sent as UTF-8."),
  ),
  max_body_size: optional(
    size(0, TIB),
    "that of the site",
    "Largest request body of this route. 0: no bound, as in nginx.",
  ),
} satisfies Schema;

export const REDIRECT_STATUSES = numberChoice([301, 302, 303, 307, 308]);

export const DEFAULT_REDIRECT_STATUS = REDIRECT_STATUS;
export const DEFAULT_RESPOND_STATUS = 200;
export const DEFAULT_INDEX: readonly string[] = ["index.html"];

/** A table of `name = { … }`; what may stand as a pattern is decided where routes are read. */
export const SITE = {
  names: byDefault(
    listOf(SITE_NAME),
    [],
    'Hosts it answers to: `"www.example.org"`, `"*.example.org"`. Without: the default site of its addresses; a Host ' +
      "that no site has gets it, or 421 when there is none. nginx: server_name.",
    "none",
  ),
  listen: optional(
    listOf(LISTEN),
    "`80`",
    'Where it listens: `80` (every address of the machine), `"127.0.0.1:8000"`, `"[::1]:80"`, `":80"`, `"*:80"` or ' +
      '`"unix:/run/x.sock"`, one or a list. A table `{ address = "unix:/run/x.sock", mode = "660" }` sets the ' +
      "permissions of the socket's file.",
  ),
  charset: optional(CHARSET, "none", "Added to the Content-Type of textual files that names none. nginx: charset."),
  max_body_size: sizeKey(
    size(0, TIB),
    BODY_BYTES_MAX,
    "Largest request body; more is answered 413. 0: no bound, as in nginx, whose default is 1 MiB.",
  ),
  routes: required(
    namedOf(table(ROUTE, '{ app = "name" } or another target'), 'a table of "pattern" = { target }', () => undefined),
    "What is answered where: patterns and their targets.",
  ),
} satisfies Schema;

export const DEFAULT_LISTEN_PORT = 80;
