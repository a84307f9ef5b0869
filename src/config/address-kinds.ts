/** The kinds of value that are addresses: what `listen`, `uwsgi_socket` and `servers` hold, each as text or as a table. */
import {
  LISTEN_EXPECTED,
  type ListenText,
  parseListen,
  parseUpstream,
  PORT_MAX,
  UPSTREAM_EXPECTED,
} from "./address.ts";
import { FAIL_TIMEOUT_MS, FAILS_MAX } from "../proxy/balance.ts";
import type { UpstreamAddress, UpstreamServer } from "./upstream-config.ts";
import { anyOf, TEXT } from "./json-schema.ts";
import { byDefault, durationKey, optional, required, type Schema, type Section, table, type Values } from "./keys.ts";
import type { Place } from "./place.ts";
import { boolean, choice, duration, either, integer, type Kind, nonEmpty, Refusal, text } from "./kinds.ts";

export interface ListenEntry {
  readonly address: ListenText;
  /** Permissions of a unix socket's file; undefined when the file does not say. */
  readonly mode: number | undefined;
  /** Names or numbers: whose a unix socket's file is. */
  readonly owner: string | undefined;
  readonly group: string | undefined;
  readonly proxyProtocol: boolean;
  readonly protocol: "http" | "uwsgi";
  /** Undefined when the file does not say. */
  readonly tls: boolean | undefined;
}

export type ServerEntry = UpstreamServer;

const DAY_MS = 86_400_000;

const WEIGHT = 1;
const WEIGHT_MAX = 100;

/** `"660"`, as chmod and uWSGI's chmod-socket have it. As a TOML integer 660 would be decimal, so it is a string. */
const mode = text('an octal mode in quotes ("660")', (value) =>
  /^0?[0-7]{3}$/.test(value) ? Number.parseInt(value, 8) : new Refusal(),
);

const listenText = text(LISTEN_EXPECTED, parseListen);

const listenAddress: Kind<ListenText> = {
  expected: LISTEN_EXPECTED,
  json: () => anyOf({ type: "integer", minimum: 1, maximum: PORT_MAX }, TEXT),
  read: (place) => {
    const { value } = place;
    if (typeof value !== "number" && typeof value !== "bigint") return listenText.read(place);
    if (Number.isInteger(value) && Number(value) >= 1 && value <= PORT_MAX)
      return { kind: "every", port: Number(value) };
    return void place.unfit(`a port from 1 to ${PORT_MAX}`);
  },
};

export const LISTEN_TABLE = {
  address: required(listenAddress, "The address. nginx: listen. uWSGI: http-socket, socket."),
  mode: optional(
    mode,
    '`"666"` for `listen` (as nginx), `"660"` for `uwsgi_socket`',
    "Permissions of a unix socket's file, octal. uWSGI: chmod-socket.",
  ),
  owner: optional(
    nonEmpty("the name or number of a user"),
    "who runs the server",
    "Whose a unix socket's file is. Only for a server that is started as root. uWSGI: chown-socket.",
  ),
  group: optional(
    nonEmpty("the name or number of a group"),
    "that of the server",
    "The group of a unix socket's file, such as the gateway's. uWSGI: chown-socket.",
  ),
  proxy_protocol: byDefault(
    boolean,
    false,
    "Every connection begins with a header of the PROXY protocol, version 1 or 2, which says who the client is; one without " +
      "is closed. On an encrypted address it stands before TLS. Only a load balancer should be able to reach such an address. " +
      "nginx: listen … proxy_protocol.",
  ),
  protocol: byDefault(
    choice(["http", "uwsgi"]),
    "http",
    "What is spoken there. By `uwsgi` a gateway such as nginx (uwsgi_pass) reaches the site with its routes, where `uwsgi_socket` " +
      "leads to an app alone; whoever connects there is trusted, so it is a unix socket or a private address. uWSGI: socket.",
  ),
  tls: optional(
    boolean,
    "`true` for port 443",
    "Connections are encrypted, with the certificates of the site's `tls`. nginx: listen … ssl.",
  ),
} satisfies Schema;

export const UPSTREAM_SERVER_TABLE = {
  address: required(
    text(UPSTREAM_EXPECTED, parseUpstream),
    "The address. nginx: server of an upstream. uWSGI: http-to.",
  ),
  weight: byDefault(
    integer(1, WEIGHT_MAX),
    WEIGHT,
    "How many turns it gets for one of a server with weight 1. nginx: server weight.",
  ),
  backup: byDefault(boolean, false, "Is asked only when no other server can be. nginx: server backup."),
  down: byDefault(boolean, false, "Is not asked at all. nginx: server down."),
  max_conns: byDefault(
    integer(0, 1_000_000),
    0,
    "Requests that it gets at a time, from all front threads together; two of them may begin one in the same moment, so that " +
      "one for each further front can slip through. 0: no bound. nginx: server max_conns, with a zone.",
  ),
  max_fails: byDefault(
    integer(0, 1_000_000),
    FAILS_MAX,
    "Failures after which it is left alone for `fail_timeout`. 0: failures do not count. nginx: server max_fails, 1.",
  ),
  fail_timeout: durationKey(
    duration(10, DAY_MS),
    FAIL_TIMEOUT_MS,
    "How long a server that failed is left alone. nginx: server fail_timeout, 10 s.",
  ),
  slow_start: durationKey(
    duration(0, DAY_MS),
    0,
    "Time in which the share of a server that came back grows to its own. 0: at once. " +
      "nginx: server slow_start, in its commercial edition.",
  ),
} satisfies Schema;

const PLAIN = {
  mode: undefined,
  owner: undefined,
  group: undefined,
  proxyProtocol: false,
  protocol: "http",
  tls: undefined,
} as const;

export const LISTEN: Kind<ListenEntry> = either(
  mapped(listenAddress, (address) => ({ address, ...PLAIN })),
  mapped(table(LISTEN_TABLE, '{ address = "unix:/path", mode = "660" }'), listenEntry),
);

export const UPSTREAM_SERVER: Kind<ServerEntry> = either(
  mapped(text(UPSTREAM_EXPECTED, parseUpstream), plainServer),
  mapped(table(UPSTREAM_SERVER_TABLE, '{ address = "host:port", weight = 2 }'), ({ values }) =>
    values.address === undefined ? undefined : serverEntry(values.address, values),
  ),
);

function plainServer(address: UpstreamAddress): ServerEntry {
  return {
    address,
    weight: WEIGHT,
    backup: false,
    down: false,
    connectionsMax: 0,
    failsMax: FAILS_MAX,
    failTimeoutMs: FAIL_TIMEOUT_MS,
    slowStartMs: 0,
  };
}

function serverEntry(address: UpstreamAddress, values: Values<typeof UPSTREAM_SERVER_TABLE>): ServerEntry {
  return {
    address,
    weight: values.weight,
    backup: values.backup,
    down: values.down,
    connectionsMax: values.max_conns,
    failsMax: values.max_fails,
    failTimeoutMs: values.fail_timeout,
    slowStartMs: values.slow_start,
  };
}

function listenEntry({ place, values }: Section<typeof LISTEN_TABLE>): ListenEntry | undefined {
  const { address, mode, owner, group, tls, protocol } = values;
  if (address === undefined) return undefined;
  if (protocol === "uwsgi") refuseBesideUwsgi(place);
  if (tls === true && address.kind === "unix")
    place.into("tls").wrongKey({ what: "has no meaning here", should: "belongs to a TCP address" });
  for (const key of ["mode", "owner", "group"] as const) {
    if (values[key] === undefined || address.kind === "unix") continue;
    place.into(key).wrongKey({ what: "has no meaning here", should: 'belongs to a "unix:" address' });
  }
  return { address, mode, owner, group, proxyProtocol: values.proxy_protocol, protocol, tls };
}

/** A gateway says itself who its client is, and what was encrypted. */
function refuseBesideUwsgi(place: Place): void {
  for (const key of ["tls", "proxy_protocol"])
    if (place.has(key))
      place.into(key).wrongKey({ what: "has no meaning here", should: 'belongs to protocol = "http"' });
}

function mapped<A, B>(kind: Kind<A>, change: (value: A) => B | undefined): Kind<B> {
  const read: Kind<B>["read"] = (place) => {
    const value = kind.read(place);
    return value === undefined ? undefined : change(value);
  };
  return { expected: kind.expected, json: () => kind.json(), read };
}
