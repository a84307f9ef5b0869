/**
 * The master's side of an app: its queue (both ends are kept, so that requests in it outlive every worker), its scoreboard, its
 * workers. Does what the policy says (policy.ts: start, replace, end; scale.ts: how many; recycle.ts: for how long) and tells
 * the front threads. A process by itself is worker-process.ts.
 *
 *     new ─▶ starting ─▶ running ─▶ stopping ─▶ stopped
 *                └────── first import failed ──────▲
 */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { Demand } from "./demand.ts";
import { dismiss, DRAIN_TIMEOUT_MS, giveUp, kill, nameOf, overdueText, retire, terminate } from "./endings.ts";
import { ExitCauses } from "./exit-causes.ts";
import { FrontLinks } from "./front-links.ts";
import { Launcher } from "./launcher.ts";
import type { AppMessage } from "./messages.ts";
import type { AppOptions } from "./options.ts";
import { OverdueWorkers } from "./overdue-workers.ts";
import { decide, isBusy, type Pool as PolicyPool, startableMs } from "./policy.ts";
import { type Fallen, keepLine, Pool, type Worker } from "./pool.ts";
import { RequestQueue } from "./queue.ts";
import { QueueRenewal } from "./queue-renewal.ts";
import { busyThreads } from "./busy-threads.ts";
import { reportApp, reportLiving } from "./report.ts";
import { Rollout } from "./rollout.ts";
import { Sampler, SAMPLE_MS } from "./sampler.ts";
import { IDLE_MS, Scale } from "./scale.ts";
import { Scoreboard } from "./scoreboard.ts";
import { StackFile } from "./stacks.ts";
import type { AppControl, AppStatus, Phase, ReloadResult } from "./status.ts";
import { stoppedWorkers } from "./stopped.ts";
import type { LiveWorker, WorkerControl, WorkerEnd } from "./worker-control.ts";
import type { WorkerOwner, WorkerProcess } from "./worker-process.ts";

/** Large Django projects import for 10 s on a cold disk. */
export const START_TIMEOUT_MS = 60_000;

/** The app cannot be started; the message is for people and holds the traceback. */
export class StartFailure extends Error {
  override name = "StartFailure";
}

export class AppSupervisor implements WorkerOwner, AppControl, WorkerControl {
  readonly name: string;
  /** Where front threads send their requests. */
  readonly queueFd: number;
  private readonly options: AppOptions;
  private readonly log: Log;
  private readonly startTimeoutMs: number;
  private readonly drainTimeoutMs: number;
  private readonly queue: RequestQueue;
  private readonly launcher: Launcher;
  private readonly scoreboard: Scoreboard;
  private readonly stacks: StackFile;
  private readonly overdue: OverdueWorkers;
  private readonly pool: Pool;
  private readonly demand: Demand;
  private readonly scale: Scale;
  private readonly sampler: Sampler;
  private readonly links: FrontLinks;
  private readonly rollout: Rollout;
  private readonly renewal: QueueRenewal;
  private readonly causes = new ExitCauses();
  private phase: Phase = "new";
  private timer: Timer | undefined;
  private sampleTimer: Timer | undefined;
  private failure: StartFailure | undefined;
  private readonly started = Promise.withResolvers<void>();
  private readonly stopped = Promise.withResolvers<void>();

  /** Throws when descriptors or shared memory are short. `fronts`: how many front threads there are. */
  constructor(options: AppOptions, fronts: number, toFront: (front: number, message: AppMessage) => void, log: Log) {
    const { processes, processesMin = processes, threads, temporaryDirectory } = options;
    this.options = options;
    this.name = options.name;
    this.log = log;
    this.startTimeoutMs = options.startTimeoutMs ?? START_TIMEOUT_MS;
    this.drainTimeoutMs = options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS;
    this.scoreboard = new Scoreboard(Pool.slots(processes, threads), temporaryDirectory);
    this.stacks = new StackFile(temporaryDirectory);
    this.queue = new RequestQueue();
    this.queueFd = this.queue.sendFd;
    const { queue, scoreboard, stacks } = this;
    this.launcher = new Launcher({ options, fronts, queue, scoreboard, stacks, owner: this, log });
    this.pool = new Pool(processes, threads);
    this.demand = new Demand(fronts);
    this.scale = new Scale({ min: processesMin, max: processes, threads, idleMs: options.idleMs ?? IDLE_MS });
    const { pool, demand, scale, launcher, drainTimeoutMs } = this;
    this.sampler = new Sampler({ pool, scoreboard, demand, scale, recycle: options });
    this.links = new FrontLinks({ fronts, threads, scoreboard, demand: demand.memory, toFront });
    this.rollout = new Rollout({
      pool,
      scoreboard,
      queue,
      log,
      mayBegin: () => this.mayReload(),
      changed: () => this.somebodyAsked(),
    });
    const { links } = this;
    const changed = () => this.act();
    this.renewal = new QueueRenewal({ queue, links, launcher, pool, drainTimeoutMs, log, changed });
    this.overdue = new OverdueWorkers(this, scoreboard, stacks, log);
  }

  /** Resolves when every worker is ready; rejects with a StartFailure when one cannot become so, and then nothing is
   *  left running. Later failures are met with restarts. An app that may have no worker at all starts with one, so that
   *  what is wrong with it is seen now. */
  start(): Promise<void> {
    this.phase = "starting";
    this.links.open();
    this.scale.need(1, monotonicMs());
    this.demand.listen(() => this.somebodyAsked());
    this.act();
    return this.started.promise;
  }

  // ── the one loop that acts ────────────────────────────────────────────────────────────────────────────────────

  private act(): void {
    if (this.phase === "new" || this.isOver) return;
    clearTimeout(this.timer);
    const now = monotonicMs();
    const plan = decide(this.policyPool(now), now);
    for (const worker of plan.overdue) giveUp(worker, overdueText(this.startTimeoutMs));
    for (const { worker, why } of plan.retire) retire(worker, why, this.drainTimeoutMs, this.log);
    for (const worker of plan.terminate) this.terminate(worker);
    for (const worker of plan.kill) kill(worker);
    for (const seat of plan.spawn) this.spawn(seat);
    this.tellAvailability();
    this.rollout.look(this.desired(now));
    // A first start that fails at once has been undone.
    if (this.isOver) return;
    this.sleep(isBusy(plan) ? now : this.nextMs(plan.nextMs, now), now);
    this.watch();
  }

  private sleep(untilMs: number | undefined, now: number): void {
    clearTimeout(this.timer);
    if (untilMs !== undefined) this.timer = setTimeout(() => this.act(), Math.max(1, untilMs - now));
  }

  /** What the policy waits for, the moment when one worker fewer is wanted, and that when a start may be tried again. */
  private nextMs(policyMs: number | undefined, now: number): number | undefined {
    if (!this.isActive) return policyMs;
    const startMs = this.desired(now) === 0 ? startableMs(this.policyPool(now), now) : now;
    const times = [policyMs, this.scale.shrinksMs(now), startMs > now ? startMs : undefined];
    const next = Math.min(...times.map((time) => time ?? Number.POSITIVE_INFINITY));
    return Number.isFinite(next) ? next : undefined;
  }

  private policyPool(now: number): PolicyPool<Worker> {
    const { workers, seats, processesMax } = this.pool;
    const { generation, proven } = this.rollout;
    const { startTimeoutMs } = this;
    return { workers, seats, processesMax, generation, proven, startTimeoutMs, desired: this.desired(now) };
  }

  private desired(now: number): number {
    return this.isActive ? this.scale.desired(now) : 0;
  }

  private get isActive(): boolean {
    return this.phase === "starting" || this.phase === "running";
  }

  private get isOver(): boolean {
    return this.phase === "stopped";
  }

  /** Samples while there is somebody to look at. */
  private watch(): void {
    const isNeeded = this.isActive && this.sampler.isNeeded && this.pool.size > 0;
    if (isNeeded) this.sampleTimer ??= setInterval(() => this.sample(), SAMPLE_MS);
    if (isNeeded) return;
    clearInterval(this.sampleTimer);
    this.sampleTimer = undefined;
  }

  private sample(): void {
    for (const { worker, why, isUnused } of this.sampler.sample(monotonicMs())) {
      if (isUnused) giveUp(worker, why);
      else this.end(worker, why, 0);
    }
    this.act();
  }

  /** One worker at least is needed now. */
  private somebodyAsked(): void {
    if (!this.isActive) return;
    this.renewal.look();
    this.scale.need(1, monotonicMs());
    const stopped = stoppedWorkers(this.pool.workers, this.demand.oldestMs);
    for (const worker of stopped) this.end(worker, "it is stopped (SIGSTOP)", 0);
    this.act();
  }

  // ── what is done to workers ───────────────────────────────────────────────────────────────────────────────────

  private spawn(seat: number): void {
    if (!this.isActive) return;
    const now = monotonicMs();
    const { generation } = this.rollout;
    try {
      this.pool.add(seat, generation, now, (slots) => this.launcher.launch(seat, slots));
    } catch (error) {
      const traceback = `${this.options.python}: ${(error as Error).message}`;
      const fallen: Fallen = { seat, generation, state: { kind: "starting", sinceMs: now }, traceback, lastLines: [] };
      this.failed(fallen, `worker ${seat + 1}`, "could not be started", 0);
    }
  }

  private terminate(worker: Worker): void {
    if (this.isActive) this.log.warn(`${nameOf(worker)} is terminated with what it still has: ${worker.leaving}`);
    terminate(worker);
  }

  // ── WorkerControl ─────────────────────────────────────────────────────────────────────────────────────────────

  living(): LiveWorker[] {
    return reportLiving(this.pool, this.scoreboard);
  }

  endWorker(pid: number, { cause, graceMs }: WorkerEnd): boolean {
    const worker = this.pool.workers.find((each) => each.process.pid === pid);
    if (worker === undefined) return false;
    this.end(worker, cause, graceMs);
    this.act();
    return true;
  }

  private end(worker: Worker, cause: string, graceMs: number): void {
    if (cause !== "") this.log.warn(`${nameOf(worker)} is ended: ${cause}`);
    retire(worker, cause, graceMs, this.log);
  }

  // ── WorkerOwner ───────────────────────────────────────────────────────────────────────────────────────────────

  workerReady(process: WorkerProcess, version: string): void {
    const worker = this.pool.of(process);
    if (worker?.state.kind !== "starting") return;
    const now = monotonicMs();
    this.links.connect(process);
    worker.state = { kind: "ready", sinceMs: now };
    this.sampler.born(worker, now);
    this.log.info(`worker ${process.number + 1} is ready: pid ${process.pid}, Python ${version}`);
    this.rollout.workerReady(worker);
    this.tellAvailability();
    if (this.phase === "starting" && this.pool.ready.length >= this.desired(now)) {
      this.phase = "running";
      this.started.resolve();
    }
    this.act();
  }

  workerFailed(process: WorkerProcess, traceback: string): void {
    const worker = this.pool.of(process);
    if (worker !== undefined) worker.traceback = traceback;
  }

  workerFinishes(process: WorkerProcess): void {
    const worker = this.pool.of(process);
    if (worker === undefined) return;
    worker.hasHeard = true;
    this.rollout.wakeLeaving();
  }

  workerUnqueued(): void {
    this.somebodyAsked();
  }

  workerAsksReload(process: WorkerProcess): void {
    void this.reload(`uwsgi.reload() in worker ${process.number + 1}`);
  }

  workerPrinted(process: WorkerProcess, stream: "stdout" | "stderr", line: string): void {
    const worker = this.pool.of(process);
    if (worker !== undefined) keepLine(worker, line);
    const text = `worker ${process.number + 1}: ${line}`;
    // As nginx logs what a FastCGI application says on stderr; print() is less.
    if (stream === "stderr") this.log.error(text);
    else this.log.notice(text);
  }

  workerExited(process: WorkerProcess, cause: string): void {
    const worker = this.pool.of(process);
    if (worker === undefined) return;
    // Before the slots are cleared.
    const begun = this.scoreboard.begun(worker.slots);
    this.links.exited(process, worker.slots, worker.constitution !== undefined);
    this.pool.remove(worker);
    const explained = this.causes.explain(cause, worker);
    if (worker.leaving === undefined && this.phase !== "stopping") {
      this.failed(worker, nameOf(worker), explained, begun);
    } else if (worker.constitution !== undefined) {
      this.log.info(`${nameOf(worker)} ${explained}: ${worker.leaving ?? "stop"}`);
    }
    this.tellAvailability();
    if (this.phase === "stopping") this.finishStop();
    // Not from inside the loop that may have called.
    queueMicrotask(() => this.act());
  }

  /** Nobody had told it to go. */
  private failed(worker: Fallen, name: string, cause: string, begun: number): void {
    const { seat, state, generation, lastLines } = worker;
    const traceback = worker.traceback?.trimEnd();
    const failure = { cause, traceback: traceback ?? lastLines.join("\n") };
    const delayMs = this.pool.failed(seat, state, begun, failure, monotonicMs());
    if (this.phase === "starting" && this.options.outlivesFailedStart !== true)
      return this.failStart(`${name} ${cause}`, failure.traceback);
    if (this.phase === "starting") {
      this.phase = "running";
      this.started.resolve();
    }
    const next = delayMs === 0 ? "starting another" : `starting another in ${delayMs / 1000} s`;
    this.log.error(`${name} ${cause}; ${next}${traceback === undefined ? "" : `\n${traceback}`}`);
    // A second death right after the moment of being ready is a failed start, too.
    if (state.kind !== "ready" || delayMs > 0) this.rollout.startFailed(generation, `${cause}\n${failure.traceback}`);
  }

  private failStart(what: string, why: string): void {
    this.failure = new StartFailure(`app ${this.name}: ${what}\n${why}`);
    void this.stop(0);
  }

  // ── what fronts are told ──────────────────────────────────────────────────────────────────────────────────────

  /** A new front thread has taken the place of `front`. */
  frontReplaced(front: number): void {
    const serving = this.pool.workers.filter(({ state }) => state.kind !== "starting");
    this.links.frontReplaced(
      front,
      serving.map(({ process }) => process),
    );
  }

  private tellAvailability(): void {
    const now = monotonicMs();
    const starting = this.isActive && startableMs(this.policyPool(now), now) <= now;
    this.links.available({ threads: this.pool.ready.length * this.options.threads, starting });
  }

  busyThreads(pid: number): ReturnType<AppControl["busyThreads"]> {
    return busyThreads(this, pid, this.scoreboard, this.stacks);
  }

  // ── AppControl ────────────────────────────────────────────────────────────────────────────────────────────────

  reload(reason: string): Promise<ReloadResult> {
    return this.rollout.ask(reason);
  }

  /** Not before the first start is over, not after the end has begun. */
  private async mayReload(): Promise<boolean> {
    await this.started.promise.catch(() => {});
    if (this.phase !== "running") return false;
    this.launcher.renew();
    return true;
  }

  status(): AppStatus {
    const { name, phase, pool, scoreboard, demand, rollout, causes } = this;
    const { processes: max, processesMin: min = max } = this.options;
    const desired = this.desired(monotonicMs());
    return reportApp({ name, phase, min, max, desired, rollout, pool, scoreboard, demand, causes });
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Workers finish the requests at hand and in the queue; what is not gone after `graceMs` is killed. Resolves when all
   *  are reaped. */
  stop(graceMs: number): Promise<void> {
    if (this.phase === "stopping" || this.phase === "stopped") return this.stopped.promise;
    this.phase = "stopping";
    this.renewal.close();
    for (const worker of this.pool.workers) dismiss(worker, graceMs);
    this.queue.quit(this.pool.size * this.options.threads);
    this.watch();
    this.act();
    this.finishStop();
    return this.stopped.promise;
  }

  private finishStop(): void {
    if (this.pool.size > 0 || this.phase === "stopped") return;
    this.phase = "stopped";
    clearTimeout(this.timer);
    // Without effect when the start had succeeded; and maybe nobody waits for it.
    this.started.promise.catch(() => {});
    this.started.reject(this.failure ?? new StartFailure(`app ${this.name}: stopped before it was ready`));
    this.rollout.stopped();
    this.overdue.close();
    this.stacks.close();
    this.demand.close();
    this.launcher.close();
    this.queue.close();
    this.scoreboard.close();
    this.stopped.resolve();
  }
}
