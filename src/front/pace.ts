/**
 * The minimum rate of a transfer: bytes against the time in which they were awaited. Timeouts between two reads are no bound
 * on a client that sends a byte before each of them is over (Slow POST, slow read). nginx has none of this; Apache's
 * mod_reqtimeout asks for 500 bytes/s, Kestrel for 240.
 */
import { SWEEP_INTERVAL_MS } from "./options.ts";

/** Awaited this long before the rate counts: a mobile phone may lose its network for a moment (Kestrel: 5 s). */
export const PACE_GRACE_MS = 5_000;

/** A sweep that comes late, because this thread was busy or asleep, is not the client's fault. */
const ELAPSED_MS_MAX = 2 * SWEEP_INTERVAL_MS;

export class Pace {
  private awaitedMs = 0;
  private lastMs = 0;

  /** A new transfer begins. */
  reset(): void {
    this.awaitedMs = 0;
    this.lastMs = 0;
  }

  /** To be asked at each sweep. `bytes`: transferred since the reset; `awaited`: is it the peer's turn now? Time in which it
   *  is not does not count. `rateMin`: bytes per second, 0 for none. */
  isTooSlow(nowMs: number, bytes: number, awaited: boolean, rateMin: number): boolean {
    const elapsedMs = this.lastMs === 0 ? 0 : Math.min(nowMs - this.lastMs, ELAPSED_MS_MAX);
    this.lastMs = nowMs;
    if (!awaited) return false;
    this.awaitedMs += elapsedMs;
    const countedMs = this.awaitedMs - PACE_GRACE_MS;
    return countedMs > 0 && bytes < (countedMs * rateMin) / 1000;
  }
}
