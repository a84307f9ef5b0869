/**
 * The configuration after it was read, checked and resolved: plain data (it is posted to the front threads), absolute
 * paths, numbers in bytes and milliseconds. Only `config`, `front`, `master` and `cli` see it.
 */
import type { StopSignal } from "../services/child.ts";
import type { RestartRule } from "../services/policy.ts";
import type { CharsetOptions } from "../exchange/charset.ts";
import type { CompressionOptions } from "../exchange/compressible.ts";
import type { ContentCoding } from "../exchange/content-coding.ts";
import type { CacheRule } from "../files/cache-control.ts";
import type { LinkPolicy } from "../files/open.ts";
import type { AcmeConfig } from "./acme.ts";
import type { PoolConfig, ProcessConfig } from "./app-config.ts";
import type { GuardsConfig } from "./guards-config.ts";
import type { HttpsConfig } from "./tls-config.ts";
import type { AccessLogConfig, LogsConfig } from "./log-config.ts";
import type { MetricsConfig } from "./metrics-config.ts";
import type { PrivilegesConfig } from "./privileges-config.ts";
import type { AnswerTarget, RuleConfig } from "./rule-config.ts";
import type { UpstreamConfig } from "./upstream-config.ts";

export interface Config {
  /** The file it came from, absolute. */
  readonly file: string;
  readonly server: ServerConfig;
  readonly acme: AcmeConfig;
  readonly maps: readonly MapConfig[];
  readonly apps: readonly AppConfig[];
  readonly upstreams: readonly UpstreamConfig[];
  readonly sites: readonly SiteConfig[];
  readonly rateLimits: readonly RateLimitConfig[];
  readonly services: readonly ServiceConfig[];
  readonly crons: readonly CronConfig[];
  readonly metrics: MetricsConfig | undefined;
}

/** What a service and a timed command have in common. */
export interface CommandConfig {
  /** The executable, absolute. */
  readonly program: string;
  /** As written; the first is the program. */
  readonly words: readonly string[];
  readonly cwd: string;
  /** Over the server's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Undefined: as the server. */
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] } | undefined;
  readonly umask: number | undefined;
  readonly stopSignal: StopSignal;
  readonly stopTimeoutMs: number;
}

export interface ServiceConfig extends CommandConfig {
  readonly name: string;
  readonly instances: number;
  readonly restart: RestartRule;
  /** Relative to the apps; `first`: they wait until it is done. */
  readonly start: "after" | "before" | "first";
}

export interface CronConfig extends CommandConfig {
  readonly name: string;
  /** As services/schedule takes it. */
  readonly schedule: string;
  /** Undefined: that of the process. */
  readonly timezone: string | undefined;
  /** Of a run; undefined: none. */
  readonly timeoutMs: number | undefined;
  readonly overlap: boolean;
  readonly missed: "run" | "skip";
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

/** How content is encoded on its way out: in force for a route. */
export interface EncodingConfig extends CharsetOptions {
  readonly compress: CompressConfig;
  /** Siblings of files that are sent in their place, in our order of preference. */
  readonly precompressed: readonly ContentCoding[];
}

export interface CompressConfig extends CompressionOptions {
  /** Are files compressed; and what apps, upstreams and `respond` answer? */
  readonly files: boolean;
  readonly replies: boolean;
}

export interface TypesConfig {
  /** `.ext` in lower case → media type. */
  readonly types: Readonly<Record<string, string>>;
  /** Undefined: that of files/mime. */
  readonly defaultType: string | undefined;
}

/** What of a directory is served, and how. */
export interface FileRulesConfig {
  readonly listing: boolean;
  readonly symlinks: LinkPolicy;
  readonly hidden: boolean;
  readonly absoluteRedirect: boolean;
  readonly rangesMax: number;
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

export interface ServerConfig extends LogsConfig, PrivilegesConfig {
  /** Front threads. Default: one for each core. */
  readonly fronts: number;
  /** The control socket: an absolute path, `auto` (master/control-place.ts) or `off`. */
  readonly control: string;
  /** Absolute. */
  readonly pidFile?: string | undefined;
  /** For spooled bodies and replies. */
  readonly temporaryDirectory: string;
  /** After TERM: how long requests in flight may take. */
  readonly drainTimeoutMs: number;
  /** Absolute; may not be there yet. */
  readonly stateDirectory: string;
  /** `pass`, `off` or the text of the field. */
  readonly serverHeader: string;
  readonly mergeSlashes: boolean;
  /** Of each front. */
  readonly fileCache: { readonly bytesMax: number; readonly revalidateMs: number };
  readonly limits: LimitsConfig;
  /** Addresses and ranges, as exchange/address-set takes them. */
  readonly trustedProxies: readonly string[];
}

export interface LimitsConfig {
  readonly headerBytesMax: number;
  readonly headerFieldsMax: number;
  readonly targetBytesMax: number;
  readonly handshakeTimeoutMs: number;
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

export interface AppConfig extends PoolConfig {
  readonly name: string;
  /** Working directory, first on sys.path. */
  readonly root: string;
  /** `module:callable` (the callable may be dotted), or an absolute file path with `:callable`. */
  readonly wsgi: WsgiTarget;
  /** The interpreter to execute, absolute. */
  readonly python: string;
  readonly threads: number;
  readonly env: Readonly<Record<string, string>>;
  /** Directories below which it may name files in X-Sendfile, absolute. */
  readonly sendfileRoots: readonly string[];
  /** Listeners that speak the uwsgi protocol for this app; the gateway in front is trusted. */
  readonly uwsgiSockets: readonly ListenAddress[];
  /** How long a request may wait for an idle Python thread before it is answered 503. */
  readonly queueTimeoutMs: number;
  /** Requests that wait, in each front thread; further ones are answered 503. */
  readonly queueMax: number;
  /** How long the first import may take before the start fails. */
  readonly startTimeoutMs: number;
  /** Import the code anew when a file of the project changes; and a first import that fails ends nothing. */
  readonly reloadOnChange: boolean;
  /** Import the code anew when one of these files is touched. Absolute. */
  readonly touchReload: readonly string[];
  /** How long a Python thread may take for a request; 0 for ever. */
  readonly requestTimeoutMs: number;
  /** Workers are forked from a process that has imported the project. */
  readonly preload: boolean;
  /** Django's finders answer STATIC_URL. */
  readonly staticFinders: boolean;
  readonly process: ProcessConfig;
}

export type WsgiTarget =
  | { readonly kind: "module"; readonly module: string; readonly callable: string }
  | { readonly kind: "file"; readonly file: string; readonly callable: string };

export type ListenAddress = (
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | {
      readonly kind: "unix";
      readonly path: string;
      readonly mode: number;
      /** Whose the file is; undefined: the server's. -1: as it is (chown(2)). */
      readonly owner?: { readonly uid: number; readonly gid: number };
    }
) & {
  /** Every connection begins with a PROXY protocol header. */
  readonly proxyProtocol?: true;
  /** A gateway speaks the uwsgi protocol there. */
  readonly uwsgi?: true;
  /** Encrypted. */
  readonly tls?: true;
};

export interface SiteConfig extends HttpsConfig {
  /** Shown in logs: the first name, or `default`. */
  readonly label: string;
  /** Lower case: `www.example.org`, `*.example.org`, `www.example.*`, `.example.org`; or `~regex`. */
  readonly names: readonly string[];
  /** Gets what no other site of its addresses has: it has no names, or says so. */
  readonly isDefault: boolean;
  readonly headers: readonly HeaderRuleConfig[] | undefined;
  readonly passesUnderscores: boolean;
  readonly listen: readonly ListenAddress[];
  readonly accessLog: AccessLogConfig;
  /** Undefined: those of the server. */
  readonly trustedProxies?: readonly string[];
  /** In force where no route matches. */
  readonly guards: GuardsConfig;
  /** Of what no route answers. */
  readonly encoding: EncodingConfig;
  readonly types: TypesConfig;
  readonly bodyBytesMax: number;
  /** Decided before a route is looked for. */
  readonly rules: readonly RuleConfig[];
  readonly routes: readonly RouteConfig[];
}

export interface RouteConfig {
  /** As written, for messages. */
  readonly pattern: string;
  readonly match:
    | { readonly kind: "exact"; readonly path: string }
    | { readonly kind: "prefix"; readonly path: string }
    | { readonly kind: "regex"; readonly source: string; readonly ignoreCase: boolean };
  /** Clients do not reach it. */
  readonly internal: boolean;
  /** Do its requests get a line in the access log? */
  readonly logged: boolean;
  /** Overrides the site's. */
  readonly bodyBytesMax: number | undefined;
  /** After those of the site. */
  readonly headers: readonly HeaderRuleConfig[] | undefined;
  readonly encoding: EncodingConfig;
  readonly target: RouteTarget;
  readonly guards: GuardsConfig;
  readonly rules: readonly RuleConfig[];
  /** Of a directory of files with `try` or `otherwise`. */
  readonly fallback: FallbackConfig | undefined;
}

/** What is kept of the replies of a route. */
export interface ResponseCacheConfig {
  /** Of all fronts together. */
  readonly memoryBytesMax: number;
  /** The second tier; undefined: none. */
  readonly disk: { readonly directory: string; readonly bytesMax: number } | undefined;
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

/** Where files are looked for. */
export interface FilesRoot {
  /** Directory or single file, absolute. */
  readonly path: string;
  /** Template of the path below the directory, beginning with `/`; undefined: that of the request, below the mount. */
  readonly below: string | undefined;
}

export type RouteTarget =
  | {
      readonly kind: "files";
      /** The first that has the file answers. */
      readonly roots: readonly [FilesRoot, ...FilesRoot[]];
      /** There is one root, which is that file. */
      readonly single: boolean;
      readonly index: readonly string[];
      readonly rules: FileRulesConfig;
      /** Cache-Control by name; see files/cache-control. */
      readonly cache: readonly CacheRule[];
    }
  | {
      readonly kind: "app";
      readonly app: string;
      /** SCRIPT_NAME, without closing slash. */
      readonly mount: string;
      readonly cache?: ResponseCacheConfig | undefined;
      /** That of the app unless it says another. */
      readonly requestTimeoutMs?: number;
    }
  | {
      readonly kind: "upstream";
      readonly upstream: string;
      readonly stripPrefix: boolean;
      /** A template of path and query; undefined: what the client asked for. */
      readonly uri: string | undefined;
      readonly cache?: ResponseCacheConfig | undefined;
    }
  | AnswerTarget;
