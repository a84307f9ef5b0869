/**
 * The configuration after it was read, checked and resolved: plain data (it is posted to the front threads), absolute
 * paths, numbers in bytes and milliseconds. Only `config`, `front`, `master` and `cli` see it.
 */
import type { LogLevel } from "../base/log.ts";

export interface Config {
  /** The file it came from, absolute. */
  readonly file: string;
  readonly server: ServerConfig;
  readonly maps: readonly MapConfig[];
  readonly apps: readonly AppConfig[];
  readonly upstreams: readonly UpstreamConfig[];
  readonly sites: readonly SiteConfig[];
  readonly rateLimits: readonly RateLimitConfig[];
}

/** [limit.NAME] */
export interface RateLimitConfig {
  readonly name: string;
  /** As written: `10/s`. */
  readonly rate: string;
  /** Between two requests at exactly this rate, microseconds. */
  readonly intervalUs: number;
  /** A template. */
  readonly key: string;
  readonly burst: number;
  /** Undefined: nothing waits. */
  readonly delay: number | undefined;
  readonly entries: number;
  readonly status: number;
}

/** What stands around the targets of a site or a route; of a route, the site's is in it already. */
export interface GuardsConfig {
  /** `allow 10.0.0.0/8`, in order; empty: everyone may. */
  readonly access: readonly string[];
  /** Names of rate limits. */
  readonly limits: readonly string[];
  /** `users` is the absolute path of the file. */
  readonly auth: { readonly realm: string; readonly users: string } | undefined;
  /** Of two that fit a status the first counts. */
  readonly errorPages: readonly ErrorPageConfig[];
  /** Also for the errors that apps and upstreams answer with. */
  readonly intercept: boolean;
}

export interface ErrorPageConfig {
  /** `404`, `5xx` */
  readonly statuses: readonly string[];
  /** Undefined: that of the error. */
  readonly status: number | undefined;
  readonly source:
    | { readonly kind: "file"; readonly path: string }
    | { readonly kind: "respond"; readonly text: string; readonly contentType: string }
    | { readonly kind: "route"; readonly path: string };
}

/** What a directory of files does before it gives up. */
export interface FallbackConfig {
  /** `$uri`, `$uri/`, `/index.html`: names below the directory, tried in this order. */
  readonly candidates: readonly string[];
  readonly otherwise:
    | { readonly kind: "status"; readonly status: number }
    | { readonly kind: "path"; readonly path: string }
    | { readonly kind: "target"; readonly target: RouteTarget };
}

/** A variable that is looked up. Its strings are templates. */
export interface MapConfig {
  readonly name: string;
  readonly source: string;
  readonly hostnames: boolean;
  readonly fallback: string;
  readonly entries: readonly { readonly key: string; readonly value: string }[];
}

/** `value` is a template. */
export type HeaderRuleConfig =
  | { readonly kind: "set" | "default" | "add"; readonly name: string; readonly value: string }
  | { readonly kind: "remove"; readonly name: string };

export interface ServerConfig {
  /** Front threads. Default: one for each core. */
  readonly fronts: number;
  /** `stderr`, `stdout` or an absolute path. */
  readonly errorLog: string;
  readonly logLevel: LogLevel;
  /** `stdout`, `stderr`, `off` or an absolute path. */
  readonly accessLog: string;
  /** `combined`, or a template. */
  readonly accessLogFormat: string;
  readonly accessLogEscape: "default" | "json";
  /** For spooled bodies and replies. */
  readonly temporaryDirectory: string;
  /** After TERM: how long requests in flight may take. */
  readonly drainTimeoutMs: number;
  /** `pass`, `off` or the text of the field. */
  readonly serverHeader: string;
  readonly mergeSlashes: boolean;
  readonly limits: LimitsConfig;
  /** Addresses and ranges, as exchange/address-set takes them. */
  readonly trustedProxies: readonly string[];
}

export interface LimitsConfig {
  readonly headerBytesMax: number;
  readonly headerFieldsMax: number;
  readonly targetBytesMax: number;
  readonly headerTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly keepaliveRequestsMax: number;
  readonly keepaliveAgeMaxMs: number;
  readonly pipelinedMax: number;
  /** Bytes per second; 0 for no bound. */
  readonly bodyRateMin: number;
  readonly sendRateMin: number;
  /** Of the whole server. */
  readonly connectionsMax: number;
  /** 0 for no bound. */
  readonly connectionsPerAddressMax: number;
  /** Of all fronts together. */
  readonly spoolMemoryBytesMax: number;
  readonly spoolDiskBytesMax: number;
}

export interface AppConfig {
  readonly name: string;
  /** Working directory, first on sys.path. */
  readonly root: string;
  /** `module:callable` (the callable may be dotted), or an absolute file path with `:callable`. */
  readonly wsgi: WsgiTarget;
  /** The interpreter to execute, absolute. */
  readonly python: string;
  readonly processes: number;
  readonly threads: number;
  readonly env: Readonly<Record<string, string>>;
  /** Listeners that speak the uwsgi protocol for this app; the gateway in front is trusted. */
  readonly uwsgiSockets: readonly ListenAddress[];
  /** How long a request may wait for an idle Python thread before it is answered 503. */
  readonly queueTimeoutMs: number;
  /** Requests that wait, in each front thread; further ones are answered 503. */
  readonly queueMax: number;
  /** How long the first import may take before the start fails. */
  readonly startTimeoutMs: number;
}

export type WsgiTarget =
  | { readonly kind: "module"; readonly module: string; readonly callable: string }
  | { readonly kind: "file"; readonly file: string; readonly callable: string };

/** PEM texts, which were checked. */
export interface UpstreamTlsConfig {
  /** Undefined: the authorities of the system. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Undefined: the host of the server's address. */
  readonly serverName: string | undefined;
  readonly verify: boolean;
}

export interface UpstreamConfig {
  readonly name: string;
  readonly protocol: "http" | "uwsgi";
  /** Of http: by TLS, and how. */
  readonly tls: UpstreamTlsConfig | undefined;
  /** At least one. */
  readonly servers: readonly UpstreamServer[];
  readonly policy: "round_robin" | "least_conn" | "random" | "hash" | "sticky";
  /** A template; of policy hash. */
  readonly hashKey: string | undefined;
  readonly stickyCookie: string | undefined;
  readonly connectTimeoutMs: number;
  /** From the request to the head of its reply; undefined: as readTimeoutMs. */
  readonly headTimeoutMs: number | undefined;
  /** Between two reads of the reply. */
  readonly readTimeoutMs: number;
  /** Between two writes of the request. */
  readonly sendTimeoutMs: number;
  /** Idle connections kept, per front thread (http only). */
  readonly keepalive: number;
  readonly keepaliveTimeoutMs: number;
  readonly keepaliveRequests: number;
  readonly keepaliveAgeMs: number;
  /** 0: what the resolver says. */
  readonly nameTtlMs: number;
  readonly triesMax: number;
  readonly retryTimeoutMs: number;
  readonly retryOn: readonly ("error" | "timeout" | number)[];
  readonly retryUnsafe: boolean;
  /** 0: nothing waits. */
  readonly waitMs: number;
  readonly health: HealthConfig | undefined;
  readonly requestBuffering: boolean;
  readonly replyBuffering: boolean;
  readonly replyMemoryBytes: number;
  readonly replyFileBytes: number;
  /** Of http: requests for another protocol are passed, and a tunnel may be silent for so long. */
  readonly upgrade: boolean;
  readonly tunnelTimeoutMs: number;
  readonly ignoreClientAbort: boolean;
  /** A template; undefined: the client's. */
  readonly host: string | undefined;
  readonly via: boolean;
  readonly headersUp: readonly HeaderRuleConfig[] | undefined;
  readonly headersDown: readonly HeaderRuleConfig[] | undefined;
  readonly rewriteRedirects: boolean;
  /** The values are templates. */
  readonly cookieDomains: readonly NamedTemplate[] | undefined;
  readonly cookiePaths: readonly NamedTemplate[] | undefined;
  readonly params: readonly NamedTemplate[] | undefined;
  readonly modifier1: number;
  readonly modifier2: number;
}

export interface NamedTemplate {
  readonly name: string;
  readonly value: string;
}

export interface HealthConfig {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly statusMin: number;
  readonly statusMax: number;
  readonly rise: number;
  readonly fall: number;
}

export interface UpstreamServer {
  readonly address: UpstreamAddress;
  readonly weight: number;
  readonly backup: boolean;
  readonly down: boolean;
  /** Requests at a time, per front thread; 0 for no bound. */
  readonly connectionsMax: number;
  readonly failsMax: number;
  readonly failTimeoutMs: number;
  readonly slowStartMs: number;
}

export type UpstreamAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export type ListenAddress = (
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string; readonly mode: number }
) & {
  /** Every connection begins with a PROXY protocol header. */
  readonly proxyProtocol?: true;
};

export interface SiteConfig {
  /** Shown in logs: the first name, or `default`. */
  readonly label: string;
  /** Lower case: `www.example.org`, `*.example.org`, `www.example.*`, `.example.org`; or `~regex`. */
  readonly names: readonly string[];
  /** Gets what no other site of its addresses has: it has no names, or says so. */
  readonly isDefault: boolean;
  readonly headers: readonly HeaderRuleConfig[] | undefined;
  readonly passesUnderscores: boolean;
  readonly listen: readonly ListenAddress[];
  /** Undefined: those of the server. */
  readonly trustedProxies?: readonly string[];
  /** In force where no route matches. */
  readonly guards: GuardsConfig;
  /** Added to textual types that name none; undefined for none. */
  readonly charset: string | undefined;
  readonly bodyBytesMax: number;
  readonly routes: readonly RouteConfig[];
}

export interface RouteConfig {
  /** As written, for messages. */
  readonly pattern: string;
  readonly match:
    | { readonly kind: "exact"; readonly path: string }
    | { readonly kind: "prefix"; readonly path: string }
    | { readonly kind: "regex"; readonly source: string; readonly ignoreCase: boolean };
  /** Overrides the site's. */
  readonly bodyBytesMax: number | undefined;
  /** After those of the site. */
  readonly headers: readonly HeaderRuleConfig[] | undefined;
  readonly target: RouteTarget;
  readonly guards: GuardsConfig;
  /** Of a directory of files with `try` or `otherwise`. */
  readonly fallback: FallbackConfig | undefined;
}

/** What is kept of the replies of a route. */
export interface ResponseCacheConfig {
  /** Of all fronts together. */
  readonly memoryBytesMax: number;
  readonly entryBytesMax: number;
  /** Undefined: replies that do not say how long they are fresh are not kept. */
  readonly ttlMs: number | undefined;
  /** Undefined: what the reply says. */
  readonly staleWhileRevalidateMs: number | undefined;
  readonly staleIfErrorMs: number | undefined;
  /** A template; undefined: scheme, host, port and target. */
  readonly key: string | undefined;
  readonly bypassCookies: readonly string[];
  readonly ignoreSetCookie: boolean;
  readonly waitMs: number;
  /** In X-Cache. */
  readonly showsStatus: boolean;
}

export type RouteTarget =
  | {
      readonly kind: "files";
      /** Directory or single file, absolute. */
      readonly path: string;
      readonly single: boolean;
      /** Template of the path below the directory, beginning with `/`; undefined: that of the request, below the mount. */
      readonly below: string | undefined;
      readonly index: readonly string[];
      /** Cache-Control to send; undefined for none. `30d` in the file becomes `max-age=2592000`. */
      readonly cacheControl: string | undefined;
    }
  | { readonly kind: "app"; readonly app: string; readonly cache?: ResponseCacheConfig | undefined }
  | {
      readonly kind: "upstream";
      readonly upstream: string;
      readonly stripPrefix: boolean;
      /** A template of path and query; undefined: what the client asked for. */
      readonly uri: string | undefined;
      readonly cache?: ResponseCacheConfig | undefined;
    }
  /** `to` and `body` are templates. */
  | { readonly kind: "redirect"; readonly to: string; readonly status: number }
  | { readonly kind: "respond"; readonly status: number; readonly body: string; readonly contentType: string };
