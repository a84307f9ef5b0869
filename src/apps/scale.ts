/**
 * How many workers an app should have: between `min` and `max`, by what its threads were seen to do. Pure; the supervisor
 * samples. uWSGI: cheaper, with the busyness algorithm.
 *
 * Each size k remembers when k workers were last needed. The app has as many as were needed within `idleMs`: it grows at
 * once and shrinks one level after the other, each when it was not needed for that long.
 */

export interface ScaleOptions {
  readonly min: number;
  readonly max: number;
  /** Threads of each worker. */
  readonly threads: number;
  readonly idleMs: number;
}

/** A worker more than the busiest moment needed leaves after this long. uWSGI: a few tens of seconds (cheaper-overload ×
 *  cheaper-step). */
export const IDLE_MS = 60_000;

export interface LoadSample {
  readonly ready: number;
  readonly starting: number;
  /** Threads with a request at hand. */
  readonly running: number;
  /** Requests that no thread has taken. */
  readonly waiting: number;
  /** Requests were answered since the last sample. */
  readonly served: boolean;
}

export class Scale {
  private readonly options: ScaleOptions;
  /** [k - 1]: when k workers were last needed. */
  private readonly neededMs: number[];
  /** The sample before saw requests wait and nobody idle. */
  private pressed = false;

  constructor(options: ScaleOptions) {
    this.options = options;
    this.neededMs = Array.from({ length: options.max }, () => Number.NEGATIVE_INFINITY);
  }

  get isFixed(): boolean {
    return this.options.min === this.options.max;
  }

  /** `count` workers are needed now, whatever the samples say: the first request of an app without any. */
  need(count: number, nowMs: number): void {
    for (let k = 0; k < Math.min(count, this.options.max); k++) this.neededMs[k] = nowMs;
  }

  sample(load: LoadSample, nowMs: number): void {
    const { threads } = this.options;
    const size = load.ready + load.starting;
    const isActive = load.served || load.running + load.waiting > 0;
    this.need(Math.max(isActive ? 1 : 0, Math.ceil(load.running / threads)), nowMs);
    const isPressed = load.waiting > 0 && load.running >= load.ready * threads;
    // One glance may fall on a burst that is over a moment later; and those that start may be enough.
    if (isPressed && this.pressed && load.starting === 0) this.need(grown(load, threads, size), nowMs);
    this.pressed = isPressed;
  }

  desired(nowMs: number): number {
    const { min, max, idleMs } = this.options;
    for (let k = max; k > min; k--) if ((this.neededMs[k - 1] as number) + idleMs > nowMs) return k;
    return min;
  }

  /** When fewer are desired if nothing happens; undefined: never. */
  shrinksMs(nowMs: number): number | undefined {
    const desired = this.desired(nowMs);
    return desired > this.options.min ? (this.neededMs[desired - 1] as number) + this.options.idleMs : undefined;
  }
}

/** Enough for those that wait, but at most twice as many as there are: an import costs more than a short wait. */
function grown({ running, waiting }: LoadSample, threads: number, size: number): number {
  return Math.min(Math.max(size + 1, Math.ceil((running + waiting) / threads)), Math.max(1, size * 2));
}
