/**
 * The schema of server.toml, one entry for each key: its kind, default, bounds and one sentence. It drives reading,
 * checking, the texts of errors, the offers of the nearest known key and docs/config.md. Here: the file as a
 * whole and [server]; [app.NAME] is in schema-app.ts, [upstream.NAME] in schema-upstream.ts, [[site]] and
 * its routes in schema-site.ts.
 * A default that another room enforces is that room's constant; the others are named here, with their reasons.
 */
import { DEFAULT_HEAD_LIMITS } from "../protocol/http1/limits.ts";
import { byDefault, durationKey, optional, type Schema, type Section, sizeKey, table, tableJson } from "./keys.ts";
import { SERVER_HEADER } from "./http-kinds.ts";
import { boolean, duration, integer, type Kind, listOf, namedOf, nonEmpty, type Placed, size } from "./kinds.ts";
import { ACME } from "./schema-acme.ts";
import { APP } from "./schema-app.ts";
import { ENCODING, TYPES } from "./schema-encoding.ts";
import { FILE_CACHE } from "./schema-files.ts";
import { LIMIT } from "./schema-guards.ts";
import { CONNECTION_LIMITS } from "./schema-limits.ts";
import { LOGS } from "./schema-logs.ts";
import { MAP } from "./schema-map.ts";
import { METRICS } from "./schema-metrics.ts";
import { PRIVILEGES } from "./schema-privileges.ts";
import { CRON, SERVICE } from "./schema-services.ts";
import { SITE } from "./schema-site.ts";
import { UPSTREAM } from "./schema-upstream.ts";

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const KIB = 1024;
const MIB = 1024 * KIB;

/** A timeout of zero would be none at all or one that always fires; both are mistakes. */
const timeout = duration(10, DAY);

/** Three round trips at worst, even from the other side of the world. */
const HANDSHAKE_TIMEOUT_MS = 10 * SECOND;
const HEADER_TIMEOUT_MS = 30 * SECOND;
const BODY_TIMEOUT_MS = 60 * SECOND;
const SEND_TIMEOUT_MS = 60 * SECOND;
const KEEPALIVE_TIMEOUT_MS = 75 * SECOND;
const KEEPALIVE_REQUESTS_MAX = 10_000;
const DRAIN_TIMEOUT_MS = 30 * SECOND;

export const SERVER = {
  fronts: optional(
    integer(1, 256),
    "one for each core",
    "Threads that accept, parse, route and answer. nginx: worker_processes, 1. uWSGI: http-processes.",
  ),
  ...PRIVILEGES,
  ...LOGS,
  temporary_directory: optional(
    nonEmpty("a directory"),
    "`$TMPDIR`, else `/var/tmp`, else `/tmp`",
    "Where bodies and replies are spooled that do not fit in memory. Best on a disk: a `/tmp` in memory is memory. " +
      "nginx: client_body_temp_path, proxy_temp_path.",
  ),
  control: byDefault(
    nonEmpty('"auto", "off" or the path of a socket'),
    "auto",
    "The socket through which `server status` and `server reload` reach this server: `auto` for one in a private directory, " +
      "found by the path of this file; `off` for none. Only the owner and root may use it. uWSGI: stats, master-fifo.",
  ),
  state_directory: optional(
    nonEmpty("a directory"),
    "`$STATE_DIRECTORY` (systemd), else `/var/lib/server` for root, else `$XDG_STATE_HOME/server`, else `~/.local/state/server`",
    "Where certificates that the server ordered, their keys and its accounts are kept. Made when it is needed (with `user`: at the start), for its owner alone. " +
      "nginx: acme_issuer state_path.",
  ),
  pid_file: optional(
    nonEmpty("the path of a file"),
    "none",
    "A file with the process id of the server, for programs that want one; locked as long as it lives, so that one that was " +
      "left behind is told apart. nginx: pid. uWSGI: pidfile.",
  ),
  drain_timeout: durationKey(
    timeout,
    DRAIN_TIMEOUT_MS,
    "After TERM: how long requests in flight may take. gunicorn: 30 s; systemd kills after 90 s. " +
      "nginx: worker_shutdown_timeout. uWSGI: worker-reload-mercy.",
  ),
  server_header: byDefault(
    SERVER_HEADER,
    "pass",
    'The Server field of replies: `"pass"` sends that of an app or upstream and none of our own, `"off"` none at all, any ' +
      "other text is sent as it is. A version in it only helps those who look for old ones. nginx: server_tokens.",
  ),
  merge_slashes: byDefault(
    boolean,
    true,
    "Takes `//` in paths for one `/`, before routes and files see it; REQUEST_URI keeps what was sent. nginx: merge_slashes.",
  ),
  max_header_size: optional(
    size(KIB, MIB),
    '`"64KiB"`; `"60KiB"` when an upstream speaks uwsgi, whose packets have a 16-bit size',
    "Request line and fields together; more is answered 431. nginx: large_client_header_buffers, 33 KiB in all. uWSGI: buffer-size, 4 KiB.",
  ),
  max_header_fields: byDefault(
    integer(1, 10_000),
    DEFAULT_HEAD_LIMITS.fieldsMax,
    "Header fields of a request; more are answered 431. gunicorn: 100, Node: 2000. " +
      "nginx: max_headers, 1000. uWSGI: max-vars, 64.",
  ),
  max_target_size: sizeKey(
    size(256, 64 * KIB),
    DEFAULT_HEAD_LIMITS.targetBytesMax,
    "Path and query together; more is answered 414. gunicorn: 4 KiB. nginx: large_client_header_buffers, 8 KiB.",
  ),
  handshake_timeout: durationKey(
    timeout,
    HANDSHAKE_TIMEOUT_MS,
    "How long the TLS handshake of a new connection may take, in all. nginx: client_header_timeout, 60 s between two reads.",
  ),
  header_timeout: durationKey(
    timeout,
    HEADER_TIMEOUT_MS,
    "From the first byte of a request to the end of its header, in all, so that a slow sender holds nothing; also how " +
      "long a new connection may be silent. nginx: client_header_timeout, 60 s. uWSGI: http-headers-timeout.",
  ),
  body_timeout: durationKey(
    timeout,
    BODY_TIMEOUT_MS,
    "Between two reads of a request body. nginx: client_body_timeout, 60 s. uWSGI: socket-timeout, 4 s.",
  ),
  send_timeout: durationKey(
    timeout,
    SEND_TIMEOUT_MS,
    "Between two writes that the client takes. nginx: send_timeout, 60 s. uWSGI: socket-timeout, 4 s.",
  ),
  keepalive_timeout: durationKey(
    timeout,
    KEEPALIVE_TIMEOUT_MS,
    "How long an idle connection is kept for its next request. nginx: keepalive_timeout, 75 s. uWSGI: http-keepalive, off.",
  ),
  keepalive_requests: byDefault(
    integer(1, 1_000_000_000),
    KEEPALIVE_REQUESTS_MAX,
    "Requests on one connection before it is closed. A request frees all it took, so they may be many. nginx: keepalive_requests, 1000.",
  ),
  ...FILE_CACHE,
  ...CONNECTION_LIMITS,
  ...ENCODING,
  ...TYPES,
} satisfies Schema;

/** Names stand in logs, process titles and messages. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

function refuseName(name: string): string | undefined {
  return NAME.test(name) ? undefined : "should be 1 to 64 letters, digits, _, - or ., and begin with a letter or digit";
}

/** A map is used as `$NAME`. */
function refuseVariable(name: string): string | undefined {
  return /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)
    ? undefined
    : "should be 1 to 64 letters, digits or _, and begin with no digit";
}

/** `[[site]]`; `[site]` and `site = []` are what people write by mistake. */
const sites: Kind<readonly Placed<Section<typeof SITE>>[]> = {
  expected: "one [[site]] or more, in double brackets",
  json: () => ({ type: "array", items: tableJson(SITE) }),
  read: (place) => {
    if (Array.isArray(place.value)) return listOf(table(SITE)).read(place);
    return void place.unfit("written [[site]], in double brackets, since there may be more than one");
  },
};

/** The file as a whole. */
export const ROOT = {
  server: optional(table(SERVER), "defaults", "The server as a whole."),
  acme: optional(table(ACME), "defaults", "Whom certificates are ordered from."),
  app: byDefault(namedOf(table(APP), "tables [app.NAME]", refuseName), [], "Python applications.", "none"),
  upstream: byDefault(namedOf(table(UPSTREAM), "tables [upstream.NAME]", refuseName), [], "Other servers.", "none"),
  service: byDefault(
    namedOf(table(SERVICE), "tables [service.NAME]", refuseName),
    [],
    "Programs that run beside the apps.",
    "none",
  ),
  cron: byDefault(namedOf(table(CRON), "tables [cron.NAME]", refuseName), [], "Commands at certain times.", "none"),
  map: byDefault(
    namedOf(table(MAP), "tables [map.NAME]", refuseVariable),
    [],
    "Variables whose values are looked up in a table.",
    "none",
  ),
  limit: byDefault(
    namedOf(table(LIMIT), "tables [limit.NAME]", refuseName),
    [],
    "Limits of the rate of requests, which sites and routes name.",
    "none",
  ),
  metrics: optional(table(METRICS), "none", "The private listener: metrics for Prometheus and a status page."),
  site: byDefault(sites, [], "What is served to whom.", "none"),
} satisfies Schema;
