/**
 * The schema of what stands around the targets of a site or a route: access, limits, authentication, error pages; and of
 * [limit.NAME]. How to read it: schema.ts.
 */
import { DEFAULT_LIMIT_KEY, LIMIT_ENTRIES, LIMIT_ENTRIES_MAX, LIMIT_ENTRIES_MIN } from "../exchange/rate-table.ts";
import { DEFAULT_REALM } from "../exchange/basic-auth.ts";
import { ACCESS_RULE, BURST_MAX, RATE, REALM, refuseStatuses } from "./guard-kinds.ts";
import { CONTENT_TYPE } from "./http-kinds.ts";
import { byDefault, only, optional, required, type Schema, type Section, table } from "./keys.ts";
import { boolean, choice, either, integer, listOf, namedOf, nonEmpty, Refusal, string, text } from "./kinds.ts";

/** [limit.NAME] */
export const LIMIT = {
  rate: required(RATE, "Requests that a key may make in the long run. nginx: limit_req_zone rate."),
  key: byDefault(
    nonEmpty('a text with variables such as "$remote_addr" or "$http_x_api_key"'),
    DEFAULT_LIMIT_KEY,
    "What is counted apart. A request whose key is empty is not limited. nginx: limit_req_zone key.",
  ),
  burst: byDefault(
    integer(0, BURST_MAX),
    0,
    "Requests above the rate that are still let through, as a leaky bucket counts them. nginx: limit_req burst.",
  ),
  delay: optional(
    integer(0, BURST_MAX),
    "that of `burst`: nothing waits",
    "Of the burst, so many requests are answered at once; the others wait until their turn comes. nginx: limit_req delay, " +
      "0 unless `nodelay` is said.",
  ),
  entries: byDefault(
    integer(LIMIT_ENTRIES_MIN, LIMIT_ENTRIES_MAX),
    LIMIT_ENTRIES,
    "Keys that are remembered, 16 bytes each, rounded up to a power of two; the one that is nearest to being free again " +
      "is forgotten for a new one. nginx: limit_req_zone size, where 1 MB holds 8000 to 16000.",
  ),
  status: byDefault(
    integer(400, 599),
    429,
    "What is answered above rate and burst, with Retry-After. nginx: limit_req_status, 503.",
  ),
} satisfies Schema;

/** `auth = { … }` */
export const AUTH = {
  users: required(
    nonEmpty("a file of user:hash lines"),
    "A file as `htpasswd -B` writes it: bcrypt, argon2, SHA-crypt (`$5$`, `$6$`), `$apr1$`, `{SHA}` or `{SSHA}`; read again " +
      "when it changes. nginx: auth_basic_user_file.",
  ),
  realm: byDefault(REALM, DEFAULT_REALM, "What the browser shows when it asks for the password. nginx: auth_basic."),
} satisfies Schema;

export const DEFAULT_PAGE_TYPE = "text/html; charset=utf-8";

/** One of `error_pages`, as a table. */
export const ERROR_PAGE = {
  file: optional(
    nonEmpty("a file"),
    "–",
    "The page is this file; a plain string says the same. nginx: error_page 404 /404.html. uWSGI: error-page-404.",
  ),
  respond: optional(
    string(),
    "–",
    "The page is this text, in which variables may stand ($status, $uri, …); what a client sent is escaped in HTML, " +
      "XML and JSON. nginx: error_page 404 @location, with a return.",
  ),
  route: optional(
    nonEmpty("a path of this site"),
    "–",
    "The page is what this path of the site is answered with, asked for with GET (HEAD stays HEAD) and without the body. " +
      "A redirect goes to the client as it is. nginx: error_page 404 /path.",
  ),
  type: only("respond", byDefault(CONTENT_TYPE, DEFAULT_PAGE_TYPE, "Content-Type of the text. nginx: default_type.")),
  status: optional(
    integer(200, 599),
    "the error's own",
    "The status that is sent with it. nginx: error_page 404 =200 ….",
  ),
} satisfies Schema;

export const ERROR_PAGE_SOURCES = ["file", "respond", "route"] as const;

const AUTH_OFF = text('"off" or a table such as { users = "htpasswd" }', (written) =>
  written === "off" ? written : new Refusal(),
);

const AUTH_PATH = text('"off" or a path of this site such as "/auth"', (written) =>
  written === "off" || /^\/[^?#\0]*$/.test(written) ? written : new Refusal(),
);

const statuses = 'a table of "404" = page, "5xx" = page or "502 503" = page';

/** What a site and its routes may both say; a route's word replaces the site's, but for error_pages. */
export const GUARDS = {
  access: optional(
    listOf(ACCESS_RULE),
    "everyone; in a route, that of the site",
    "Who may ask: rules by client address in this order, of which the first that matches counts; whom none matches may. " +
      'Others are answered 403. `access = ["allow 10.0.0.0/8", "deny all"]`; an empty list lifts the site\'s. nginx: allow, deny. ' +
      "uWSGI: route-remote-addr.",
  ),
  limit: optional(
    listOf(nonEmpty("the name of a [limit.NAME]")),
    "none; in a route, that of the site",
    "The limits of the request rate, by name; all of them must let a request pass. An empty list lifts the site's. " +
      "nginx: limit_req.",
  ),
  auth: optional(
    either<"off" | Section<typeof AUTH>>(AUTH_OFF, table(AUTH, 'a table such as { users = "htpasswd" }')),
    "off; in a route, that of the site",
    'Asks for a user and password (RFC 7617); `"off"` lifts the site\'s. The user is in the access log, REMOTE_USER of ' +
      "apps and of upstreams that speak uwsgi, and X-Remote-User to those that speak HTTP; Authorization goes on to them as well, as with " +
      "nginx. A client's own X-Remote-User and Remote-User reach none of them, unless it is a trusted proxy. nginx: auth_basic. " +
      "uWSGI: route basicauth.",
  ),
  auth_request: optional(
    AUTH_PATH,
    "off; in a route, that of the site",
    "A path of this site that is asked before, with a GET that has the fields of the request and no body: any 2xx lets it " +
      "pass, 401 and 403 are answered so (with its WWW-Authenticate), anything else is a 500. There `$request_uri` and " +
      "`$request_method` are the client's. `$auth_http_NAME` is a field of its reply, such as `$auth_http_x_user`, for " +
      '`headers` and `headers_up`. The route of that path is mostly `internal`. `"off"` lifts the site\'s. nginx: auth_request.',
  ),
  satisfy: optional(
    choice(["all", "any"]),
    '`"all"`; in a route, that of the site',
    '`"any"`: whose address `access` allows is not asked by `auth` or `auth_request`, and who passes those need not have the ' +
      "address; an address that no rule matches is not allowed by it. nginx: satisfy.",
  ),
  error_pages: optional(
    namedOf(
      either<string | Section<typeof ERROR_PAGE>>(
        nonEmpty("a file"),
        table(ERROR_PAGE, "a table { file, respond or route }"),
      ),
      statuses,
      refuseStatuses,
    ),
    "short pages of our own",
    'Pages for errors: `"404" = "errors/404.html"`, `"5xx" = …`, `"502 503" = …`; a status wins over its class, all of ' +
      "a route's pages over the site's. The status is kept. They are shown when an app or upstream cannot be asked, too; " +
      "what never became a request (400, 408, 414, 431, 503 at max_connections) gets those of the default site of the address, " +
      "as far as they are files or texts. nginx: error_page. uWSGI: error-page-404, error-page-500.",
  ),
  intercept: optional(
    boolean,
    "`false`; in a route, that of the site",
    "Shows error_pages in place of the errors that apps and upstreams answer with themselves, too. nginx: " +
      "uwsgi_intercept_errors, proxy_intercept_errors.",
  ),
} satisfies Schema;
