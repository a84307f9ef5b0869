/**
 * [service.NAME]: a program beside the apps (celery, beat, qcluster), started, logged, restarted and ended with the server.
 * One that is to be done before the apps start (`run`) is started once, and waited for. Each instance by itself:
 *
 *     waiting ─▶ running ─▶ waiting (back-off) │ ended (restart = "never"…)
 *                   └─ stop, restart ─▶ stopping ─▶ waiting │ ended
 */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { Child, type ChildOwner, type CommandOptions, type Exit } from "./child.ts";
import { sessionMemory } from "./memory.ts";
import { afterEnd, type RestartRule } from "./policy.ts";

export interface ServiceOptions extends CommandOptions {
  readonly name: string;
  readonly instances: number;
  readonly restart: RestartRule;
}

/** Lines that status shows of a service that failed. */
const LAST_LINES = 10;
/** Of one that is to be done before the apps start: a migration of a large table takes minutes, and what hangs must not keep the
 *  server from saying so for ever. */
export const RUN_MS_MAX = 3_600_000;
/** A restarted instance that lives for so long is taken for started. */
const SETTLE_MS = 1_000;

interface Instance {
  readonly number: number;
  state:
    | { readonly kind: "running" | "stopping"; readonly child: Child }
    | { readonly kind: "waiting"; readonly untilMs: number; readonly timer: Timer }
    | { readonly kind: "ended" };
  sinceMs: number;
  failures: number;
  restarts: number;
  lastExit: string | undefined;
  lastLines: string[];
  /** Called at the next change of its state. */
  changed: () => void;
}

export interface ServiceStatus {
  readonly name: string;
  readonly instances: readonly {
    readonly number: number;
    readonly state: Instance["state"]["kind"];
    /** In that state; of `waiting`: until the next start. */
    readonly stateMs: number;
    readonly pid: number | undefined;
    /** Of its whole session. */
    readonly rssBytes: number | undefined;
    readonly restarts: number;
    readonly failures: number;
    readonly lastExit: string | undefined;
    /** Printed last, of an instance that failed. */
    readonly lastLines: readonly string[];
  }[];
}

export type RestartResult =
  | { readonly ok: true; readonly restarted: number }
  | { readonly ok: false; readonly restarted: number; readonly failure: string };

export class Service implements ChildOwner {
  readonly name: string;
  private readonly options: ServiceOptions;
  private readonly log: Log;
  private readonly instances: readonly Instance[];
  private phase: "new" | "running" | "stopping" = "new";
  private readonly stopped = Promise.withResolvers<void>();
  /** One restart at a time. */
  private restarting: Promise<unknown> = Promise.resolve();

  constructor(options: ServiceOptions, log: Log) {
    this.options = options;
    this.name = options.name;
    this.log = log;
    this.instances = Array.from({ length: options.instances }, (_, i) => newInstance(i + 1));
  }

  start(): void {
    this.phase = "running";
    for (const instance of this.instances) this.spawn(instance);
  }

  /** Once, to its end; why it failed. */
  async run(timeoutMs = RUN_MS_MAX): Promise<string | undefined> {
    this.start();
    const [instance] = this.instances;
    if (instance === undefined) return undefined;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      if ("child" in instance.state) instance.state.child.stop();
    }, timeoutMs);
    if (instance.state.kind === "running") await this.change(instance);
    clearTimeout(timer);
    const late = isLate ? `after ${timeoutMs / 1000} s it was not done: ` : "";
    const isDone = instance.state.kind === "ended" && instance.failures === 0 && !isLate;
    return isDone ? undefined : [late + (instance.lastExit ?? "stopped"), ...instance.lastLines].join("\n");
  }

  private spawn(instance: Instance): void {
    if (this.phase !== "running") return;
    instance.lastLines = [];
    try {
      const child = new Child(this.options, this);
      this.enter(instance, { kind: "running", child });
      this.log.info(`${this.label(instance)}started: pid ${child.pid}`);
    } catch (error) {
      this.end(instance, { code: undefined, cause: `could not be started: ${(error as Error).message}` }, 0);
    }
  }

  private enter(instance: Instance, state: Instance["state"]): void {
    instance.state = state;
    instance.sinceMs = monotonicMs();
    instance.changed();
  }

  private label({ number }: Instance): string {
    return this.options.instances === 1 ? "" : `${number}: `;
  }

  private instanceOf(child: Child): Instance {
    // Every child was made by one of them, which keeps it until its exit.
    return this.instances.find(({ state }) => "child" in state && state.child === child) as Instance;
  }

  childPrinted(child: Child, line: string): void {
    // A line of the log has a time and a name of its own; blank ones only part what a terminal shows.
    if (line === "") return;
    const instance = this.instanceOf(child);
    instance.lastLines.push(line);
    if (instance.lastLines.length > LAST_LINES) instance.lastLines.shift();
    // Programs that log do so on stderr, whatever it is that they have to say.
    this.log.notice(`${this.label(instance)}${line}`);
  }

  childExited(child: Child, exit: Exit): void {
    const instance = this.instanceOf(child);
    instance.lastExit = exit.cause;
    if (instance.state.kind === "stopping") return this.wasStopped(instance, exit);
    this.end(instance, exit, monotonicMs() - child.startedMs);
  }

  private wasStopped(instance: Instance, { cause }: Exit): void {
    this.log.info(`${this.label(instance)}stopped: it ${cause}`);
    this.enter(instance, { kind: "ended" });
    this.finishStop();
  }

  private end(instance: Instance, { code, cause }: Exit, ranMs: number): void {
    instance.lastExit = cause;
    const verdict = afterEnd(this.options.restart, { code, ranMs, failures: instance.failures });
    instance.failures = verdict.failures;
    if (verdict.kind === "stay") {
      this.log[code === 0 ? "notice" : "error"](`${this.label(instance)}${cause}; it stays ended`);
      return this.enter(instance, { kind: "ended" });
    }
    const { delayMs } = verdict;
    this.log.error(`${this.label(instance)}${cause}; starting it again in ${delayMs / 1000} s`);
    const timer = setTimeout(() => this.again(instance), delayMs);
    this.enter(instance, { kind: "waiting", untilMs: monotonicMs() + delayMs, timer });
  }

  private again(instance: Instance): void {
    instance.restarts++;
    this.spawn(instance);
  }

  // ── restart on request ────────────────────────────────────────────────────────────────────────────────────────

  /** One instance after the other: ended as at a stop, started anew, looked at for a moment. */
  restart(reason: string): Promise<RestartResult> {
    const result = this.restarting.then(() => this.restartAll(reason));
    this.restarting = result;
    return result;
  }

  private async restartAll(reason: string): Promise<RestartResult> {
    if (this.phase === "running") this.log.notice(`restarting (${reason})`);
    let restarted = 0;
    for (const instance of this.instances) {
      if (this.phase === "running") await this.bringDown(instance);
      if (this.phase !== "running") return { ok: false, restarted, failure: "the server is not serving" };
      instance.failures = 0;
      instance.restarts++;
      this.spawn(instance);
      const failure = await this.settle(instance);
      if (failure !== undefined) return { ok: false, restarted, failure };
      restarted++;
    }
    return { ok: true, restarted };
  }

  private async bringDown(instance: Instance): Promise<void> {
    if (instance.state.kind === "waiting") clearTimeout(instance.state.timer);
    if (instance.state.kind !== "running") return this.enter(instance, { kind: "ended" });
    const { child } = instance.state;
    this.enter(instance, { kind: "stopping", child });
    child.stop();
    await this.change(instance);
  }

  /** Why it did not come up. One that is done already and may be so is well. */
  private async settle(instance: Instance): Promise<string | undefined> {
    const change = instance.state.kind === "running" ? this.change(instance) : Promise.resolve();
    const isUp = await Promise.race([change.then(() => false), Bun.sleep(SETTLE_MS).then(() => true)]);
    if (isUp || (instance.state.kind === "ended" && instance.failures === 0)) return undefined;
    return [instance.lastExit ?? "ended", ...instance.lastLines].join("\n");
  }

  private change(instance: Instance): Promise<void> {
    return new Promise((resolve) => {
      const before = instance.changed;
      instance.changed = () => {
        instance.changed = before;
        before();
        resolve();
      };
    });
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Resolves when all are gone. Called again with 0 it kills what is left. */
  stop(graceMs?: number): Promise<void> {
    this.phase = "stopping";
    for (const instance of this.instances) {
      if (instance.state.kind === "waiting") clearTimeout(instance.state.timer);
      if ("child" in instance.state) {
        const { child } = instance.state;
        if (instance.state.kind === "running") this.enter(instance, { kind: "stopping", child });
        child.stop(graceMs);
      } else this.enter(instance, { kind: "ended" });
    }
    this.finishStop();
    return this.stopped.promise;
  }

  private finishStop(): void {
    if (this.phase !== "stopping" || this.instances.some(({ state }) => state.kind !== "ended")) return;
    this.stopped.resolve();
  }

  status(): ServiceStatus {
    return { name: this.name, instances: this.instances.map(describe) };
  }
}

function newInstance(number: number): Instance {
  return {
    number,
    state: { kind: "ended" },
    sinceMs: monotonicMs(),
    failures: 0,
    restarts: 0,
    lastExit: undefined,
    lastLines: [],
    changed: () => {},
  };
}

function describe(instance: Instance): ServiceStatus["instances"][number] {
  const { number, state, sinceMs, failures, restarts, lastExit, lastLines } = instance;
  const now = monotonicMs();
  const pid = "child" in state ? state.child.pid : undefined;
  return {
    number,
    state: state.kind,
    stateMs: Math.round(state.kind === "waiting" ? Math.max(0, state.untilMs - now) : now - sinceMs),
    pid,
    rssBytes: pid === undefined ? undefined : sessionMemory(pid),
    restarts,
    failures,
    lastExit,
    lastLines: failures > 0 ? lastLines : [],
  };
}
