/**
 * The variables that every template knows, with nginx's names and meanings (nginx.org, "Embedded Variables"). Those of
 * [map.NAME] are in map.ts, captures in captures.ts. What a client did not say is "".
 *
 * `$request_uri`, `$request` and `$request_method` are what the client asked for, also where the server asks itself.
 *
 * Differences to nginx: `$host` of an HTTP/1.0 client without one is the address it reached; `$request_uri` of an
 * absolute-form target is its path and query, so that it can be put behind another host; `$bytes_sent` and
 * `$request_length` are known when all is over; `$upstream_*` speak of apps as well, whose address is `app:NAME#WORKER` and
 * whose connect time is that in the queue; `$http_NAME` is what was sent, by whomever (forwarding.ts).
 */
import { hostname } from "node:os";
import { monotonicMs, wallMs } from "../base/clock.ts";
import { isSecure } from "./cgi.ts";
import { CLIENT_CERTIFICATE, clientCertificateText } from "./client-certificate.ts";
import { forwardedFor } from "./client-address.ts";
import type { TlsFacts } from "../net/tls-facts.ts";
import { Fields } from "../protocol/http/fields.ts";
import { parseHost } from "../protocol/http/target.ts";
import type { Exchange } from "./exchange.ts";
import { argumentNamed, cookieNamed, fieldNamed } from "./request-values.ts";
import type { Phase, Scope, Variable, VariableForm } from "./scope.ts";
import { formatIsoTime, formatLogTime, SecondText } from "./time-text.ts";
import type { UpstreamAttempt } from "./upstream-attempt.ts";

type Read = Variable["read"];

const timeLocal = new SecondText(formatLogTime);
const timeIso = new SecondText(formatIsoTime);

const REQUEST = "request" satisfies Phase;

function known(
  form: VariableForm,
  reads: Readonly<Record<string, Read>>,
  phase: Phase = REQUEST,
): [string, Variable][] {
  return Object.entries(reads).map(([name, read]) => [name, { phase, form, read }]);
}

const queryOf: Read = (exchange) => exchange.head.query ?? "";
const pathOf: Read = (exchange) => exchange.head.path;

const NAMED: ReadonlyMap<string, Variable> = new Map([
  ...known("own", {
    host: hostOf,
    http_host: hostFieldOf,
    server_name: (exchange) => exchange.site,
    server_addr: (exchange) => exchange.peer.localAddress,
    server_port: (exchange) => numberText(exchange.peer.localPort),
    server_protocol: (exchange) => exchange.protocol,
    remote_addr: (exchange) => exchange.peer.remoteAddress,
    remote_port: (exchange) => numberText(exchange.peer.remotePort),
    scheme: (exchange) => (isSecure(exchange) ? "https" : "http"),
    https: (exchange) => (isSecure(exchange) ? "on" : ""),
    is_args: (exchange) => (queryOf(exchange) === "" ? "" : "?"),
    realip_remote_addr: (exchange) => exchange.connectionPeer.remoteAddress,
    realip_remote_port: (exchange) => numberText(exchange.connectionPeer.remotePort),
    connection: ({ connection }) => numberText(connection?.number ?? 0),
    connection_requests: ({ connection }) => numberText(connection?.requests ?? 0),
    connection_time: ({ connection }) => (connection === undefined ? "" : seconds(monotonicMs() - connection.openedMs)),
    request_id: (exchange) => exchange.requestId,
    request_time: (exchange) => seconds(monotonicMs() - exchange.startedMs),
    msec: () => seconds(wallMs()),
    time_local: () => timeLocal.now(),
    time_iso8601: () => timeIso.now(),
    pid: () => String(process.pid),
    hostname: () => HOSTNAME,
  }),
  ...known("own", {
    ssl_protocol: tls((facts) => facts.version),
    ssl_cipher: tls((facts) => facts.cipher),
    ssl_server_name: tls((facts) => facts.serverName),
    ssl_alpn_protocol: tls((facts) => facts.alpn),
    ssl_session_reused: tls((facts) => (facts.reused ? "r" : ".")),
  }),
  ...known("raw", {
    ssl_client_verify: tls((facts) => facts.verify),
    ...Object.fromEntries(
      Object.keys(CLIENT_CERTIFICATE).map((name) => [
        `ssl_client_${name}`,
        tls((facts) => clientCertificateText(facts, name)),
      ]),
    ),
  }),
  ...known("target", { request_uri: requestUri }),
  ...known("path", { uri: pathOf, document_uri: pathOf }),
  ...known("raw", {
    args: queryOf,
    query_string: queryOf,
    request_method: (exchange) => exchange.clientHead.method,
    // Of what was refused there may be less.
    request: ({ clientHead: { method, target }, protocol }) =>
      method === "" ? target : `${method} ${target} ${protocol}`,
    proxy_add_x_forwarded_for: forwardedFor,
    remote_user: (exchange) => exchange.remoteUser,
    content_type: (exchange) => exchange.head.fields.get("content-type") ?? "",
    content_length: (exchange) => exchange.head.fields.get("content-length") ?? "",
  }),
  ...known(
    "own",
    { status: (exchange) => numberText(exchange.finalStatus || (exchange.replyHead?.status ?? 0)) },
    "reply",
  ),
  ...known(
    "own",
    {
      upstream_cache_status: (exchange) => exchange.cacheStatus ?? "",
      upstream_addr: attempts((attempt) => attempt.address),
      upstream_status: attempts((attempt) => (attempt.status === 0 ? "-" : String(attempt.status))),
      upstream_connect_time: attempts((attempt) => elapsed(attempt.connectMs)),
      upstream_header_time: attempts((attempt) => elapsed(attempt.headerMs)),
    },
    "reply",
  ),
  ...known(
    "own",
    {
      upstream_response_time: attempts((attempt) => elapsed(attempt.responseMs)),
      upstream_response_length: attempts((attempt) => String(attempt.contentBytes)),
      request_completion: (exchange) => (exchange.reply.state === "finished" ? "OK" : ""),
      request_length: (exchange) => String(exchange.requestBytes),
      bytes_sent: (exchange) => String(exchange.bytesSent),
      body_bytes_sent: (exchange) => String(exchange.contentBytes),
    },
    "log",
  ),
]);

const HOSTNAME = hostname();

/** `$http_user_agent` and the like: a variable for each name. Fields are found by their CGI name, as nginx does. */
const FAMILIES: Readonly<Record<string, (name: string) => Variable>> = {
  http_: (name) => {
    const cgi = cgiName(name);
    return { phase: "request", form: "raw", read: ({ head }) => fieldNamed(head.fields, cgi) };
  },
  arg_: (name) => ({ phase: "request", form: "raw", read: ({ head }) => argumentNamed(head.query, name) }),
  cookie_: (name) => ({ phase: "request", form: "raw", read: ({ head }) => cookieNamed(head.fields, name) }),
  sent_http_: (name) => {
    const cgi = cgiName(name);
    const read: Read = ({ replyHead }) => (replyHead === undefined ? "" : fieldNamed(replyHead.fields, cgi));
    return { phase: "reply", form: "raw", read };
  },
  auth_http_: (name) => {
    const cgi = cgiName(name);
    return { phase: "request", form: "raw", read: ({ authFields }) => fieldNamed(authFields ?? NO_FIELDS, cgi) };
  },
  upstream_http_: (name) => {
    const cgi = cgiName(name);
    // Of the last that was asked, as it came: a route may change or hide it.
    const read: Read = ({ upstreamAttempts }) => fieldNamed(upstreamAttempts?.at(-1)?.fields ?? NO_FIELDS, cgi);
    return { phase: "reply", form: "raw", read };
  },
};

const NO_FIELDS = new Fields();

export const BUILT_IN: Scope = {
  find: (name) => NAMED.get(name) ?? familyMember(name),
  names: () => [
    ...NAMED.keys(),
    "http_NAME",
    "arg_NAME",
    "cookie_NAME",
    "sent_http_NAME",
    "auth_http_NAME",
    "upstream_http_NAME",
  ],
};

function familyMember(name: string): Variable | undefined {
  for (const [prefix, make] of Object.entries(FAMILIES)) {
    if (name.startsWith(prefix) && name.length > prefix.length) return make(name.slice(prefix.length));
  }
  return undefined;
}

/** FieldName.cgi of the field that `$http_name` means. */
function cgiName(name: string): string {
  const upper = name.toUpperCase();
  return upper === "CONTENT_TYPE" || upper === "CONTENT_LENGTH" ? upper : `HTTP_${upper}`;
}

/** nginx: of several servers that were asked in turn, the values in a list. */
function attempts(show: (attempt: UpstreamAttempt) => string): Read {
  return ({ upstreamAttempts }) => upstreamAttempts?.map(show).join(", ") ?? "";
}

/** Of our own connection, whoever the client is. */
function tls(read: (facts: TlsFacts) => string): Read {
  return ({ connectionPeer }) => (connectionPeer.tls === undefined ? "" : read(connectionPeer.tls));
}

/** Checked again, since it may name a host in a URL: a request of a gateway may come without one. */
function hostFieldOf({ head }: Exchange): string {
  const host = fieldNamed(head.fields, "HTTP_HOST");
  return parseHost(host) === undefined ? "" : host;
}

function numberText(value: number): string {
  return value === 0 ? "" : String(value);
}

function seconds(ms: number): string {
  return (Math.max(0, ms) / 1000).toFixed(3);
}

function elapsed(ms: number): string {
  return ms < 0 ? "-" : seconds(ms);
}

function requestUri({ clientHead: head }: Exchange): string {
  // What was refused was not understood: as it came.
  if (head.rawPath === "") return head.target;
  const path = head.rawPath.startsWith("/") ? head.rawPath : "/";
  return head.query === undefined ? path : `${path}?${head.query}`;
}

/** An HTTP/1.0 client need not name a host: the address it reached is one that works. */
function hostOf({ head, peer }: Exchange): string {
  if (head.host !== "") return head.host;
  const { localAddress } = peer;
  if (localAddress === "" || localAddress.startsWith("unix:")) return "localhost";
  return localAddress.includes(":") ? `[${localAddress}]` : localAddress;
}
