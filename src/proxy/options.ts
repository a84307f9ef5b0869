/** What an upstream is told about itself: options with their defaults, as front/assemble hands them over. */
import type { HeaderRules } from "../exchange/reply-headers.ts";
import type { SpoolBudget } from "../exchange/spool-budget.ts";
import type { Template } from "../exchange/template.ts";
import type { ClientIdentity } from "../net/connect-tls.ts";
import type { BalanceOptions, Policy } from "./balance.ts";

/** nginx: proxy_read_timeout, proxy_send_timeout. */
export const READ_TIMEOUT_MS = 60_000;
export const SEND_TIMEOUT_MS = 60_000;
/** Silence in both directions after which a tunnel is closed. nginx: proxy_read_timeout, 60 s, which ends every WebSocket that
 *  is quiet for a minute; Caddy: none, so that what a dead client leaves behind stays for ever. */
export const TUNNEL_TIMEOUT_MS = 3_600_000;
/** How long what is under way goes on after a reload has changed or removed its upstream. nginx: worker_shutdown_timeout, none, HAProxy:
 *  hard-stop-after, none, so that a WebSocket keeps old settings alive for ever; Caddy: stream_close_delay, 0, so that all clients
 *  come back in the same moment. In an hour downloads end and most WebSockets have been closed by who opened them. */
export const DRAIN_TIMEOUT_MS = 3_600_000;
/** Idle connections kept to each server, in each front thread. nginx documents 32 and, since 1.29.7, keeps 32. Where more requests
 *  than that are under way, connections are closed and made all the time: at 64 a small request then costs 24 µs instead of 14,
 *  and at half load the 99th percentile is that of a server which cannot keep up. */
export const KEEPALIVE_CONNECTIONS = 128;
/** nginx: keepalive_timeout 60 s, keepalive_time 1 h, keepalive_requests 1000 of upstreams; a request frees all that it
 *  took, so there may be ten times as many. */
export const KEEPALIVE_TIMEOUT_MS = 60_000;
export const KEEPALIVE_AGE_MS = 3_600_000;
export const KEEPALIVE_REQUESTS_MAX = 10_000;

/** Servers that one request is tried on, and for how long a further one is begun. nginx: no bounds. A request that three
 *  servers could not answer makes the fourth fail too. */
export const TRIES_MAX = 3;
export const RETRY_TIMEOUT_MS = 120_000;

/** Requests that wait for a server, in each front thread. */
export const WAITING_MAX = 1024;

/** How long the addresses of a name are believed: no shorter and no longer than this, whatever its TTL says. */
export const NAME_TTL_MIN_MS = 5_000;
export const NAME_TTL_MAX_MS = 300_000;

export type ServerAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export interface ServerOptions extends BalanceOptions {
  readonly address: ServerAddress;
}

/** What lets a request go to another server: a connection that breaks or a reply that is none, a deadline, a status. */
export type RetryReason = "error" | "timeout" | number;
export const RETRY_ON: readonly RetryReason[] = ["error", "timeout"];

export interface HealthOptions {
  /** Request target of a check by http; a server that speaks uwsgi is pinged. */
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Statuses that are healthy: from, to. */
  readonly statusMin: number;
  readonly statusMax: number;
  /** Checks in a row that must succeed, or fail, for a server to be taken in, or out. */
  readonly rise: number;
  readonly fall: number;
}

export interface UpstreamOptions {
  readonly name: string;
  readonly protocol: "http" | "uwsgi";
  /** Of http: by TLS. */
  readonly tls?: TlsOptions | undefined;
  /** At least one. */
  readonly servers: readonly ServerOptions[];
  readonly policy?: Policy;
  /** Of policy `hash`. */
  readonly hashKey?: Template | undefined;
  /** Name of the cookie of policy `sticky`. */
  readonly stickyCookie?: string | undefined;
  readonly connectTimeoutMs: number;
  /** From the request to the head of its reply, in all. Default: that of reading. */
  readonly headTimeoutMs?: number | undefined;
  readonly readTimeoutMs: number;
  readonly sendTimeoutMs: number;
  /** False: requests for another protocol (WebSocket) are ordinary ones. */
  readonly upgrade?: boolean;
  readonly tunnelTimeoutMs?: number;
  /** 0: a connection for each request. */
  readonly keepalive: number;
  readonly keepaliveTimeoutMs?: number;
  readonly keepaliveAgeMs?: number;
  readonly keepaliveRequests?: number;
  readonly triesMax?: number;
  readonly retryTimeoutMs?: number;
  readonly retryOn?: readonly RetryReason[];
  /** Also requests that are not idempotent, when they may have been run. */
  readonly retryUnsafe?: boolean;
  /** How long a request may wait for a server when none can be asked. 0: not at all. */
  readonly waitMs?: number;
  readonly health?: HealthOptions | undefined;
  /** In place of the TTL of names; 0 for that. */
  readonly nameTtlMs?: number;
  /** The client's departure does not end the work of the upstream (nginx: proxy_ignore_client_abort). */
  readonly ignoreClientAbort?: boolean;
  /** False: bodies go on as they come. */
  readonly requestBuffering?: boolean;
  readonly replyBuffering?: boolean;
  readonly replyMemoryBytes?: number;
  readonly replyFileBytes?: number;
  /** Host of requests in place of the client's. */
  readonly host?: Template | undefined;
  readonly via?: boolean;
  readonly headersUp?: HeaderRules | undefined;
  readonly headersDown?: HeaderRules | undefined;
  /** Location and Refresh that name the upstream's own address are made to name this server. */
  readonly rewriteRedirects?: boolean;
  /** Of Set-Cookie: a domain, or the beginning of a path, and what stands for it. */
  readonly cookieDomains?: readonly CookieRewrite[];
  readonly cookiePaths?: readonly CookieRewrite[];
  /** uwsgi: variables beside nginx's uwsgi_params, or in place of some of them. */
  readonly params?: readonly { readonly name: string; readonly value: Template }[];
  readonly modifier1?: number;
  readonly modifier2?: number;
}

/** PEM texts; see net/connect-tls.ts. */
export interface TlsOptions extends ClientIdentity {
  /** Whom the certificates must name; undefined: the host of the server's address. */
  readonly serverName: string | undefined;
  readonly verify: boolean;
}

export interface CookieRewrite {
  readonly from: string;
  readonly to: Template;
}

/** What a route adds to its upstream. */
export interface ProxyOptions {
  /** For bodies and replies that are too large for memory. */
  readonly temporaryDirectory: string;
  /** What the spools of all apps and upstreams hold together. */
  readonly budget?: SpoolBudget;
  /** The upstream is asked without the path of the route. */
  readonly stripPrefix?: boolean;
  /** …or for this, path and query. */
  readonly uri?: Template | undefined;
  /** What tells the route from others: the same object in each configuration that has it. See Upstream.breakOff. */
  readonly identity?: object;
}
