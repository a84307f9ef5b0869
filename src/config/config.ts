/**
 * The configuration after it was read, checked and resolved: plain data (it is posted to the front threads), absolute
 * paths, numbers in bytes and milliseconds. Only `config`, `front`, `master` and `cli` see it.
 */
import type { LogLevel } from "../base/log.ts";

export interface Config {
  /** The file it came from, absolute. */
  readonly file: string;
  readonly server: ServerConfig;
  readonly apps: readonly AppConfig[];
  readonly upstreams: readonly UpstreamConfig[];
  readonly sites: readonly SiteConfig[];
}

export interface ServerConfig {
  /** Front threads. Default: one for each core. */
  readonly fronts: number;
  /** `stderr`, `stdout` or an absolute path. */
  readonly errorLog: string;
  readonly logLevel: LogLevel;
  /** `stdout`, `stderr`, `off` or an absolute path. */
  readonly accessLog: string;
  /** For spooled bodies and replies. */
  readonly temporaryDirectory: string;
  /** After TERM: how long requests in flight may take. */
  readonly drainTimeoutMs: number;
  readonly limits: LimitsConfig;
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

export interface UpstreamConfig {
  readonly name: string;
  readonly protocol: "http" | "uwsgi";
  /** At least one; this version uses them in turn and tries the next when one cannot be connected. */
  readonly servers: readonly UpstreamServer[];
  readonly connectTimeoutMs: number;
  /** Between two reads of the reply. */
  readonly readTimeoutMs: number;
  /** Between two writes of the request. */
  readonly sendTimeoutMs: number;
  /** Idle connections kept, per front thread (http only). */
  readonly keepalive: number;
}

export interface UpstreamServer {
  readonly address: UpstreamAddress;
  readonly weight: number;
}

export type UpstreamAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string; readonly mode: number };

export interface SiteConfig {
  /** Shown in logs: the first name, or `default`. */
  readonly label: string;
  /** Lower case: `www.example.org`, `*.example.org`. Empty: the default site of its addresses. */
  readonly names: readonly string[];
  readonly listen: readonly ListenAddress[];
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
  readonly target: RouteTarget;
}

export type RouteTarget =
  | {
      readonly kind: "files";
      /** Directory or single file, absolute. */
      readonly path: string;
      readonly single: boolean;
      readonly index: readonly string[];
      /** Cache-Control to send; undefined for none. `30d` in the file becomes `max-age=2592000`. */
      readonly cacheControl: string | undefined;
    }
  | { readonly kind: "app"; readonly app: string }
  | { readonly kind: "upstream"; readonly upstream: string }
  /** `to` is sent as it is, or with the rest of the request target appended when it ends in `$request_uri`. */
  | { readonly kind: "redirect"; readonly to: string; readonly status: number }
  | { readonly kind: "respond"; readonly status: number; readonly body: string; readonly contentType: string };
