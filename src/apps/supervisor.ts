/**
 * The master's side of an app: its queue, its scoreboard, its workers. Starts them, replaces those that die, tells the
 * front threads. When is decided in policy.ts; a process by itself is worker-process.ts.
 *
 *     new ─▶ starting ─▶ running ─▶ stopping ─▶ stopped
 *                └────── first import failed ──────▲
 *
 * The master keeps both ends of the queue: requests in it outlive every worker.
 */
import { closeSync } from "node:fs";
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { monotonicOffsetMs } from "../os/monotonic.ts";
import { closeDescriptor, duplicate, socketPair } from "../os/sockets.ts";
import type { AppMessage } from "./messages.ts";
import { afterExit, decide, isStarting, type WorkerState } from "./policy.ts";
import { RequestQueue } from "./queue.ts";
import { ReplacedFronts } from "./replaced-fronts.ts";
import { FRAME_OFFSET, Scoreboard, SLOT_BYTES } from "./scoreboard.ts";
import { openSource } from "./source.ts";
import type { AppStatus, Phase, WorkerStatus } from "./status.ts";
import { type SpawnSpec, type WorkerOwner, WorkerProcess, type WsgiTarget } from "./worker-process.ts";

export interface AppOptions {
  readonly name: string;
  /** Working directory, first on sys.path. */
  readonly root: string;
  readonly wsgi: WsgiTarget;
  /** The interpreter, absolute. */
  readonly python: string;
  readonly processes: number;
  readonly threads: number;
  /** Over the server's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** How long an import may take. Default START_TIMEOUT_MS. */
  readonly startTimeoutMs?: number;
  readonly temporaryDirectory: string;
}

/** Large Django projects import for 10 s on a cold disk. */
export const START_TIMEOUT_MS = 60_000;

/** Between SIGTERM and SIGKILL. */
const TERM_MS = 2_000;
/** Printed lines that a failure to start shows. */
const LAST_LINES = 20;

/** The app cannot be started; the message is for people and holds the traceback. */
export class StartFailure extends Error {
  override name = "StartFailure";
}

interface Worker {
  state: WorkerState;
  failures: number;
  process: WorkerProcess | undefined;
  /** Why the import failed, until the exit. */
  traceback: string | undefined;
  lastLines: string[];
}

export class AppSupervisor implements WorkerOwner {
  readonly name: string;
  /** Where front threads send their requests. */
  readonly queueFd: number;
  private readonly options: AppOptions;
  private readonly fronts: number;
  private readonly toFront: (front: number, message: AppMessage) => void;
  private readonly log: Log;
  private readonly startTimeoutMs: number;
  private readonly queue: RequestQueue;
  private readonly sourceFd: number;
  private readonly scoreboard: Scoreboard;
  private readonly workers: Worker[];
  private readonly replaced = new ReplacedFronts();
  /** What fronts were told last. */
  private told: { readonly threads: number; readonly starting: boolean } | undefined;
  private phase: Phase = "new";
  private generation = 0;
  private timer: Timer | undefined;
  private failure: StartFailure | undefined;
  private readonly started = Promise.withResolvers<void>();
  private readonly stopped = Promise.withResolvers<void>();

  /** Throws when descriptors or shared memory are short. `fronts`: how many front threads there are. */
  constructor(options: AppOptions, fronts: number, toFront: (front: number, message: AppMessage) => void, log: Log) {
    this.options = options;
    this.name = options.name;
    this.fronts = fronts;
    this.toFront = toFront;
    this.log = log;
    this.startTimeoutMs = options.startTimeoutMs ?? START_TIMEOUT_MS;
    this.scoreboard = new Scoreboard(options.processes * options.threads, options.temporaryDirectory);
    this.sourceFd = openSource(options.temporaryDirectory);
    this.queue = new RequestQueue();
    this.queueFd = this.queue.sendFd;
    this.workers = Array.from({ length: options.processes }, () => emptyWorker());
  }

  /** Resolves when every worker is ready; rejects with a StartFailure when one cannot become so, and then nothing is
   *  left running. Later failures are met with restarts. */
  start(): Promise<void> {
    this.phase = "starting";
    for (let front = 0; front < this.fronts; front++) this.giveScoreboard(front);
    this.act();
    return this.started.promise;
  }

  // ── the one loop that acts ────────────────────────────────────────────────────────────────────────────────────

  private act(): void {
    if (!this.isActive) return;
    clearTimeout(this.timer);
    const now = monotonicMs();
    const plan = decide(
      this.workers.map((worker) => worker.state),
      this.startTimeoutMs,
      now,
    );
    for (const number of plan.overdue) this.giveUp(number);
    for (const number of plan.spawn) this.spawn(number);
    this.tellAvailability();
    // A first start that fails at once is already being undone.
    if (!this.isActive) return;
    if (plan.nextMs !== undefined) this.timer = setTimeout(() => this.act(), Math.max(1, plan.nextMs - now));
    // A start that failed at once is due later; and starts have deadlines of their own.
    else if (plan.spawn.length > 0) this.timer = setTimeout(() => this.act(), 1);
  }

  private get isActive(): boolean {
    return this.phase === "starting" || this.phase === "running";
  }

  private giveUp(number: number): void {
    const worker = this.worker(number);
    worker.traceback = `not ready ${Math.round(this.startTimeoutMs / 1000)} s after its start (start_timeout)`;
    worker.state = { kind: "stopping" };
    worker.process?.kill("SIGKILL");
  }

  private spawn(number: number): void {
    if (!this.isActive) return;
    const worker = this.worker(number);
    worker.traceback = undefined;
    worker.lastLines = [];
    try {
      worker.process = new WorkerProcess(number, ++this.generation, this.spawnSpec(number), this);
      worker.state = { kind: "starting", sinceMs: monotonicMs() };
    } catch (error) {
      worker.traceback = `${this.options.python}: ${(error as Error).message}`;
      this.down(worker, number, "could not be started");
    }
  }

  private spawnSpec(number: number): SpawnSpec {
    const { options } = this;
    const { threads, processes } = options;
    return {
      python: options.python,
      environment: { ...process.env, ...options.env },
      queueFd: this.queue.readFd,
      scoreboardFd: this.scoreboard.fd,
      sourceFd: this.sourceFd,
      settings: {
        app: options.name,
        root: options.root,
        wsgi: options.wsgi,
        processes,
        threads,
        fronts: this.fronts,
        slots: this.slotsOf(number),
        slotBytes: SLOT_BYTES,
        frameOffset: FRAME_OFFSET,
        software: "server",
        master: process.pid,
      },
    };
  }

  private slotsOf(number: number): number[] {
    const { threads } = this.options;
    return Array.from({ length: threads }, (_, thread) => number * threads + thread);
  }

  private worker(number: number): Worker {
    // Numbers are those of `workers`, which never changes its length.
    return this.workers[number] as Worker;
  }

  // ── what workers tell ─────────────────────────────────────────────────────────────────────────────────────────

  workerReady(process: WorkerProcess, version: string): void {
    const worker = this.worker(process.number);
    if (worker.state.kind !== "starting") return;
    for (let front = 0; front < this.fronts; front++) this.connectFront(process, front);
    worker.state = { kind: "ready", sinceMs: monotonicMs() };
    this.log.info(`worker ${process.number + 1} is ready: pid ${process.pid}, Python ${version}`);
    this.tellAvailability();
    if (this.phase !== "starting" || !this.workers.every((each) => each.state.kind === "ready")) return;
    this.phase = "running";
    this.started.resolve();
  }

  workerFailed(process: WorkerProcess, traceback: string): void {
    this.worker(process.number).traceback = traceback;
  }

  workerPrinted(process: WorkerProcess, stream: "stdout" | "stderr", line: string): void {
    const { lastLines } = this.worker(process.number);
    lastLines.push(line);
    if (lastLines.length > LAST_LINES) lastLines.shift();
    const text = `worker ${process.number + 1}: ${line}`;
    // As nginx logs what a FastCGI application says on stderr; print() is less.
    if (stream === "stderr") this.log.error(text);
    else this.log.notice(text);
  }

  workerExited(process: WorkerProcess, cause: string): void {
    const worker = this.worker(process.number);
    worker.process = undefined;
    // Before the slots are cleared.
    const handled = this.scoreboard.handled(this.slotsOf(process.number));
    this.tellLost(process);
    this.down(worker, process.number, `(pid ${process.pid}) ${cause}`, handled);
    for (const front of this.replaced.exited(process)) this.frontConnected(front);
  }

  private down(worker: Worker, number: number, what: string, handled = 0): void {
    const now = monotonicMs();
    const { failures, delayMs } = afterExit(worker.state, handled, worker.failures, now);
    worker.failures = failures;
    worker.state = { kind: "down", untilMs: now + delayMs };
    this.tellAvailability();
    if (this.phase === "stopping") return this.finishStop();
    if (this.phase === "starting") return this.failStart(worker, number, what);
    const traceback = worker.traceback === undefined ? "" : `\n${worker.traceback.trimEnd()}`;
    const next = delayMs === 0 ? "starting another" : `starting another in ${delayMs / 1000} s`;
    this.log.error(`worker ${number + 1} ${what}; ${next}${traceback}`);
    // Not from inside the loop that may have called.
    queueMicrotask(() => this.act());
  }

  private failStart(worker: Worker, number: number, what: string): void {
    const why = worker.traceback ?? worker.lastLines.join("\n");
    this.failure = new StartFailure(`app ${this.name}: worker ${number + 1} ${what}\n${why.trimEnd()}`);
    void this.stop(0);
  }

  // ── what fronts are told ──────────────────────────────────────────────────────────────────────────────────────

  /** A new front thread has taken the place of `front`: it gets streams of its own, and may send requests when every
   *  worker can answer on them. */
  frontReplaced(front: number): void {
    this.giveScoreboard(front);
    for (const { state, process } of this.workers) {
      if (state.kind !== "ready" || process === undefined) continue;
      this.replaced.owes(process, front);
      this.connectFront(process, front);
    }
    if (!this.replaced.isWaiting(front)) this.frontConnected(front);
  }

  workerConnected(process: WorkerProcess, front: number): void {
    if (this.replaced.acknowledged(process, front)) this.frontConnected(front);
  }

  private frontConnected(front: number): void {
    this.toFront(front, this.availability());
  }

  private giveScoreboard(front: number): void {
    this.toFront(front, { kind: "scoreboard", fd: duplicate(this.scoreboard.fd) });
  }

  /** One socket pair for each thread: one end to the worker, the other to the front. */
  private connectFront(process: WorkerProcess, front: number): void {
    const pairs = Array.from({ length: this.options.threads }, () => socketPair("stream"));
    const given = process.giveStreams(
      front,
      pairs.map((pair) => pair[1]),
    );
    pairs.forEach(([fd, theirs], thread) => {
      closeDescriptor(theirs);
      const { number: worker, generation } = process;
      if (given) this.toFront(front, { kind: "stream", worker, generation, thread, fd });
      else closeDescriptor(fd);
    });
    if (!given) process.kill("SIGKILL");
  }

  private readyThreads(): number {
    return this.workers.filter((worker) => worker.state.kind === "ready").length * this.options.threads;
  }

  private availability(): AppMessage & { kind: "availability" } {
    const states = this.workers.map((worker) => worker.state);
    const starting = this.isActive && isStarting(states, monotonicMs());
    return { kind: "availability", threads: this.readyThreads(), starting };
  }

  /** Whenever it may have changed; says nothing when it has not. */
  private tellAvailability(): void {
    const message = this.availability();
    const { threads, starting } = message;
    if (this.told?.threads === threads && this.told.starting === starting) return;
    this.told = message;
    for (let front = 0; front < this.fronts; front++) {
      if (!this.replaced.isWaiting(front)) this.toFront(front, message);
    }
  }

  /** The slots of a dead worker say which requests died with it. */
  private tellLost(process: WorkerProcess): void {
    const worker = this.worker(process.number);
    const wasReady = worker.state.kind === "ready" || worker.state.kind === "stopping";
    const slots = this.slotsOf(process.number);
    const running = slots.map((slot) => this.scoreboard.running(slot)).filter((found) => found !== undefined);
    for (const slot of slots) this.scoreboard.clear(slot);
    const { number, generation } = process;
    for (let front = 0; front < this.fronts; front++) {
      const ids = running.filter((found) => found.front === front).map((found) => found.id);
      if (wasReady) this.toFront(front, { kind: "lost", worker: number, generation, running: ids });
    }
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Workers finish the requests at hand and in the queue; what is not gone after `graceMs` is killed. Resolves when all
   *  are reaped. */
  stop(graceMs: number): Promise<void> {
    if (this.phase === "stopping" || this.phase === "stopped") return this.stopped.promise;
    this.phase = "stopping";
    clearTimeout(this.timer);
    for (const worker of this.workers) this.dismiss(worker);
    this.timer = setTimeout(() => this.terminate(), graceMs);
    this.finishStop();
    return this.stopped.promise;
  }

  private dismiss(worker: Worker): void {
    if (worker.state.kind === "starting") worker.process?.kill("SIGKILL");
    if (worker.state.kind !== "ready") return;
    worker.state = { kind: "stopping" };
    this.queue.quit(this.options.threads);
  }

  private terminate(): void {
    for (const worker of this.workers) worker.process?.kill("SIGTERM");
    this.timer = setTimeout(() => this.killAll(), TERM_MS);
  }

  private killAll(): void {
    for (const worker of this.workers) worker.process?.kill("SIGKILL");
  }

  private finishStop(): void {
    if (this.workers.some((worker) => worker.process !== undefined) || this.phase === "stopped") return;
    this.phase = "stopped";
    clearTimeout(this.timer);
    // Without effect when the start had succeeded; and maybe nobody waits for it.
    this.started.promise.catch(() => {});
    this.started.reject(this.failure ?? new StartFailure(`app ${this.name}: stopped before it was ready`));
    this.scoreboard.close();
    closeSync(this.sourceFd);
    this.queue.close();
    this.stopped.resolve();
  }

  status(): AppStatus {
    const nowMs = monotonicMs() + monotonicOffsetMs();
    const ready = this.workers.filter(({ state }) => state.kind === "ready").length;
    const { processes } = this.options;
    return {
      name: this.name,
      phase: this.phase,
      generation: 1,
      processes: { min: processes, max: processes, desired: processes, ready },
      workers: this.workers.map((worker, number) => this.workerStatus(worker, number, nowMs)),
      queue: { depth: 0, oldestMs: 0, refused: 0 },
      crashLoop: undefined,
      reloadFailure: undefined,
    };
  }

  private workerStatus(worker: Worker, number: number, nowMs: number): WorkerStatus {
    const slots = this.slotsOf(number);
    return {
      number: number + 1,
      generation: 1,
      pid: worker.process?.pid,
      state: worker.state.kind,
      stateMs: 0,
      leaving: undefined,
      handled: this.scoreboard.handled(slots),
      rssBytes: undefined,
      failures: worker.failures,
      lastExit: undefined,
      threads: slots.map((slot) => {
        const { handled, running, sinceMs } = this.scoreboard.read(slot);
        return {
          handled,
          runningMs: running === undefined ? undefined : Math.max(0, nowMs - sinceMs),
          request: running,
        };
      }),
    };
  }
}

function emptyWorker(): Worker {
  return { state: { kind: "down", untilMs: 0 }, failures: 0, process: undefined, traceback: undefined, lastLines: [] };
}
