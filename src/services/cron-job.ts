/**
 * [cron.NAME]: a command at certain times. Runs while the server runs: what was due while it was down is not made up, as in
 * cron(8). Times are those of the wall clock, looked at often enough that a clock that was set, or a machine that slept, is
 * noticed; of all runs that were missed so, one is made up.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { Child, type ChildOwner, type CommandOptions, type Exit } from "./child.ts";
import { nextTime, type OffsetAt, type Schedule } from "./schedule.ts";

export interface CronOptions extends CommandOptions {
  readonly name: string;
  readonly schedule: Schedule;
  readonly offsetAt: OffsetAt;
  /** May a run begin while another is at work? */
  readonly overlap: boolean;
  /** Of a run; undefined: none. */
  readonly timeoutMs: number | undefined;
  readonly missed: "run" | "skip";
}

/** How often the clock is looked at, at least. */
const LOOK_MS = 15_000;
/** Later than that is missed, and a clock that is back by more was set. */
const LATE_MS = 60_000;
const LAST_LINES = 10;
/** Runs at once, with `overlap`: a command that never ends must not fill the machine. */
const RUNS_MAX = 16;

interface Run {
  readonly child: Child;
  readonly startedAt: number;
  readonly lines: string[];
  timer: Timer | undefined;
  timedOut: boolean;
}

export interface CronStatus {
  readonly name: string;
  /** Unix time, milliseconds; undefined when it never comes. */
  readonly nextAt: number | undefined;
  readonly running: readonly { readonly pid: number; readonly forMs: number }[];
  readonly runs: number;
  readonly failures: number;
  /** Not begun, since another run was at work or the time was missed. */
  readonly skipped: number;
  readonly last:
    | {
        readonly startedAt: number;
        readonly tookMs: number;
        readonly ok: boolean;
        readonly cause: string;
        readonly lastLines: readonly string[];
      }
    | undefined;
}

export class CronJob implements ChildOwner {
  readonly name: string;
  private readonly options: CronOptions;
  private readonly log: Log;
  private readonly clock: () => number;
  private readonly running = new Set<Run>();
  private timer: Timer | undefined;
  private phase: "new" | "running" | "stopping" = "new";
  private next: number | undefined;
  private looked = 0;
  private counts = { runs: 0, failures: 0, skipped: 0 };
  private last: CronStatus["last"];
  private readonly stopped = Promise.withResolvers<void>();

  /** `clock`: Unix time in milliseconds. */
  constructor(options: CronOptions, log: Log, clock: () => number = Date.now) {
    this.options = options;
    this.name = options.name;
    this.log = log;
    this.clock = clock;
  }

  start(): void {
    this.phase = "running";
    this.plan(this.clock());
    this.wait();
  }

  private plan(after: number): void {
    this.looked = this.clock();
    this.next = nextTime(this.options.schedule, after, this.options.offsetAt);
  }

  private wait(): void {
    if (this.next === undefined || this.phase !== "running") return;
    const delay = Math.min(Math.max(0, this.next - this.clock()), LOOK_MS);
    this.timer = setTimeout(() => this.look(), delay);
  }

  /** What the clock says now. Public for tests, which have clocks of their own. */
  look(): void {
    clearTimeout(this.timer);
    const now = this.clock();
    if (now < this.looked - LATE_MS) this.plan(now);
    this.looked = now;
    if (this.next !== undefined && now >= this.next) {
      const late = now - this.next;
      // In step with its beginning, unless that is long ago.
      this.plan(late > LATE_MS || this.options.schedule.kind === "times" ? now : this.next);
      this.due(late);
    }
    this.wait();
  }

  private due(lateMs: number): void {
    const { missed, overlap } = this.options;
    if (lateMs > LATE_MS && missed === "skip") return this.skip(`missed by ${Math.round(lateMs / 1000)} s`);
    if (this.running.size > 0 && !overlap) return this.skip("the last run is still at work");
    if (this.running.size >= RUNS_MAX) return this.skip(`${RUNS_MAX} runs are at work`);
    this.begin();
  }

  private skip(why: string): void {
    this.counts.skipped++;
    this.log.warn(`skipped: ${why}`);
  }

  private begin(): void {
    this.counts.runs++;
    const startedAt = this.clock();
    try {
      const child = new Child(this.options, this);
      const run: Run = { child, startedAt, lines: [], timer: undefined, timedOut: false };
      const { timeoutMs } = this.options;
      if (timeoutMs !== undefined) run.timer = setTimeout(() => this.expire(run), timeoutMs);
      this.running.add(run);
      this.log.info(`started: pid ${child.pid}`);
    } catch (error) {
      this.finished(
        { startedAt, tookMs: 0, ok: false, cause: `could not be started: ${(error as Error).message}` },
        [],
      );
    }
  }

  private expire(run: Run): void {
    run.timedOut = true;
    run.child.stop();
  }

  private runOf(child: Child): Run {
    // Every child belongs to a run until its exit.
    return [...this.running].find((run) => run.child === child) as Run;
  }

  childPrinted(child: Child, line: string): void {
    if (line === "") return;
    const { lines } = this.runOf(child);
    lines.push(line);
    if (lines.length > LAST_LINES) lines.shift();
    this.log.notice(line);
  }

  childExited(child: Child, { code, cause }: Exit): void {
    const run = this.runOf(child);
    clearTimeout(run.timer);
    this.running.delete(run);
    const tookMs = Math.round(monotonicMs() - child.startedMs);
    const why = run.timedOut ? `${cause} after timeout (${this.options.timeoutMs} ms)` : cause;
    const ok = code === 0 && !run.timedOut;
    this.finished({ startedAt: run.startedAt, tookMs, ok, cause: why }, run.lines);
    this.finishStop();
  }

  private finished(last: Omit<NonNullable<CronStatus["last"]>, "lastLines">, lines: readonly string[]): void {
    this.last = { ...last, lastLines: lines };
    if (!last.ok) this.counts.failures++;
    this.log[last.ok ? "info" : "error"](`${last.cause} after ${(last.tookMs / 1000).toFixed(1)} s`);
  }

  /** Nothing begins any more; what runs is ended as a service is. */
  stop(graceMs?: number): Promise<void> {
    this.phase = "stopping";
    clearTimeout(this.timer);
    for (const { child } of this.running) child.stop(graceMs);
    this.finishStop();
    return this.stopped.promise;
  }

  private finishStop(): void {
    if (this.phase === "stopping" && this.running.size === 0) this.stopped.resolve();
  }

  status(): CronStatus {
    const now = monotonicMs();
    const running = [...this.running].map(({ child }) => ({
      pid: child.pid,
      forMs: Math.round(now - child.startedMs),
    }));
    return { name: this.name, nextAt: this.next, running, ...this.counts, last: this.last };
  }
}
