/**
 * The schema of what bounds connections and what they hold together; it is part of [server] (schema.ts). Here too: the
 * kind of value of trusted_proxies, which sites have as well.
 */
import { parseAddressRange } from "../exchange/address-set.ts";
import { SPOOL_DISK_BYTES_MAX, SPOOL_MEMORY_BYTES_MAX } from "../exchange/spool-budget.ts";
import { byDefault, durationKey, type Schema, sizeKey } from "./keys.ts";
import { duration, integer, listOf, Refusal, size, text } from "./kinds.ts";

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const MIB = 1024 * 1024;
const PIB = 1024 ** 5;

/** An idle connection costs about 1 KiB, a busy one at worst RECEIVE_BYTES_MAX and a read of the socket: about 10 GiB if
 *  every one of them did its worst at once, which the spools' bounds and the rates make hard to reach. */
const CONNECTIONS_MAX = 16_384;

/** Off: clients behind one address are a family, an office, a mobile network or the reverse proxy in front. */
const CONNECTIONS_PER_ADDRESS_MAX = 0;

const KEEPALIVE_AGE_MAX_MS = HOUR;

/** Browsers send none ahead, benchmarks a few dozen. */
const PIPELINED_REQUESTS_MAX = 1000;

/** Kestrel's. A modem is thirty times faster. */
const RATE_MIN = 240;

export const ADDRESS_RANGE = text('an IP address, a range such as "10.0.0.0/8", or "unix:"', (written) => {
  const range = parseAddressRange(written);
  if (range === undefined) return new Refusal();
  if (range.kind === "unix" || !range.strayBits) return written;
  return new Refusal("a range without bits behind its prefix; a single address has no /");
});

export const TRUSTED_PROXIES = listOf(ADDRESS_RANGE);

export const CONNECTION_LIMITS = {
  max_connections: byDefault(
    integer(1, 10_000_000),
    CONNECTIONS_MAX,
    "Connections of clients in all. At the limit the one that has been idle longest is closed for a new one; when none is " +
      "idle the new one is answered 503 and closed. nginx: worker_connections, 512 for each worker.",
  ),
  max_connections_per_address: byDefault(
    integer(0, 65_535),
    CONNECTIONS_PER_ADDRESS_MAX,
    "Connections from one address (of IPv6: one /64); further ones are answered 503 and closed. `trusted_proxies` and unix " +
      "sockets are not counted. 0: no bound, since many clients may stand behind one address. nginx: limit_conn, none.",
  ),
  keepalive_max_age: durationKey(
    duration(10, 365 * 24 * HOUR),
    KEEPALIVE_AGE_MAX_MS,
    "How old a connection may become before it is closed after a reply, so that clients come to see changes of DNS and " +
      "load balancers. nginx: keepalive_time, 1 h.",
  ),
  max_pipelined_requests: byDefault(
    integer(1, 1_000_000),
    PIPELINED_REQUESTS_MAX,
    "Requests in a row that a client may send ahead of their replies before its connection is closed. What waits is 64 KiB " +
      "and one read at most, whatever their number. nginx has no bound of its own.",
  ),
  min_body_rate: sizeKey(
    size(0, MIB),
    RATE_MIN,
    "Bytes per second that a request body must come with on average, after five seconds; slower is answered 408. Time in " +
      "which the server does not read is not counted. 0: no bound. nginx has none. Apache: RequestReadTimeout, 500.",
  ),
  min_send_rate: sizeKey(
    size(0, MIB),
    RATE_MIN,
    "Bytes per second that a client must take on average while a reply waits for it, after five seconds; a slower one is " +
      "disconnected. 0: no bound. nginx has none. Kestrel: 240.",
  ),
  spool_memory: sizeKey(
    size(MIB, PIB),
    SPOOL_MEMORY_BYTES_MAX,
    "What bodies and replies that wait for slow clients may hold in memory, all together, shared evenly among the fronts; " +
      "beyond it they go to temporary files at once. nginx: client_body_buffer_size, for each request. uWSGI: post-buffering.",
  ),
  spool_disk: sizeKey(
    size(0, PIB),
    SPOOL_DISK_BYTES_MAX,
    "Space that temporary files may take, all together, shared evenly among the fronts. Beyond it a body is answered 507, " +
      "and an app or upstream waits until its client has taken more of the reply. nginx: proxy_max_temp_file_size, 1 GiB for each reply, unbounded in all.",
  ),
  trusted_proxies: byDefault(
    TRUSTED_PROXIES,
    [],
    'Proxies whose X-Forwarded-For, X-Real-IP and X-Forwarded-Proto are believed: `"10.0.0.0/8"`, `"2001:db8::1"`, `"unix:"`. ' +
      "The client is the last address in X-Forwarded-For that is none of them; Forwarded is read when a request has none of " +
      "those fields. From anyone else apps and upstreams do not get them, nor X-Forwarded-Host, -Port and the like, so " +
      "Django's SECURE_PROXY_SSL_HEADER and USE_X_FORWARDED_HOST cannot be lied to; logs may still show them " +
      "(`$http_x_forwarded_for`). nginx: set_real_ip_from, with real_ip_recursive on.",
    "none",
  ),
} satisfies Schema;
