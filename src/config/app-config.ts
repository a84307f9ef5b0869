/** What an app's processes are: how many, for how long, as whom. Part of the configuration (config.ts). */

/** How many processes an app has, and for how long each. Undefined: without that bound. */
export interface PoolConfig {
  /** At most. */
  readonly processes: number;
  /** As many are always there; equal to `processes` unless the number follows the load. */
  readonly processesMin: number;
  /** How long one more than needed stays. */
  readonly idleMs: number;
  readonly maxRequests: number | undefined;
  readonly maxLifetimeMs: number | undefined;
  readonly maxRssBytes: number | undefined;
  readonly killRssBytes: number | undefined;
  /** How long a process that is replaced may take for what it has. */
  readonly drainTimeoutMs: number;
}

/** As whom and within which bounds Python processes run. */
export interface ProcessConfig {
  /** `name` and `home` undefined: a number without an entry in the machine's list of users. */
  readonly user:
    { readonly name: string | undefined; readonly id: number; readonly home: string | undefined } | undefined;
  readonly group: number | undefined;
  readonly umask: number | undefined;
  /** Absolute. */
  readonly pythonPath: readonly string[];
  /** setrlimit(2); -1 for unlimited. */
  readonly limits: readonly { readonly name: string; readonly value: number }[];
}
