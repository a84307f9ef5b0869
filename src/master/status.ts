/** All that `server status` knows, gathered from those who know it; plain data for JSON. */
import type { AppStatus } from "../apps/status.ts";
import type { Config } from "../config/config.ts";
import { listenKey } from "../config/listen.ts";
import { rateHits, type Rates } from "./rates.ts";
import { connectionsOf, limitHits } from "../exchange/usage.ts";
import type { CronStatus } from "../services/cron-job.ts";
import type { ServiceStatus } from "../services/service.ts";
import type { CertificateStatus } from "./certificates.ts";
import type { RecentError } from "./recent-errors.ts";
import type { FrontStatus } from "./fronts.ts";

export type ServerState = "starting" | "serving" | "stopping";

export interface ServerStatus {
  readonly version: string;
  readonly pid: number;
  readonly state: ServerState;
  readonly config: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly uptimeMs: number;
  readonly listeners: readonly string[];
  /** Unix sockets that nobody finds: somebody has removed the file, and it cannot be made anew (the log says why). */
  readonly lost: readonly string[];
  readonly fronts: readonly FrontStatus[];
  /** Open now. */
  readonly connections: number;
  readonly sites: readonly { readonly name: string; readonly listen: readonly string[]; readonly routes: number }[];
  readonly certificates: readonly CertificateStatus[];
  readonly apps: readonly AppStatus[];
  readonly services: readonly ServiceStatus[];
  readonly crons: readonly (CronStatus & { readonly schedule: string; readonly timezone: string | undefined })[];
  /** How often each limit was hit; those that never were are left out. */
  readonly limits: Readonly<Record<string, number>>;
  /** The newest last. */
  readonly errors: readonly RecentError[];
}

export interface StatusSources {
  readonly version: string;
  readonly config: Config;
  readonly startedAt: Date;
  /** Since the start, by a clock that nobody sets. */
  readonly uptimeMs: () => number;
  readonly state: () => ServerState;
  readonly listeners: { describe(): readonly string[]; readonly lost: readonly string[] };
  readonly fronts: () => readonly FrontStatus[];
  readonly usage: SharedArrayBuffer;
  readonly rates: Rates;
  readonly certificates: { status(): readonly CertificateStatus[] };
  readonly apps: readonly { status(): AppStatus }[];
  readonly services: readonly { status(): ServiceStatus }[];
  readonly crons: readonly { status(): CronStatus }[];
  readonly errors: () => readonly RecentError[];
}

export function serverStatus(sources: StatusSources): ServerStatus {
  const { config, usage } = sources;
  return {
    version: sources.version,
    pid: process.pid,
    state: sources.state(),
    config: config.file,
    startedAt: sources.startedAt.toISOString(),
    uptimeMs: Math.round(sources.uptimeMs()),
    listeners: sources.listeners.describe(),
    lost: sources.listeners.lost,
    fronts: sources.fronts(),
    connections: connectionsOf(usage),
    sites: config.sites.map(({ label, listen, routes }) => ({
      name: label,
      listen: listen.map(listenKey),
      routes: routes.length,
    })),
    certificates: sources.certificates.status(),
    apps: sources.apps.map((app) => app.status()),
    services: sources.services.map((service) => service.status()),
    crons: sources.crons.map((cron) => describeCron(cron.status(), config)),
    limits: Object.fromEntries([...limitHits(usage), ...rateHits(sources.rates)]),
    errors: sources.errors(),
  };
}

function describeCron(status: CronStatus, config: Config): ServerStatus["crons"][number] {
  const written = config.crons.find(({ name }) => name === status.name);
  return { ...status, schedule: written?.schedule ?? "", timezone: written?.timezone };
}
