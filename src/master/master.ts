/**
 * The master: owns listening sockets, logs, front threads, Python pools and what runs beside them; serves no traffic
 * itself. Signals only enqueue; the loops at the end of `Master.run` act on them.
 *
 *   TERM, INT, QUIT     stop accepting, finish what is in flight (drain_timeout), stop the workers, exit 0
 *   again               at once
 *   HUP                 the code of all apps is loaded anew; the configuration is not, yet
 *   USR1, USR2          no effect yet, and said so
 */
import { version } from "../../package.json";
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { makeLog } from "../base/log.ts";
import type { AppMessage } from "../apps/messages.ts";
import { AppSupervisor, StartFailure } from "../apps/supervisor.ts";
import type { Config } from "../config/config.ts";
import { makeRateMemory, type RateMemory } from "../exchange/rate-table.ts";
import type { FrontTraffic } from "../front/traffic.ts";
import { makeCountMemory } from "../exchange/count-sketch.ts";
import type { LogDescriptors } from "../front/messages.ts";
import { limitHits, makeUsageMemory } from "../exchange/usage.ts";
import { writeLine } from "../os/log-file.ts";
import { Certificates } from "./certificates.ts";
import { makeCommands } from "./commands.ts";
import { Companions } from "./companions.ts";
import { ControlHold } from "./control-hold.ts";
import { Fronts } from "./fronts.ts";
import { Listeners } from "./listeners.ts";
import { openLogs } from "./logs.ts";
import { Operations } from "./operations.ts";
import { SignalQueue } from "./signals.ts";
import { rateNames, serverStatus, type ServerState, type ServerStatus } from "./status.ts";
import type { Watch } from "./watch.ts";
import { watchApps } from "./watching.ts";

/** How long Python workers may take to end after the fronts have drained: nothing of theirs is awaited any more. */
const WORKER_STOP_GRACE_MS = 5_000;

const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;
const RELOAD_SIGNALS = ["SIGHUP"] as const;
const UNUSED_SIGNALS = ["SIGUSR1", "SIGUSR2"] as const;

interface Signals {
  readonly stop: SignalQueue;
  readonly reload: SignalQueue;
}

/** Serves until told to stop. Resolves with the exit code: 0 stopped, 1 could not start (said on stderr). */
export async function runMaster(config: Config): Promise<number> {
  const tell = (signal: string) =>
    writeLine(2, `server: ${signal} is ignored: this version does not reopen logs; restart it instead\n`);
  const signals = {
    stop: new SignalQueue(STOP_SIGNALS, UNUSED_SIGNALS, tell),
    reload: new SignalQueue(RELOAD_SIGNALS, [], tell),
  };
  try {
    return await new Master(config, openLogs(config.server)).run(signals);
  } catch (error) {
    writeLine(2, `server: ${startProblem(error)}\n`);
    return 1;
  } finally {
    signals.stop.close();
    signals.reload.close();
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
  private readonly certificates: Certificates;
  private readonly companions: Companions;
  private readonly operations: Operations;
  private readonly usage: SharedArrayBuffer;
  private readonly addresses: SharedArrayBuffer;
  /** Requests of the servers of upstreams. */
  private readonly servers: SharedArrayBuffer;
  /** The buckets of each [limit.NAME]: here, so that they outlive a front. */
  private readonly rates: Readonly<Record<string, RateMemory>>;
  private readonly startedAt = new Date();
  private readonly startedMs = monotonicMs();
  private state: ServerState = "starting";
  private fronts: Fronts | undefined;
  private watches: readonly Watch[] = [];
  /** How long workers may take to end; 0 before there was a request, and after requests were cut off. */
  private graceMs = 0;

  constructor(config: Config, logs: LogDescriptors) {
    this.config = config;
    this.logs = logs;
    this.usage = makeUsageMemory(config.server.fronts, rateNames(config));
    this.addresses = makeCountMemory(config.server.fronts);
    this.servers = makeCountMemory(config.server.fronts);
    this.rates = Object.fromEntries(config.rateLimits.map(({ name, entries }) => [name, makeRateMemory(entries)]));
    this.log = this.logFor("master");
    this.apps = config.apps.map((app) => this.makeSupervisor(app));
    this.certificates = new Certificates(
      config,
      (certificates) => this.fronts?.postAll({ kind: "certificates", certificates }),
      this.logFor("certificates"),
    );
    this.companions = new Companions(config, (source) => this.logFor(source));
    this.operations = new Operations(this.apps, this.companions.services);
  }

  private logFor(source: string): Log {
    return makeLog(source, this.config.server.logLevel, (line) => writeLine(this.logs.error, line));
  }

  private makeSupervisor(app: Config["apps"][number]): AppSupervisor {
    const { fronts, temporaryDirectory } = this.config.server;
    const toFront = (front: number, message: AppMessage) =>
      this.fronts?.post(front, { kind: "app", app: app.name, message });
    const outlivesFailedStart = app.reloadOnChange;
    return new AppSupervisor(
      { ...app, temporaryDirectory, outlivesFailedStart },
      fronts,
      toFront,
      this.logFor(`app ${app.name}`),
    );
  }

  /** Nothing is bound or started before it is certain that no other server has this configuration. */
  async run(signals: Signals): Promise<number> {
    const hold = ControlHold.acquire(this.config, this.logFor("control"));
    try {
      return await this.serve(hold, signals);
    } finally {
      hold.release();
    }
  }

  private async serve(hold: ControlHold, signals: Signals): Promise<number> {
    const listeners = Listeners.open(this.config);
    const stop = signals.stop.next();
    try {
      hold.listen(version, this.commands(listeners));
      const fronts = this.startFronts(listeners);
      const started = await Promise.race([this.startApps(), stop]);
      if (started !== "started") return await this.abandon(started);
      await fronts.accept();
      this.serving(listeners, signals.reload);
      this.log.notice(`${await stop}: stopping`);
      this.graceMs = await this.drain(fronts, signals.stop.next());
      return 0;
    } finally {
      await this.tearDown(listeners);
    }
  }

  private commands(listeners: Listeners) {
    return makeCommands({
      state: () => this.state,
      status: () => this.status(listeners),
      traffic: (forget) => this.traffic(forget),
      operations: this.operations,
      fronts: this.config.server.fronts,
      fault: (front) => this.fronts?.post(front, { kind: "fault" }),
    });
  }

  /** While the server starts or stops its fronts are not asked. */
  private async traffic(forget?: string): Promise<FrontTraffic[]> {
    return this.state === "serving" ? ((await this.fronts?.traffic(forget)) ?? []) : [];
  }

  private status(listeners: Listeners): ServerStatus {
    const { config, usage, apps, startedAt } = this;
    const { services, crons } = this.companions;
    return serverStatus({
      version,
      config,
      startedAt,
      uptimeMs: () => monotonicMs() - this.startedMs,
      state: () => this.state,
      listeners: () => listeners.describe(),
      fronts: () => this.fronts?.status() ?? [],
      usage,
      apps,
      services,
      crons,
      certificates: this.certificates,
    });
  }

  private startFronts(listeners: Listeners): Fronts {
    const queues = Object.fromEntries(this.apps.map((app) => [app.name, app.queueFd]));
    this.fronts = new Fronts({
      count: this.config.server.fronts,
      startMessage: (front, replaced) => ({
        kind: "start",
        front,
        replaced,
        config: this.config,
        certificates: this.certificates.forFronts(),
        listeners: listeners.handles(front),
        queues,
        logs: this.logs,
        usage: this.usage,
        addresses: this.addresses,
        servers: this.servers,
        rates: this.rates,
      }),
      deaf: (front) => listeners.closeFor(front),
      replaced: (front) => this.apps.forEach((app) => app.frontReplaced(front)),
      log: this.log,
    });
    return this.fronts;
  }

  private async startApps(): Promise<"started"> {
    this.companions.startBefore();
    // What changes while it is imported may not have been.
    this.watches = watchApps(this.config, this.operations);
    await Promise.all(this.apps.map((app) => app.start()));
    return "started";
  }

  private serving(listeners: Listeners, reloads: SignalQueue): void {
    this.state = "serving";
    this.log.notice(`serving ${listeners.describe().join(", ")}`);
    this.companions.startAfter();
    for (const watch of this.watches) watch.start();
    this.certificates.start();
    void this.obeyReloads(reloads);
  }

  private async obeyReloads(reloads: SignalQueue): Promise<never> {
    for (;;) {
      const signal = await reloads.next();
      this.log.notice(`${signal}: loading the code of all apps anew; the configuration is read at a restart only`);
      // The next signal does not wait for it: the apps themselves make one reload of several.
      void this.operations.reloadApps(this.apps, signal, () => {});
    }
  }

  private async abandon(signal: string): Promise<number> {
    this.log.notice(`${signal} before the server was up: stopping`);
    await Promise.all(this.apps.map((app) => app.stop(0)));
    return 0;
  }

  /** Lets requests in flight finish, within drain_timeout or until a second signal; and services within their
   *  stop_timeout. Returns how long workers may still take: not at all when what they work on was cut off. */
  private async drain(fronts: Fronts, again: Promise<string>): Promise<number> {
    this.state = "stopping";
    for (const watch of this.watches) watch.stop();
    this.certificates.stop();
    const { drainTimeoutMs } = this.config.server;
    void again.then(() => Promise.all([this.companions.stopAfter(0), this.companions.stopBefore(0)]));
    const ended = Promise.all([fronts.drain(drainTimeoutMs), this.companions.stopAfter()]);
    const outcome = await Promise.race([ended.then(([inTime]) => inTime), again]);
    if (outcome === true) return WORKER_STOP_GRACE_MS;
    const why = outcome === false ? `drain_timeout (${drainTimeoutMs} ms) is over` : `${outcome} again`;
    this.log.warn(`${why}: requests in flight are cut off`);
    return 0;
  }

  private async tearDown(listeners: Listeners): Promise<void> {
    this.state = "stopping";
    this.fronts?.stop();
    await Promise.all([...this.apps.map((app) => app.stop(this.graceMs)), this.companions.stopAfter()]);
    await this.companions.stopBefore();
    listeners.close();
    for (const [limit, hits] of limitHits(this.usage, rateNames(this.config)))
      this.log.notice(`${limit} was hit ${hits} times`);
    this.log.notice("stopped");
  }
}
