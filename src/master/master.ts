/**
 * The master: owns listening sockets, logs, front threads and Python pools; serves no traffic itself.
 * Signals only enqueue; the one loop at the end of `runMaster` acts on them.
 *
 *   TERM, INT, QUIT     stop accepting, finish what is in flight (drain_timeout), stop the workers, exit 0
 *   again               at once
 *   HUP, USR1, USR2     no effect yet, and said so
 */
import type { Log } from "../base/log.ts";
import { makeLog } from "../base/log.ts";
import type { AppMessage } from "../apps/messages.ts";
import { AppSupervisor, StartFailure } from "../apps/supervisor.ts";
import type { Config } from "../config/config.ts";
import { makeRateMemory, type RateMemory } from "../exchange/rate-table.ts";
import { makeAddressMemory } from "../exchange/address-counts.ts";
import type { LogDescriptors } from "../front/messages.ts";
import { limitHits, makeUsageMemory } from "../exchange/usage.ts";
import { writeLine } from "../os/log-file.ts";
import { Fronts } from "./fronts.ts";
import { Listeners } from "./listeners.ts";
import { openLogs } from "./logs.ts";
import { SignalQueue } from "./signals.ts";

/** How long Python workers may take to end after the fronts have drained: nothing of theirs is awaited any more. */
const WORKER_STOP_GRACE_MS = 5_000;

const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;
const UNUSED_SIGNALS = ["SIGHUP", "SIGUSR1", "SIGUSR2"] as const;

/** Serves until told to stop. Resolves with the exit code: 0 stopped, 1 could not start (said on stderr). */
export async function runMaster(config: Config): Promise<number> {
  const signals = new SignalQueue(STOP_SIGNALS, UNUSED_SIGNALS, (signal) =>
    writeLine(2, `server: ${signal} is ignored: this version neither reloads nor reopens logs; restart it instead\n`),
  );
  try {
    return await new Master(config, openLogs(config.server)).run(signals);
  } catch (error) {
    writeLine(2, `server: ${startProblem(error)}\n`);
    return 1;
  } finally {
    signals.close();
  }
}

function startProblem(error: unknown): string {
  if (error instanceof StartFailure) return error.message;
  return error instanceof Error ? error.message : String(error);
}

class Master {
  private readonly config: Config;
  private readonly logs: LogDescriptors;
  private readonly log: Log;
  private readonly apps: readonly AppSupervisor[];
  private readonly usage: SharedArrayBuffer;
  private readonly addresses: SharedArrayBuffer;
  /** The buckets of each [limit.NAME]: here, so that they outlive a front. */
  private readonly rates: Readonly<Record<string, RateMemory>>;
  private fronts: Fronts | undefined;
  /** How long workers may take to end; 0 before there was a request, and after requests were cut off. */
  private graceMs = 0;

  constructor(config: Config, logs: LogDescriptors) {
    this.config = config;
    this.logs = logs;
    this.usage = makeUsageMemory(config.server.fronts, rateNames(config));
    this.addresses = makeAddressMemory(config.server.fronts);
    this.rates = Object.fromEntries(config.rateLimits.map(({ name, entries }) => [name, makeRateMemory(entries)]));
    this.log = this.logFor("master");
    this.apps = config.apps.map((app) => this.makeSupervisor(app));
  }

  private logFor(source: string): Log {
    return makeLog(source, this.config.server.logLevel, (line) => writeLine(this.logs.error, line));
  }

  private makeSupervisor(app: Config["apps"][number]): AppSupervisor {
    const { fronts, temporaryDirectory } = this.config.server;
    const toFront = (front: number, message: AppMessage) =>
      this.fronts?.post(front, { kind: "app", app: app.name, message });
    return new AppSupervisor({ ...app, temporaryDirectory }, fronts, toFront, this.logFor(`app ${app.name}`));
  }

  async run(signals: SignalQueue): Promise<number> {
    const listeners = Listeners.open(this.config);
    try {
      const fronts = this.startFronts(listeners);
      const stopSignal = signals.next();
      const started = await Promise.race([this.startApps(), stopSignal]);
      if (started !== "started") return await this.abandon(started);
      await fronts.accept();
      this.log.notice(`serving ${listeners.describe().join(", ")}`);
      this.log.notice(`${await stopSignal}: stopping`);
      this.graceMs = await this.drain(fronts, signals);
      return 0;
    } finally {
      await this.tearDown(listeners);
    }
  }

  private startFronts(listeners: Listeners): Fronts {
    const queues = Object.fromEntries(this.apps.map((app) => [app.name, app.queueFd]));
    this.fronts = new Fronts({
      count: this.config.server.fronts,
      startMessage: (front) => ({
        kind: "start",
        front,
        config: this.config,
        listeners: listeners.handles(front),
        queues,
        logs: this.logs,
        usage: this.usage,
        addresses: this.addresses,
        rates: this.rates,
      }),
      deaf: (front) => listeners.closeFor(front),
      replaced: (front) => this.apps.forEach((app) => app.frontReplaced(front)),
      log: this.log,
    });
    return this.fronts;
  }

  private async startApps(): Promise<"started"> {
    await Promise.all(this.apps.map((app) => app.start()));
    return "started";
  }

  private async abandon(signal: string): Promise<number> {
    this.log.notice(`${signal} before the server was up: stopping`);
    await Promise.all(this.apps.map((app) => app.stop(0)));
    return 0;
  }

  /** Lets requests in flight finish, within drain_timeout or until a second signal. Returns how long workers may still
   *  take: not at all when what they work on was cut off. */
  private async drain(fronts: Fronts, signals: SignalQueue): Promise<number> {
    const { drainTimeoutMs } = this.config.server;
    const outcome = await Promise.race([fronts.drain(drainTimeoutMs), signals.next()]);
    if (outcome === true) return WORKER_STOP_GRACE_MS;
    const why = outcome === false ? `drain_timeout (${drainTimeoutMs} ms) is over` : `${outcome} again`;
    this.log.warn(`${why}: requests in flight are cut off`);
    return 0;
  }

  private async tearDown(listeners: Listeners): Promise<void> {
    this.fronts?.stop();
    await Promise.all(this.apps.map((app) => app.stop(this.graceMs)));
    listeners.close();
    for (const [limit, hits] of limitHits(this.usage, rateNames(this.config)))
      this.log.notice(`${limit} was hit ${hits} times`);
    this.log.notice("stopped");
  }
}

/** In the order of their columns in the table of usage; the fronts use the same. */
function rateNames(config: Config): string[] {
  return config.rateLimits.map((limit) => limit.name);
}
