/**
 * The master: owns listening sockets, logs, front threads, Python pools and what runs beside them; serves no traffic
 * itself. Signals only enqueue; the loops at the end of `Master.run` act on them.
 *
 *   TERM, INT, QUIT     stop accepting, finish what is in flight (drain_timeout), stop the workers, exit 0
 *   again               at once
 *   HUP                 the configuration and the code of all apps are loaded anew (reload.ts)
 *   USR1                log files are opened anew
 *   USR2                a process of the binary as it is now takes over (upgrade.ts)
 */
import { version } from "../../package.json";
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { AppMessage } from "../apps/messages.ts";
import { AppSupervisor, StartFailure } from "../apps/supervisor.ts";
import type { AppConfig, Config } from "../config/config.ts";
import type { Loaded } from "../config/load.ts";
import type { FrontTraffic } from "../front/traffic.ts";
import { makeCountMemory } from "../exchange/count-sketch.ts";
import type { SiteCertificates } from "../front/certificates.ts";
import { limitHits, makeUsageMemory } from "../exchange/usage.ts";
import { reapOrphans } from "../os/orphans.ts";
import { writeLine } from "../os/log-file.ts";
import { AppPools } from "./app-pools.ts";
import type { Issuer } from "../certificates/issuer.ts";
import { Certificates } from "./certificates.ts";
import { makeCommands } from "./commands.ts";
import { Companions } from "./companions.ts";
import { begin, type Beginning } from "./beginning.ts";
import type { ControlHold } from "./control-hold.ts";
import { Fronts } from "./fronts.ts";
import type { Inheritance } from "./handover.ts";
import { makeIssuer } from "./issuing.ts";
import { Listeners } from "./listeners.ts";
import type { Logs } from "./logs.ts";
import { Measurements } from "./measurements.ts";
import { MultiprocessMetrics } from "./multiprocess-metrics.ts";
import { Operations } from "./operations.ts";
import { PrivateListeners } from "./private-listener.ts";
import { refuseRoot } from "./privileges.ts";
import { rateHits, ratesFor } from "./rates.ts";
import { type Holdings, Reloads } from "./reload.ts";
import { readFileOf, type RunOptions } from "./run-options.ts";
import { SignalQueue } from "./signals.ts";
import { serverStatus, type ServerState, type ServerStatus } from "./status.ts";
import { Systemd } from "./systemd.ts";
import { upgrade, type UpgradeOutcome } from "./upgrade.ts";
import type { Watch } from "./watch.ts";
import { watchApps } from "./watching.ts";

/** How long Python workers may take to end after the fronts have drained: nothing of theirs is awaited any more. */
const WORKER_STOP_GRACE_MS = 5_000;

const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;
const RELOAD_SIGNALS = ["SIGHUP"] as const;
const REOPEN_SIGNALS = ["SIGUSR1"] as const;
const UPGRADE_SIGNALS = ["SIGUSR2"] as const;

type Signals = Readonly<Record<"stop" | "reload" | "upgrade" | "reopen", SignalQueue>>;

/** Serves until told to stop. Resolves with the exit code: 0 stopped, 1 could not start (said on stderr). */
export async function runMaster(config: Config, options: RunOptions): Promise<number> {
  const { inheritance } = options;
  const signals = {
    stop: new SignalQueue(STOP_SIGNALS),
    reload: new SignalQueue(RELOAD_SIGNALS),
    upgrade: new SignalQueue(UPGRADE_SIGNALS),
    reopen: new SignalQueue(REOPEN_SIGNALS),
  };
  try {
    return await serve(begin(config, options), options, signals);
  } catch (error) {
    writeLine(2, `server: ${startProblem(error)}\n`);
    inheritance?.failedToStart(startProblem(error));
    return 1;
  } finally {
    for (const queue of Object.values(signals)) queue.close();
  }
}

async function serve(begun: Beginning, options: RunOptions, signals: Signals): Promise<number> {
  const { hold } = begun;
  try {
    return await new Master(begun, options).serve(hold, signals);
  } finally {
    hold.release();
  }
}

function startProblem(error: unknown): string {
  if (error instanceof StartFailure) return error.message;
  return error instanceof Error ? error.message : String(error);
}

class Master {
  /** In force: a reload brings others. */
  private holdings: Holdings;
  private readonly inheritance: Inheritance | undefined;
  private readonly read: () => Loaded;
  private readonly successor: RunOptions["successor"];
  private readonly logs: Logs;
  private readonly log: Log;
  private readonly pools: AppPools;
  private readonly issuer: Issuer;
  private readonly companions: Companions;
  private readonly operations: Operations;
  private readonly listeners: Listeners;
  private readonly measurements: Measurements;
  private readonly privateListeners: PrivateListeners;
  private readonly multiprocess: MultiprocessMetrics;
  private readonly usage: SharedArrayBuffer;
  private readonly addresses: SharedArrayBuffer;
  /** Requests of the servers of upstreams. */
  private readonly servers: SharedArrayBuffer;
  private readonly systemd = new Systemd(process.env);
  private readonly startedAt = new Date();
  private readonly startedMs = monotonicMs();
  private state: ServerState = "starting";
  private fronts: Fronts | undefined;
  private reloads: Reloads | undefined;
  private upgrading: Promise<UpgradeOutcome> | undefined;
  private readonly succeeded = Promise.withResolvers<string>();
  private watches: readonly Watch[] = [];
  /** How long workers may take to end; 0 before there was a request, and after requests were cut off. */
  private graceMs = 0;

  constructor({ config, logs, given }: Beginning, { read = readFileOf(config), inheritance, successor }: RunOptions) {
    const { fronts } = config.server;
    this.inheritance = inheritance;
    this.read = read;
    this.successor = successor;
    this.logs = logs;
    this.usage = makeUsageMemory(fronts);
    this.addresses = makeCountMemory(fronts);
    this.servers = makeCountMemory(fronts);
    this.log = logs.logFor("master");
    const changed = () => this.holdings.certificates.issued();
    this.issuer = makeIssuer(config, { log: logs.logFor("certificates"), fronts: () => this.fronts, changed });
    this.holdings = { config, rates: ratesFor(config), certificates: this.makeCertificates(config) };
    this.listeners = new Listeners(fronts, given);
    this.multiprocess = new MultiprocessMetrics(config.server.temporaryDirectory);
    this.pools = new AppPools(fronts, (...from) => this.makePool(...from));
    this.companions = new Companions(config, inheritance?.upgrade === true, (source) => logs.logFor(source));
    const { pools, companions } = this;
    this.measurements = new Measurements({ status: () => this.status(), traffic: () => this.traffic() });
    this.privateListeners = new PrivateListeners(this.measurements, logs.recent, logs.logFor("metrics"));
    this.operations = new Operations(() => ({ apps: pools.apps, services: companions.services }));
  }

  private get config(): Config {
    return this.holdings.config;
  }

  /** Throws when a file cannot be used. */
  private makeCertificates(config: Config): Certificates {
    const changed = (certificates: SiteCertificates) => this.fronts?.postAll({ kind: "certificates", certificates });
    return new Certificates(config, this.issuer, changed, this.logs.logFor("certificates"));
  }

  private makePool(app: AppConfig, config: Config, pool: number): AppSupervisor {
    const { fronts, temporaryDirectory } = config.server;
    const refusal = refuseRoot(app, config);
    if (refusal !== undefined) throw new StartFailure(refusal);
    const toFront = (front: number, message: AppMessage) => this.fronts?.post(front, { kind: "app", pool, message });
    // Later there is a pool that works: it goes on.
    const outlivesFailedStart = app.reloadOnChange && this.state === "starting";
    return new AppSupervisor(
      { ...app, env: this.multiprocess.environment(app), temporaryDirectory, outlivesFailedStart },
      fronts,
      toFront,
      this.logs.logFor(`app ${app.name}`),
    );
  }

  async serve(hold: ControlHold, signals: Signals): Promise<number> {
    const stop = signals.stop.next();
    try {
      this.listeners.commit(this.listeners.stage(this.config));
      const upgrades = this.inheritance?.upgrade === true;
      if (!upgrades) this.privateListeners.begin(this.config.metrics);
      this.pools.commit(this.pools.stage(this.config));
      if (!upgrades) hold.listen(version, this.commands(hold, signals.stop));
      const fronts = this.startFronts();
      const started = await Promise.race([this.startApps(), stop]);
      if (started !== "started") return await this.abandon(started);
      await fronts.accept();
      await this.inheritance?.takeOver(this.listeners.describe());
      this.listeners.takeOver();
      if (upgrades) hold.listen(version, this.commands(hold, signals.stop));
      if (upgrades) void this.privateListeners.succeed(this.config.metrics);
      this.inheritance?.taken();
      this.serving(fronts, signals, hold);
      this.log.notice(`${await Promise.race([stop, this.succeeded.promise])}: stopping`);
      this.graceMs = await this.drain(fronts, signals.stop.next());
      return 0;
    } finally {
      await this.tearDown();
    }
  }

  private commands(hold: ControlHold, stops: SignalQueue) {
    return makeCommands({
      state: () => this.state,
      status: () => this.status(),
      traffic: (forget) => this.traffic(forget),
      measure: () => this.measurements.measure(),
      reload: (reason, tell) => this.reloads?.reload(reason, tell),
      upgrade: () => this.upgrade(hold),
      stop: () => stops.arrived("server stop"),
      drainTimeoutMs: () => this.config.server.drainTimeoutMs,
      operations: this.operations,
      logs: this.logs,
      certificates: { issuer: this.issuer, holdings: () => this.holdings },
      fronts: this.config.server.fronts,
      fault: (front, hangs) => this.fronts?.post(front, { kind: "fault", hangs }),
    });
  }

  /** While the server starts or stops its fronts are not asked. */
  private async traffic(forget?: string): Promise<FrontTraffic[]> {
    return this.state === "serving" ? ((await this.fronts?.traffic(forget)) ?? []) : [];
  }

  private status(): ServerStatus {
    const { config, usage, startedAt, listeners, pools } = this;
    const { services, crons } = this.companions;
    return serverStatus({
      version,
      config,
      startedAt,
      uptimeMs: () => monotonicMs() - this.startedMs,
      state: () => this.state,
      listeners,
      fronts: () => this.fronts?.status() ?? [],
      usage,
      rates: this.holdings.rates,
      certificates: this.holdings.certificates,
      apps: pools.apps,
      services,
      crons,
      errors: () => this.logs.recent.errors.all,
    });
  }

  private startFronts(): Fronts {
    const { listeners, pools } = this;
    this.fronts = new Fronts({
      count: this.config.server.fronts,
      startMessage: (front, replaced, watched) => ({
        kind: "start",
        front,
        replaced,
        setup: {
          config: this.holdings.config,
          rates: this.holdings.rates,
          certificates: this.holdings.certificates.forFronts(),
          listeners: listeners.handles(front, listeners.inForce()),
          accessLogs: this.logs.access(),
          pools: pools.setup(pools.inForce()),
        },
        errorLog: this.logs.error,
        usage: this.usage,
        addresses: this.addresses,
        servers: this.servers,
        ...watched,
      }),
      logged: (line, level) => this.logs.recent.add(line, level),
      deaf: (front) => listeners.closeFor(front, "all"),
      left: (front) => listeners.closeFor(front, "leaving"),
      retired: (front, pool) => pools.retired(front, pool),
      replaced: (front) => pools.frontReplaced(front),
      log: this.log,
    });
    return this.fronts;
  }

  private async startApps(): Promise<"started"> {
    await this.companions.startBefore();
    // What changes while it is imported may not have been.
    this.watches = watchApps(this.config, this.operations);
    await Promise.all(this.pools.apps.map((app) => app.start()));
    return "started";
  }

  private serving(fronts: Fronts, signals: Signals, hold: ControlHold): void {
    this.state = "serving";
    this.log.notice(`serving ${this.listeners.describe().join(", ")}`);
    this.systemd.ready(`serving ${this.listeners.describe().join(", ")}`);
    this.companions.startAfter();
    if (process.pid === 1) reapOrphans();
    for (const watch of this.watches) watch.start();
    this.logs.watch();
    void this.logs.obey(signals.reopen);
    this.holdings.certificates.start();
    const { log, logs, privateListeners, listeners, pools, companions, operations } = this;
    this.reloads = new Reloads({
      log,
      logs,
      privateListeners,
      listeners,
      fronts,
      pools,
      companions,
      operations,
      read: this.read,
      holdings: () => this.holdings,
      certificates: (config) => this.makeCertificates(config),
      commit: (holdings) => this.commit(holdings),
      ended: () => this.state !== "serving",
      systemd: this.systemd,
    });
    void this.obeyReloads(this.reloads, signals.reload);
    void this.obeyUpgrades(signals.upgrade, hold);
  }

  /** Of a reload: these are in force from now on. */
  private commit(holdings: Holdings): void {
    this.holdings.certificates.stop();
    this.holdings = holdings;
    holdings.certificates.start();
    for (const watch of this.watches) watch.stop();
    this.watches = watchApps(this.config, this.operations);
    for (const watch of this.watches) watch.start();
  }

  private async obeyReloads(reloads: Reloads, signals: SignalQueue): Promise<never> {
    for (;;) {
      const signal = await signals.next();
      // The next signal does not wait for it: one reload is made of several.
      void reloads.reload(signal, () => {});
    }
  }

  private async obeyUpgrades(signals: SignalQueue, hold: ControlHold): Promise<never> {
    for (;;) {
      await signals.next();
      await this.upgrade(hold);
    }
  }

  /** A new process of the binary as it is now takes over; this one ends when its last request has. */
  private async upgrade(hold: ControlHold): Promise<UpgradeOutcome> {
    const { state, fronts } = this;
    if (state !== "serving" || fronts === undefined) return { ok: false, why: `the server is ${state}` };
    this.upgrading ??= upgrade({
      words: this.successor,
      systemd: this.systemd,
      config: this.config,
      logs: this.logs,
      listeners: this.listeners,
      privateListeners: this.privateListeners,
      fronts,
      companions: this.companions,
      hold,
    });
    const outcome = await this.upgrading;
    this.upgrading = undefined;
    if (outcome.ok) this.succeeded.resolve(`process ${outcome.pid} has taken over`);
    return outcome;
  }

  private async abandon(signal: string): Promise<number> {
    this.log.notice(`${signal} before the server was up: stopping`);
    await this.pools.stop(0);
    return 0;
  }

  /** Lets requests in flight finish, within drain_timeout or until a second signal; and services within their
   *  stop_timeout. Returns how long workers may still take: not at all when what they work on was cut off. */
  private async drain(fronts: Fronts, again: Promise<string>): Promise<number> {
    this.state = "stopping";
    this.privateListeners.close();
    this.systemd.stopping();
    for (const watch of this.watches) watch.stop();
    this.holdings.certificates.stop();
    const { drainTimeoutMs } = this.config.server;
    void again.then(() => Promise.all([this.companions.stopAfter(0), this.companions.stopBefore(0)]));
    const ended = Promise.all([fronts.drain(drainTimeoutMs), this.companions.stopAfter()]);
    const outcome = await Promise.race([ended.then(([inTime]) => inTime), again]);
    if (outcome === true) return WORKER_STOP_GRACE_MS;
    const why = outcome === false ? `drain_timeout (${drainTimeoutMs} ms) is over` : `${outcome} again`;
    this.log.warn(`${why}: requests in flight are cut off`);
    return 0;
  }

  private async tearDown(): Promise<void> {
    this.state = "stopping";
    this.issuer.stop();
    this.fronts?.stop();
    await Promise.all([this.pools.stop(this.graceMs), this.companions.stopAfter()]);
    await this.companions.stopBefore();
    this.listeners.close();
    this.privateListeners.close();
    this.multiprocess.close();
    for (const [limit, hits] of [...limitHits(this.usage), ...rateHits(this.holdings.rates)])
      this.log.notice(`${limit} was hit ${hits} times`);
    this.log.notice("stopped");
    this.logs.close();
  }
}
