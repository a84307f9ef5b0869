/**
 * The configuration anew, without losing a request. Everything that can fail comes first, and changes nothing:
 *
 *   read and check ──▶ bind new addresses ──▶ fronts assemble ──▶ new pools import ──╮
 *        │                  │                      │                   │             ▼
 *        ╰──────────────────┴── what was wrong; all of it is undone ───╯      fronts change, each between two requests
 *                                                                                    ▼
 *                            old listeners, pools and services end when their last request has; unchanged apps load their code
 *
 * Before pools import, services that are to be done first are run. One at a time; those that ask meanwhile share the next one. Between two of them unix sockets are looked after: one whose
 * file somebody has removed is bound anew, and all fronts change to that.
 */
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { Loaded } from "../config/load.ts";
import { listenKey } from "../config/listen.ts";
import { formatProblems } from "../config/problems.ts";
import type { Setup } from "../front/messages.ts";
import type { AppPools, StagedPools } from "./app-pools.ts";
import type { Certificates } from "./certificates.ts";
import { refuseRoot } from "./privileges.ts";
import { type Change, changesBetween, changesText, feasible } from "./changes.ts";
import type { Companions } from "./companions.ts";
import type { Fronts } from "./fronts.ts";
import { describe, type Listeners, type StagedListeners } from "./listeners.ts";
import type { Logs, StagedLogs } from "./logs.ts";
import type { AppReload, Operations, Progress } from "./operations.ts";
import type { PrivateListeners, StagedListener } from "./private-listener.ts";
import type { Systemd } from "./systemd.ts";
import { type Rates, ratesFor } from "./rates.ts";

export interface ReloadOutcome {
  readonly ok: boolean;
  /** What was wrong, a line or more each; then nothing has changed. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly changes: readonly Change[];
  /** What the file says and what holds instead until a restart. */
  readonly unchanged: readonly string[];
  /** Of the apps that were there before and after: their code. */
  readonly apps: readonly AppReload[];
}

/** What a configuration in force is made of, in the hands of the master. */
export interface Holdings {
  readonly config: Config;
  readonly rates: Rates;
  readonly certificates: Certificates;
}

export interface ReloadParts {
  readonly log: Log;
  readonly logs: Logs;
  readonly privateListeners: PrivateListeners;
  readonly listeners: Listeners;
  readonly fronts: Fronts;
  readonly pools: AppPools;
  readonly companions: Companions;
  readonly operations: Operations;
  /** The configuration, anew. */
  readonly read: () => Loaded;
  readonly holdings: () => Holdings;
  /** Throws when a file cannot be used. */
  readonly certificates: (config: Config) => Certificates;
  /** These are in force from now on. */
  readonly commit: (holdings: Holdings) => void;
  /** The server was told to stop. */
  readonly ended: () => boolean;
  readonly systemd: Pick<Systemd, "reloading" | "ready">;
}

type Tell = (progress: Progress) => void;

/** As the control socket is looked after. */
const LOOK_MS = 2_000;

interface Staged {
  readonly holdings: Holdings;
  readonly listeners: StagedListeners;
  readonly logs: StagedLogs;
  readonly privately: StagedListener | undefined;
  readonly pools: StagedPools;
}

export class Reloads {
  private readonly parts: ReloadParts;
  private last: Promise<unknown> = Promise.resolve();
  /** Not begun yet: who asks joins it. */
  private next: { readonly outcome: Promise<ReloadOutcome>; readonly tells: Tell[] } | undefined;

  /** Sockets that could not be made anew, as they were told. */
  private told: readonly string[] = [];
  private readonly timer: Timer;

  constructor(parts: ReloadParts) {
    this.parts = parts;
    this.timer = setInterval(() => this.look(), LOOK_MS);
  }

  /** Never rejects. `tell` hears how far it is. */
  reload(reason: string, tell: Tell): Promise<ReloadOutcome> {
    if (this.next !== undefined) {
      this.next.tells.push(tell);
      return this.next.outcome;
    }
    const tells = [tell];
    const outcome = this.last.then(() => {
      this.next = undefined;
      return this.announced(reason, (progress) => tells.forEach((each) => each(progress)));
    });
    this.next = { outcome, tells };
    this.last = outcome;
    return outcome;
  }

  private look(): void {
    const { listeners, privateListeners, ended } = this.parts;
    if (ended()) return clearInterval(this.timer);
    const isLost = listeners.lost.length + privateListeners.lost.length > 0;
    if (!isLost) this.told = [];
    // A reload that is asked for does it, too.
    if (isLost && this.next === undefined)
      this.last = this.last
        .then(() => this.renew())
        .catch((error: unknown) => this.tellLost([`sockets cannot be made anew: ${textOf(error)}`]));
  }

  /** The configuration in force once more, for the sake of its sockets. */
  private async renew(): Promise<void> {
    const { holdings, listeners, ended } = this.parts;
    if (ended()) return;
    const staged = this.stage(holdings().config);
    const isOver = staged.listeners.added.length === 0 && staged.privately?.isRenewed !== true;
    const problems = isOver ? [] : await this.tryOut(staged, () => Promise.resolve([]));
    this.tellLost([...lostOf(staged), ...problems]);
    if (isOver || problems.length > 0) return this.undo(staged);
    await this.commit(staged);
    await listeners.left();
  }

  /** Each once, until all of them are there again. */
  private tellLost(lost: readonly string[]): void {
    for (const text of lost) if (!this.told.includes(text)) this.parts.log.error(text);
    this.told = lost;
  }

  private async announced(reason: string, tell: Tell): Promise<ReloadOutcome> {
    const { systemd, listeners, ended } = this.parts;
    systemd.reloading();
    const outcome = await this.run(reason, tell).catch((error: unknown) => this.broken(error));
    // READY would take back that it stops.
    if (!ended())
      systemd.ready(`serving ${listeners.describe().join(", ")}${outcome.ok ? "" : "; the last reload failed"}`);
    return outcome;
  }

  private async run(reason: string, tell: Tell): Promise<ReloadOutcome> {
    const { log, holdings, read: readAgain } = this.parts;
    log.notice(`reloading (${reason})`);
    const now = holdings().config;
    const { config: read, problems } = readAgain();
    const lines = (severity: string) =>
      problems.filter((each) => each.severity === severity).map((each) => formatProblems([each], { colour: false }));
    const warnings = lines("warning");
    if (read === undefined) return this.refused(lines("error"), warnings);
    const { config, unchanged } = feasible(read, now);
    const refusals = config.apps.flatMap((app) => refuseRoot(app, config) ?? []);
    if (refusals.length > 0) return this.refused(refusals, warnings);
    const staged = await this.makeReady(config);
    if (!("holdings" in staged)) return this.refused(staged, warnings);
    await this.commit(staged);
    const lost = lostOf(staged);
    this.tellLost(lost);
    warnings.push(...lost);
    const changes = [...listenerChanges(staged.listeners), ...changesBetween(now, config)];
    for (const text of unchanged) log.warn(text);
    log.notice(`the configuration is in force; ${changesText(changes)}`);
    const apps = await this.followUp(staged, reason, tell);
    return { ok: apps.every(({ ok }) => ok), problems: [], warnings, changes, unchanged, apps };
  }

  private refused(problems: readonly string[], warnings: readonly string[]): ReloadOutcome {
    const { log } = this.parts;
    for (const problem of problems) log.error(problem.trimEnd());
    log.error("the reload failed; nothing has changed");
    return { ok: false, problems, warnings, changes: [], unchanged: [], apps: [] };
  }

  /** The next one is to be tried all the same. */
  private broken(error: unknown): ReloadOutcome {
    const what = `unexpected error: ${textOf(error)}`;
    this.parts.log.crit(`the reload broke off: ${error instanceof Error ? (error.stack ?? what) : what}`);
    return { ok: false, problems: [what], warnings: [], changes: [], unchanged: [], apps: [] };
  }

  /** Everything that can fail; what was wrong, when it did, and then nothing has changed. */
  private async makeReady(config: Config): Promise<Staged | readonly string[]> {
    let staged: Staged;
    try {
      staged = this.stage(config);
    } catch (error) {
      return [textOf(error)];
    }
    const found = await this.tryOut(staged, () => this.parts.companions.prepare(config));
    if (found.length === 0) return staged;
    await this.undo(staged);
    return found;
  }

  private async undo(staged: Staged): Promise<void> {
    const { listeners, fronts, logs, pools, privateListeners } = this.parts;
    fronts.discard();
    listeners.discard(staged.listeners);
    logs.discard(staged.logs);
    privateListeners.discard(staged.privately);
    await pools.discard(staged.pools);
  }

  private stage(config: Config): Staged {
    const { listeners, logs, pools, privateListeners } = this.parts;
    const staged = listeners.stage(config);
    let opened: StagedLogs = new Map();
    let privately: StagedListener | undefined;
    try {
      opened = logs.stage(config);
      privately = privateListeners.stage(config.metrics);
      const rates = ratesFor(config, this.parts.holdings().rates);
      const holdings = { config, rates, certificates: this.parts.certificates(config) };
      return { holdings, listeners: staged, logs: opened, privately, pools: pools.stage(config) };
    } catch (error) {
      listeners.discard(staged);
      logs.discard(opened);
      privateListeners.discard(privately);
      throw error;
    }
  }

  private async tryOut(staged: Staged, prepare: () => Promise<readonly string[]>): Promise<readonly string[]> {
    const { fronts, ended } = this.parts;
    const found = await fronts.prepare((front) => this.setup(front, staged));
    if (found.length > 0) return found;
    const failed = await prepare();
    if (failed.length > 0) return failed;
    const starts = await Promise.allSettled(staged.pools.fresh.map((app) => app.start()));
    const failures = starts.flatMap((start) => (start.status === "rejected" ? [textOf(start.reason)] : []));
    return ended() ? [...failures, "the server stops"] : failures;
  }

  private async commit(staged: Staged): Promise<void> {
    const { listeners, logs, privately, pools, holdings } = staged;
    for (const key of renewedOf(staged)) this.parts.log.notice(`${key} was removed: it is made anew`);
    // From here on a front that has to be replaced begins with the new one.
    this.parts.listeners.commit(listeners);
    this.parts.logs.commit(holdings.config, logs);
    this.parts.privateListeners.commit(privately);
    this.parts.pools.commit(pools);
    this.parts.commit(holdings);
    for (const problem of await this.parts.fronts.change()) this.parts.log.error(problem);
  }

  private setup(front: number, { holdings, listeners, logs, pools }: Staged): Setup {
    return {
      config: holdings.config,
      rates: holdings.rates,
      certificates: holdings.certificates.forFronts(),
      listeners: this.parts.listeners.handles(front, listeners),
      accessLogs: this.parts.logs.access(logs),
      pools: this.parts.pools.setup(pools),
    };
  }

  /** What follows once it is in force, and can no longer fail as a whole. */
  private async followUp(staged: Staged, reason: string, tell: Tell): Promise<readonly AppReload[]> {
    const { listeners, companions, operations, pools } = this.parts;
    const same = pools.apps.filter((app) => !staged.pools.fresh.includes(app));
    const [apps] = await Promise.all([
      operations.reloadApps(same, reason, tell),
      companions.change(staged.holdings.config),
      listeners.left(),
    ]);
    return apps;
  }
}

/** One that is bound anew is changed. */
function listenerChanges({ added, removed }: StagedListeners): Change[] {
  const change = (how: Change["how"]) => (each: Parameters<typeof describe>[0]) => ({
    what: "listener",
    name: describe(each),
    how,
  });
  const [isAdded, isRemoved] = [keysOf(added), keysOf(removed)];
  return [
    ...added.map((each) => change(isRemoved.has(each.key) ? "changed" : "added")(each)),
    ...removed.filter(({ key }) => !isAdded.has(key)).map(change("removed")),
  ];
}

/** Unix sockets whose files somebody has removed and that are bound again. */
function renewedOf({ listeners: { added, removed }, privately }: Staged): string[] {
  const isRemoved = keysOf(removed);
  const own = privately?.isRenewed === true ? [listenKey(privately.config.address)] : [];
  return [...added.map(({ key }) => key).filter((key) => isRemoved.has(key)), ...own];
}

/** Why others cannot be. */
function lostOf({ listeners, privately }: Staged): string[] {
  return privately?.lost === undefined ? [...listeners.lost] : [...listeners.lost, privately.lost];
}

function keysOf(all: readonly { readonly key: string }[]): ReadonlySet<string> {
  return new Set(all.map(({ key }) => key));
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
