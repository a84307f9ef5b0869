/** The part of the configuration about upstreams; plain data, as all of it (config.ts). */
import type { HeaderRuleConfig } from "./config.ts";

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
  /** Of what is under way when a reload has changed or removed it. */
  readonly drainTimeoutMs: number;
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
  /** Directories below which its servers may name files in X-Sendfile, absolute. */
  readonly sendfileRoots: readonly string[];
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
  /** Requests at a time, over all front threads; 0 for no bound. */
  readonly connectionsMax: number;
  readonly failsMax: number;
  readonly failTimeoutMs: number;
  readonly slowStartMs: number;
}

export type UpstreamAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };
