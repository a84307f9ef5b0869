/**
 * Which code the workers of an app should have, and how far a reload has come. A reload makes a new generation the wanted
 * one; policy.ts then lets one worker try whether it can be imported, and when it can, replaces the others. When it
 * cannot, the old generation is the wanted one again.
 *
 * It also sees to it that a worker that is to finish does so at once: its idle threads sleep in the kernel, on a socket
 * that all threads of the app share, so any of them may be woken and has to look up.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { isLeaving, type Pool, type Worker } from "./pool.ts";
import type { RequestQueue } from "./queue.ts";
import { ReloadQueue } from "./reload.ts";
import type { Scoreboard } from "./scoreboard.ts";
import type { ReloadResult } from "./status.ts";

export interface RolloutApp {
  readonly pool: Pool;
  readonly scoreboard: Scoreboard;
  readonly queue: RequestQueue;
  readonly log: Log;
  /** Resolves with false when nothing can be reloaded (any more). */
  readonly mayBegin: () => Promise<boolean>;
  /** Another generation is wanted: what is due has to be done. */
  readonly changed: () => void;
}

/** Until those that sleep are woken again; each of a busy pool sees it after its next request anyway. */
const WAKE_MS = 20;
/** A worker that does not say that it has heard (its GIL is held, it is stopped) is waited for no longer than this. Its idle
 *  threads wake by themselves after a second (IDLE_WAKE_SECONDS of worker.py). */
const DEAF_MS = 3_000;
/** Packets at a time. */
const WAKES_MAX = 256;

interface Running {
  readonly previous: number;
  replaced: number;
  readonly end: (result: ReloadResult) => void;
}

export class Rollout {
  /** Of the code that is wanted; 1 at the start. */
  generation = 1;
  /** It can be imported: a worker of that generation has been ready. Of the first that is not asked: all start at once,
   *  and if one fails nothing is started. */
  proven = true;
  /** Why the last reload failed. */
  failure: string | undefined;
  private readonly app: RolloutApp;
  private readonly reloads = new ReloadQueue((reason) => this.run(reason));
  /** Generations are never used twice. */
  private last = 1;
  private running: Running | undefined;
  private wakeTimer: Timer | undefined;
  /** Workers that were wanted when that was last looked at. */
  private desired = 0;

  constructor(app: RolloutApp) {
    this.app = app;
  }

  ask(reason: string): Promise<ReloadResult> {
    return this.reloads.ask(reason);
  }

  private async run(reason: string): Promise<ReloadResult> {
    const { log, pool } = this.app;
    if (!(await this.app.mayBegin())) return { ok: false, replaced: 0, traceback: "the app is not running" };
    log.notice(`reload (${reason}): a first worker imports the new code`);
    const { promise, resolve } = Promise.withResolvers<ReloadResult>();
    this.running = { previous: this.generation, replaced: 0, end: resolve };
    this.generation = ++this.last;
    this.proven = false;
    // Whatever pauses there were, this is a new attempt.
    pool.forgive();
    this.app.changed();
    return promise;
  }

  workerReady({ generation }: Worker): void {
    if (generation !== this.generation) return;
    this.proven = true;
    if (this.running !== undefined) this.running.replaced++;
  }

  /** Of whatever generation. */
  startFailed(generation: number, why: string): void {
    const { running } = this;
    if (running === undefined || generation !== this.generation) return;
    const { replaced } = running;
    if (!this.proven) {
      this.generation = running.previous;
      this.proven = true;
    }
    const now = replaced === 0 ? "the old code serves on" : `${replaced} have the new code, the others are tried again`;
    this.app.log.error(`reload failed: ${now}`);
    this.failure = why.trim();
    this.finish({ ok: false, replaced, traceback: this.failure });
  }

  /** Whenever something has changed. `desired`: so many workers are wanted. */
  look(desired: number): void {
    this.desired = desired;
    this.wakeLeaving();
    const { running } = this;
    if (running === undefined || !this.isDone()) return;
    const { replaced } = running;
    this.failure = undefined;
    this.app.log.notice(`reload done: ${replaced} ${replaced === 1 ? "worker has" : "workers have"} the new code`);
    this.finish({ ok: true, replaced });
  }

  /** All that are wanted have the new code, and no thread of the others will take another request. */
  private isDone(): boolean {
    const { workers, ready } = this.app.pool;
    if (!this.proven || ready.length < this.desired) return false;
    return workers.every((worker) => {
      if (isLeaving(worker)) return this.isShut(worker);
      return worker.generation === this.generation && worker.state.kind === "ready";
    });
  }

  private isShut(worker: Worker): boolean {
    const { state, hasHeard } = worker;
    if (state.kind !== "finishing" || monotonicMs() >= state.sinceMs + DEAF_MS) return true;
    return hasHeard && this.idleThreads(worker) === 0;
  }

  private idleThreads({ slots }: Worker): number {
    const { scoreboard } = this.app;
    return slots.filter((slot) => scoreboard.read(slot).pid !== 0 && scoreboard.running(slot) === undefined).length;
  }

  wakeLeaving(): void {
    if (this.wakeTimer !== undefined) return;
    const { pool, queue } = this.app;
    const open = pool.workers.filter((worker) => worker.state.kind === "finishing" && !this.isShut(worker));
    if (open.length === 0) return;
    if (open.some((worker) => worker.hasHeard)) {
      const idle = pool.workers.reduce((sum, worker) => sum + this.idleThreads(worker), 0);
      queue.wake(Math.min(idle, WAKES_MAX));
    }
    this.wakeTimer = setTimeout(() => {
      this.wakeTimer = undefined;
      this.look(this.desired);
    }, WAKE_MS);
  }

  private finish(result: ReloadResult): void {
    const { running } = this;
    this.running = undefined;
    running?.end(result);
  }

  stopped(): void {
    clearTimeout(this.wakeTimer);
    this.finish({ ok: false, replaced: this.running?.replaced ?? 0, traceback: "the app was stopped" });
  }
}
