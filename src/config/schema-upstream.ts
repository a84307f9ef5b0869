/** The schema of [upstream.NAME]. How to read it: schema.ts. */
import {
  DRAIN_TIMEOUT_MS,
  KEEPALIVE_AGE_MS,
  KEEPALIVE_CONNECTIONS,
  KEEPALIVE_REQUESTS_MAX,
  KEEPALIVE_TIMEOUT_MS,
  READ_TIMEOUT_MS,
  RETRY_TIMEOUT_MS,
  type RetryReason,
  SEND_TIMEOUT_MS,
  TRIES_MAX,
  TUNNEL_TIMEOUT_MS,
} from "../proxy/options.ts";
import { REPLY_FILE_BYTES_MAX, REPLY_MEMORY_BYTES_MAX } from "../exchange/reply-spool.ts";
import { UPSTREAM_SERVER } from "./address-kinds.ts";
import { anyOf } from "./json-schema.ts";
import { byDefault, durationKey, optional, required, type Schema, sizeKey, table } from "./keys.ts";
import {
  boolean,
  choice,
  duration,
  integer,
  type Kind,
  listOf,
  namedOf,
  nonEmpty,
  Refusal,
  size,
  string,
  text,
} from "./kinds.ts";
import { HEADERS } from "./schema-headers.ts";
import { UPSTREAM_TLS } from "./schema-upstream-tls.ts";

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const YEAR = 365 * DAY;
const KIB = 1024;
const GIB = KIB * KIB * KIB;

/** nginx: proxy_connect_timeout 60 s. A server that is there accepts within a round trip; in ten seconds lost SYNs are sent again three
 *  times (1 s, 3 s, 7 s), and the next server gets its chance while the client still waits. */
const CONNECT_TIMEOUT_MS = 10 * SECOND;

const HEALTH_INTERVAL_MS = 5 * SECOND;
const HEALTH_TIMEOUT_MS = 3 * SECOND;
const HEALTH_RISE = 2;
const HEALTH_FALL = 3;

/** A timeout of zero would be none at all or one that always fires; both are mistakes. */
const timeout = duration(10, DAY);
/** Longer than a client waits; every tenth of a second of it is an attempt. */
const waitTime = duration(0, 300 * SECOND);

/** `"200-399"`, `"2xx"`, `"200"` → from, to. */
const statusRange: Kind<readonly [number, number]> = text('statuses such as "200-399", "2xx" or "204"', (written) => {
  const [, from, to, hundreds] = /^(?:([1-5]\d\d)(?:-([1-5]\d\d))?|([1-5])xx)$/.exec(written) ?? [];
  if (hundreds !== undefined) return [Number(hundreds) * 100, Number(hundreds) * 100 + 99];
  const range = [Number(from), Number(to ?? from)] as const;
  return from === undefined || range[0] > range[1] ? new Refusal() : range;
});

const retryReason: Kind<RetryReason> = {
  expected: '"error", "timeout" or a status from 400 to 599',
  json: () => anyOf({ enum: ["error", "timeout"] }, { type: "integer", minimum: 400, maximum: 599 }),
  read: (place) => {
    const { value } = place;
    if (value === "error" || value === "timeout") return value;
    if (typeof value === "number" && Number.isInteger(value) && value >= 400 && value <= 599) return value;
    return void place.unfit(retryReason.expected);
  },
};

export const HEALTH = {
  path: byDefault(
    text('a path such as "/health"', (path) => (/^\/[!-~]*$/.test(path) ? path : new Refusal())),
    "/",
    "What is asked for by http. A server that speaks uwsgi is pinged. nginx: health_check uri.",
  ),
  interval: durationKey(
    duration(100, DAY),
    HEALTH_INTERVAL_MS,
    "Between two checks of a server, by each front thread. nginx: health_check interval.",
  ),
  timeout: durationKey(timeout, HEALTH_TIMEOUT_MS, "How long a check may take."),
  status: byDefault(
    statusRange,
    [200, 399],
    "Statuses of a server that is well; only for http. nginx: health_check match.",
    '`"200-399"`',
  ),
  rise: byDefault(
    integer(1, 1000),
    HEALTH_RISE,
    "Good checks in a row until a server is asked again. nginx: health_check passes.",
  ),
  fall: byDefault(
    integer(1, 1000),
    HEALTH_FALL,
    "Bad checks in a row until a server is not asked any more. nginx: health_check fails.",
  ),
} satisfies Schema;

const rewrites = namedOf(string(), 'a table of "what the upstream says" = "what the client gets"', () => undefined);

const cookieName = text("a name of letters, digits, - and _", (name) =>
  /^[A-Za-z0-9_-]{1,64}$/.test(name) ? name : new Refusal(),
);

export const UPSTREAM = {
  protocol: byDefault(
    choice(["http", "https", "uwsgi"]),
    "http",
    "What its servers speak; `https` is HTTP/1.1 over TLS. nginx: proxy_pass, uwsgi_pass.",
  ),
  tls: optional(
    table(UPSTREAM_TLS, 'a table such as { ca = "internal-ca.pem" }'),
    "certificates are verified against the authorities of the system",
    'How servers are spoken to with `protocol = "https"`. nginx: proxy_ssl_verify, proxy_ssl_trusted_certificate.',
  ),
  servers: required(
    listOf(UPSTREAM_SERVER),
    'Its servers: `"host:port"`, `"unix:/path"` or `{ address = "host:port", weight = 2 }`, one or a list. All addresses ' +
      "of a name are used, and it is resolved again when they are too old. nginx: upstream, server. uWSGI: http-to.",
  ),
  balance: byDefault(
    choice(["round_robin", "least_conn", "random", "hash", "sticky"]),
    "round_robin",
    "Which server is asked: in turn; the one with the fewest requests under way; of two different ones by lot the one with fewer; " +
      "by the consistent hash of `hash_key`; the one that a cookie names. All of them by weight; requests under way are those of " +
      "all front threads. nginx: least_conn, random, hash, sticky.",
  ),
  hash_key: optional(
    string("a string with variables"),
    '`"$remote_addr"`',
    'What `balance = "hash"` looks at: `"$request_uri"`, `"$http_x_tenant"`, `"$cookie_sessionid"`. Of 10,000 values each server ' +
      "has its weight within 2 % of all; when a server goes only its own move. Where nginx has a value is another server than " +
      "here. nginx: hash … consistent.",
  ),
  sticky_cookie: optional(
    cookieName,
    '`"route"`',
    'The cookie by which `balance = "sticky"` sends a client to the same server again. nginx: sticky cookie.',
  ),
  connect_timeout: durationKey(
    timeout,
    CONNECT_TIMEOUT_MS,
    "How long one connection attempt may take before the next server is tried. The times of an upstream are kept to half a second, and to " +
      "a tenth of one where one of them is below 2 s. nginx: proxy_connect_timeout, 60 s. uWSGI: http-connect-timeout.",
  ),
  head_timeout: optional(
    timeout,
    "that of reading",
    "From the whole request to the whole head of its reply. nginx has none: there slivers of a head may come for ever.",
  ),
  read_timeout: durationKey(
    timeout,
    READ_TIMEOUT_MS,
    "Between two reads of the reply. nginx: proxy_read_timeout, 60 s. uWSGI: http-timeout, 60 s.",
  ),
  send_timeout: durationKey(
    timeout,
    SEND_TIMEOUT_MS,
    "Between two writes of the request. nginx: proxy_send_timeout, 60 s.",
  ),
  keepalive: byDefault(
    integer(0, 10_000),
    KEEPALIVE_CONNECTIONS,
    "Idle connections kept open to each server, in each front thread; only for http, since uwsgi closes after each reply. " +
      "0: none. nginx: keepalive of an upstream.",
  ),
  keepalive_timeout: durationKey(
    timeout,
    KEEPALIVE_TIMEOUT_MS,
    "How long a connection is kept idle. nginx: keepalive_timeout of an upstream, 60 s.",
  ),
  keepalive_requests: byDefault(
    integer(1, 1_000_000_000),
    KEEPALIVE_REQUESTS_MAX,
    "Requests on one connection before it is closed. nginx: keepalive_requests of an upstream, 1000.",
  ),
  keepalive_age: durationKey(
    timeout,
    KEEPALIVE_AGE_MS,
    "Age at which a connection is closed. nginx: keepalive_time of an upstream, 1 h.",
  ),
  dns_ttl: optional(
    duration(SECOND, DAY),
    "what the resolver says, from 5 s to 5 min",
    "How long the addresses of a name are used, whatever its TTL. Then the C library is asked, as resolv.conf and nsswitch.conf " +
      "say, for one name at a time; without this key the name servers of resolv.conf are, beside /etc/hosts. When a name " +
      "cannot be resolved again its addresses are used on. nginx: resolver valid.",
  ),
  tries: byDefault(
    integer(1, 100),
    TRIES_MAX,
    "Servers that one request is tried on. nginx: proxy_next_upstream_tries, no bound.",
  ),
  retry_timeout: durationKey(
    timeout,
    RETRY_TIMEOUT_MS,
    "For how long after the first attempt another one is begun. nginx: proxy_next_upstream_timeout, no bound.",
  ),
  retry_on: optional(
    listOf(retryReason),
    '`["error", "timeout"]`',
    "Why an idempotent request (GET, HEAD, OPTIONS, PUT, DELETE) of whose reply nothing was sent goes to another server: " +
      '`"error"` (the connection broke, or the reply is none), `"timeout"`, statuses such as `503`. One that was never sent ' +
      "always does. nginx: proxy_next_upstream.",
  ),
  retry_unsafe: byDefault(
    boolean,
    false,
    "Also requests that are not idempotent: a POST may be run twice. nginx: proxy_next_upstream non_idempotent.",
  ),
  wait: durationKey(
    waitTime,
    0,
    "How long a request waits when no server can be asked, all being down or as busy as they may. 0: it is answered 502 or 503. " +
      "nginx: queue, in its commercial edition.",
  ),
  health: optional(
    table(HEALTH, 'a table such as { path = "/health" }'),
    "servers are judged by the requests they get",
    "Checks each server at an interval, whether it has requests or not. " +
      "nginx: health_check, in its commercial edition.",
  ),
  request_buffering: byDefault(
    boolean,
    true,
    "Takes a request body in whole before a server is asked, which is told its length then and gets no trailers. Without, it goes on as it comes: of " +
      "unknown length in chunks, with trailers behind them, but for those that belong in the head, say who the client is, hold `_`, or are named in headers_up. " +
      "nginx: proxy_request_buffering; it drops trailers.",
  ),
  buffering: byDefault(
    boolean,
    true,
    "Takes a reply as fast as the server sends it and keeps what the client is too slow for. X-Accel-Buffering of a reply " +
      "decides otherwise; event streams are never kept. nginx: proxy_buffering.",
  ),
  reply_memory: sizeKey(
    size(4 * KIB, GIB),
    REPLY_MEMORY_BYTES_MAX,
    "What is kept of one reply in memory. nginx: proxy_buffers, 64 KiB.",
  ),
  reply_file: sizeKey(
    size(0, KIB * GIB),
    REPLY_FILE_BYTES_MAX,
    "What is kept of one reply in a temporary file; beyond it the server waits for the client. nginx: proxy_max_temp_file_size.",
  ),
  upgrade: byDefault(
    boolean,
    true,
    "Passes requests for another protocol, such as WebSocket, and makes a tunnel of the connection when the server agrees. " +
      "Protocols that carry further requests (h2c, TLS) are never passed. nginx: proxy_set_header Upgrade and Connection.",
  ),
  tunnel_timeout: durationKey(
    timeout,
    TUNNEL_TIMEOUT_MS,
    "Silence in both directions after which a tunnel is closed. nginx: proxy_read_timeout, 60 s.",
  ),
  drain_timeout: durationKey(
    duration(0, YEAR),
    DRAIN_TIMEOUT_MS,
    "How long requests, replies and WebSockets that are under way go on after a reload has changed or removed this upstream, or the " +
      "site and route by which they came lead to it no more. Then they are broken off: a reply that has begun does not look complete, a " +
      "WebSocket is closed on both sides, a request without a reply is answered 502 or 503, and the log says how many there were. " +
      "0: at once. It counts from the reload that did it, however many follow, and holds as it was set before that. An upstream that a " +
      "reload leaves as it is goes on without a bound, whatever else has changed, this key too; and so does a reply of which all is " +
      "here already. When the server stops or restarts, `drain_timeout` of `[server]` holds. nginx: worker_shutdown_timeout, none.",
  ),
  ignore_client_abort: byDefault(
    boolean,
    false,
    "A client that leaves does not end the request to the server. nginx: proxy_ignore_client_abort.",
  ),
  host: optional(
    string("a host, in which variables may stand"),
    "the client's",
    'The Host field of requests: `"backend.internal"`, `"$host"`. nginx: proxy_set_header Host.',
  ),
  via: byDefault(boolean, true, "Adds Via to requests (RFC 9110), by which requests that go in circles are found."),
  headers_up: optional(
    table(HEADERS, 'a table such as { set = { X-Tenant = "a" } }'),
    "requests go on as they are",
    "What is done to the fields of requests, in the form of `headers`. nginx: proxy_set_header.",
  ),
  headers_down: optional(
    table(HEADERS, 'a table such as { remove = "X-Powered-By" }'),
    "replies stay as they are",
    "What is done to the fields of replies, before what sites and routes do. nginx: proxy_hide_header.",
  ),
  rewrite_redirects: byDefault(
    boolean,
    true,
    "Location and Refresh that name the server's own address are made to name this one. nginx: proxy_redirect default.",
  ),
  cookie_domains: optional(
    rewrites,
    "they stay",
    'Domains of Set-Cookie: `{ "backend.internal" = "$host" }`. nginx: proxy_cookie_domain.',
  ),
  cookie_paths: optional(
    rewrites,
    "they stay",
    'Beginnings of paths of Set-Cookie: `{ "/app/" = "/" }`. nginx: proxy_cookie_path.',
  ),
  params: optional(
    namedOf(string(), "a table of strings", (name) =>
      /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? undefined : "should be a name of letters, digits and _",
    ),
    "those of nginx's uwsgi_params",
    'Variables that are added or replaced, only for uwsgi; an empty value takes one away: `{ UWSGI_SCRIPT = "mysite.wsgi" }`. ' +
      "nginx: uwsgi_param. uWSGI: http-var.",
  ),
  modifier1: byDefault(
    integer(0, 255),
    0,
    "First modifier of the packets, only for uwsgi. nginx: uwsgi_modifier1. uWSGI: http-modifier1.",
  ),
  modifier2: byDefault(
    integer(0, 255),
    0,
    "Second modifier of the packets, only for uwsgi. nginx: uwsgi_modifier2. uWSGI: http-modifier2.",
  ),
  sendfile_roots: optional(
    listOf(nonEmpty("a directory")),
    "none: such a reply is answered 500",
    "Its servers may name files below these directories in an X-Sendfile field, and the server sends them. X-Accel-Redirect needs no " +
      "such permission, since it leads to routes of the site. Apache: XSendFilePath.",
  ),
} satisfies Schema;

/** Of no use with the other protocol. */
export const ONLY_HTTP = [
  "keepalive",
  "keepalive_timeout",
  "keepalive_requests",
  "keepalive_age",
  "upgrade",
  "tunnel_timeout",
  "host",
  "via",
  "headers_up",
] as const;
export const ONLY_UWSGI = ["params", "modifier1", "modifier2"] as const;

export const DEFAULT_STICKY_COOKIE = "route";
