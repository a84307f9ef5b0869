/**
 * Looks at the workers a few times a second, when something depends on it: how busy they are (for scale.ts) and whether
 * they have had their time (for recycle.ts). It costs requests nothing: all of it is read from shared memory and /proc.
 */
import type { Demand } from "./demand.ts";
import { residentBytes } from "./memory.ts";
import { isLeaving, type Pool, type Worker } from "./pool.ts";
import { Constitution, type RecycleOptions, recycles } from "./recycle.ts";
import type { Scale } from "./scale.ts";
import type { Scoreboard } from "./scoreboard.ts";

export const SAMPLE_MS = 250;

export interface SampledApp {
  readonly pool: Pool;
  readonly scoreboard: Scoreboard;
  readonly demand: Demand;
  readonly scale: Scale;
  readonly recycle: RecycleOptions;
}

export interface Condemned {
  readonly worker: Worker;
  readonly why: string;
  /** It was like that before its first request: so will the next be. */
  readonly isUnused: boolean;
}

export class Sampler {
  private readonly app: SampledApp;
  private readonly watchesMemory: boolean;
  /** Of all workers that ever were, as far as they live. */
  private handledBefore = 0;

  constructor(app: SampledApp) {
    this.app = app;
    const { maxRssBytes, killRssBytes } = app.recycle;
    this.watchesMemory = maxRssBytes !== undefined || killRssBytes !== undefined;
  }

  get isNeeded(): boolean {
    return !this.app.scale.isFixed || recycles(this.app.recycle);
  }

  /** It is ready, and was needed when it was started: if that was longer ago than `idle`, it would have to go at once. */
  born(worker: Worker, nowMs: number): void {
    const { pool, scale } = this.app;
    if (scale.desired(nowMs) < pool.seatsReady) scale.need(pool.seatsReady, nowMs);
    worker.constitution = new Constitution(this.app.recycle, nowMs, Math.random);
  }

  /** Notes who has had its time; returns those that must be killed, and why. */
  sample(nowMs: number): Condemned[] {
    const { pool, scale, recycle } = this.app;
    if (!scale.isFixed) this.sampleLoad(nowMs);
    if (!recycles(recycle)) return [];
    return pool.workers.flatMap((worker) => {
      const why = this.judge(worker, nowMs);
      return why === undefined ? [] : [{ worker, why, isUnused: this.isUnused(worker) }];
    });
  }

  private sampleLoad(nowMs: number): void {
    const { pool, scoreboard, demand, scale } = this.app;
    const living = pool.workers.filter((worker) => !isLeaving(worker));
    const ready = living.filter((worker) => worker.state.kind === "ready");
    const handled = ready.reduce((sum, worker) => sum + scoreboard.handled(worker.slots), 0);
    const running = runningThreads(ready, scoreboard);
    scale.sample(
      {
        ready: ready.length,
        starting: living.length - ready.length,
        running,
        waiting: queueDepth(demand, runningThreads(pool.workers, scoreboard)),
        served: handled > this.handledBefore,
      },
      nowMs,
    );
    this.handledBefore = handled;
  }

  private isUnused({ slots }: Worker): boolean {
    const { scoreboard } = this.app;
    return scoreboard.handled(slots) === 0 && slots.every((slot) => scoreboard.running(slot) === undefined);
  }

  private judge(worker: Worker, nowMs: number): string | undefined {
    const { scoreboard } = this.app;
    if (worker.constitution === undefined || worker.state.kind === "killed") return undefined;
    const verdict = worker.constitution.judge({
      nowMs,
      handled: scoreboard.handled(worker.slots),
      isIdle: worker.slots.every((slot) => scoreboard.running(slot) === undefined),
      rssBytes: this.watchesMemory ? residentBytes(worker.process.pid) : undefined,
    });
    if (verdict.kind === "outworn") worker.outworn ??= verdict.why;
    return verdict.kind === "kill" ? verdict.why : undefined;
  }
}

export function runningThreads(workers: readonly Worker[], scoreboard: Scoreboard): number {
  const slots = workers.flatMap((worker) => worker.slots);
  return slots.filter((slot) => scoreboard.running(slot) !== undefined).length;
}

/** Requests that no thread has taken. What was sent is in a slot of the scoreboard or still in the socket. */
export function queueDepth(demand: Demand, running: number): number {
  return demand.waiting + Math.max(0, demand.sent - running);
}
