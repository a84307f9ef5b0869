/**
 * What is told when a limit is hit: each hit is counted, and the log gets a line at once, then one at most in ten seconds
 * for each limit, with the number of those that were left out. An attack cannot fill the disk with log lines.
 */
import type { Log } from "../base/log.ts";
import type { LimitName, Usage } from "../exchange/usage.ts";

export const LIMIT_LOG_INTERVAL_MS = 10_000;

export class LimitLog {
  private readonly log: Log;
  private readonly usage: Usage;
  private readonly now: () => number;
  private readonly last = new Map<LimitName, { atMs: number; silent: number; open: boolean }>();

  /** `now`: base/clock monotonicMs. */
  constructor(log: Log, usage: Usage, now: () => number) {
    this.log = log;
    this.usage = usage;
    this.now = now;
  }

  /** Without a line. */
  count(limit: LimitName): void {
    this.usage.hit(limit);
  }

  /** `detail`: whom it hit and what was done, `192.0.2.7: the connection is refused`. */
  hit(limit: LimitName, detail: string): void {
    this.usage.hit(limit);
    const nowMs = this.now();
    const last = this.last.get(limit);
    if (last !== undefined && nowMs - last.atMs < LIMIT_LOG_INTERVAL_MS) {
      last.silent++;
      return;
    }
    const more = last === undefined || last.silent === 0 ? "" : ` (and ${last.silent} times before)`;
    this.last.set(limit, { atMs: nowMs, silent: 0, open: true });
    this.log.warn(`${limit}: ${detail}${more}`);
  }

  /** What was limited goes on: told once for each line that said otherwise. */
  over(limit: LimitName, detail: string): void {
    const last = this.last.get(limit);
    if (last === undefined || !last.open) return;
    last.open = false;
    this.log.info(`${limit}: ${detail}`);
  }
}
