/**
 * The pools of Python processes, one for each [app.NAME] of the configuration in force; of an app that is changed there are
 * two for a while. A pool never changes: other settings are another pool, which has imported the project before the fronts
 * turn to it.
 *
 *     staged ──▶ started ──▶ current ──▶ retiring ──▶ stopped     when no front has a request for it any more, or its time is up
 *        └──────────┴───────────────────────────────────▲         the configuration was not taken
 */
import type { AppSupervisor } from "../apps/supervisor.ts";
import type { AppConfig, Config } from "../config/config.ts";
import type { AppPool } from "../front/messages.ts";

/** How long processes may take to end of which nothing is awaited any more. */
const STOP_GRACE_MS = 5_000;

export type MakePool = (app: AppConfig, config: Config, pool: number) => AppSupervisor;

interface Pool {
  readonly number: number;
  readonly supervisor: AppSupervisor;
  readonly drainTimeoutMs: number;
  /** Everything that its processes are made of. */
  readonly from: string;
}

/** Pools by the names of their apps. */
type Pools = ReadonlyMap<string, Pool>;

export interface StagedPools {
  readonly next: Pools;
  /** Those that are not there yet. */
  readonly fresh: readonly AppSupervisor[];
}

interface Retiring {
  readonly pool: Pool;
  /** Fronts that still have requests for it. */
  readonly users: Set<number>;
  readonly timer: Timer;
}

export class AppPools {
  private readonly make: MakePool;
  private readonly fronts: number;
  private current: Pools = new Map();
  private readonly retiring = new Map<number, Retiring>();
  /** All that were not stopped. */
  private readonly living = new Set<AppSupervisor>();
  private last = 0;

  constructor(fronts: number, make: MakePool) {
    this.fronts = fronts;
    this.make = make;
  }

  /** Of the configuration in force, in its order. */
  get apps(): AppSupervisor[] {
    return [...this.current.values()].map(({ supervisor }) => supervisor);
  }

  /** What this configuration needs; throws when descriptors or memory are short, and then nothing is left of it. */
  stage(config: Config): StagedPools {
    const fresh: AppSupervisor[] = [];
    try {
      const pools = config.apps.map((app): [string, Pool] => {
        const known = this.current.get(app.name);
        if (known?.from === madeOf(app, config)) return [app.name, known];
        const pool = this.makePool(app, config);
        fresh.push(pool.supervisor);
        return [app.name, pool];
      });
      return { next: new Map(pools), fresh };
    } catch (error) {
      void this.stopAll(fresh, 0);
      throw error;
    }
  }

  private makePool(app: AppConfig, config: Config): Pool {
    const number = ++this.last;
    const supervisor = this.make(app, config, number);
    this.living.add(supervisor);
    return { number, supervisor, drainTimeoutMs: app.drainTimeoutMs, from: madeOf(app, config) };
  }

  /** For the fronts. */
  setup({ next }: StagedPools): Readonly<Record<string, AppPool>> {
    return Object.fromEntries(
      [...next].map(([name, { number, supervisor }]) => [name, { number, queueFd: supervisor.queueFd }]),
    );
  }

  inForce(): StagedPools {
    return { next: this.current, fresh: [] };
  }

  /** From now on. The pools that are needed no more are stopped when the fronts have retired them. */
  commit({ next }: StagedPools): void {
    const before = [...this.current.values()];
    this.current = next;
    const stay = new Set([...next.values()].map(({ number }) => number));
    for (const pool of before) if (!stay.has(pool.number)) this.retire(pool);
  }

  private retire(pool: Pool): void {
    const users = new Set(Array.from({ length: this.fronts }, (_, front) => front));
    const timer = setTimeout(() => this.finish(pool.number, 0), pool.drainTimeoutMs);
    this.retiring.set(pool.number, { pool, users, timer });
  }

  /** Front number `front` has no request for that pool any more. */
  retired(front: number, number: number): void {
    const retiring = this.retiring.get(number);
    retiring?.users.delete(front);
    if (retiring?.users.size === 0) this.finish(number, STOP_GRACE_MS);
  }

  private finish(number: number, graceMs: number): void {
    const retiring = this.retiring.get(number);
    if (retiring === undefined) return;
    clearTimeout(retiring.timer);
    this.retiring.delete(number);
    void this.stopAll([retiring.pool.supervisor], graceMs);
  }

  /** A thread has taken the place of front number `front`: it knows the pools in force and no old ones. */
  frontReplaced(front: number): void {
    for (const supervisor of this.living) supervisor.frontReplaced(front);
    for (const number of this.retiring.keys()) this.retired(front, number);
  }

  discard({ fresh }: StagedPools): Promise<void> {
    return this.stopAll(fresh, 0);
  }

  /** Everything that runs. */
  stop(graceMs: number): Promise<void> {
    for (const { timer } of this.retiring.values()) clearTimeout(timer);
    this.retiring.clear();
    return this.stopAll([...this.living], graceMs);
  }

  private async stopAll(supervisors: readonly AppSupervisor[], graceMs: number): Promise<void> {
    await Promise.all(
      supervisors.map(async (supervisor) => {
        await supervisor.stop(graceMs);
        this.living.delete(supervisor);
      }),
    );
  }
}

/** What fronts and watches alone go by. */
const BESIDE: readonly string[] = [
  "uwsgiSockets",
  "sendfileRoots",
  "requestTimeoutMs",
  "touchReload",
] satisfies (keyof AppConfig)[];

function madeOf(app: AppConfig, { server }: Config): string {
  const own = Object.entries(app).filter(([key]) => !BESIDE.includes(key));
  return JSON.stringify([own, server.temporaryDirectory]);
}
