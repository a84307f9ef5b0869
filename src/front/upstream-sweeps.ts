/**
 * When the upstreams of a front are asked for their deadlines: with its sweeps, and between them those that have short ones, so that a
 * timeout of half a second does not take a whole one, and a check that is due five times a second is made as often. Where there is
 * none of these there is no timer, either.
 */
import { monotonicMs } from "../base/clock.ts";

/** So much later than said a short time may be over. */
export const SHORT_SWEEP_MS = 50;

/** Of an upstream. */
export interface Swept {
  readonly hasShortTimes: boolean;
  tick(nowMs: number): void;
  tickBetween(nowMs: number): void;
}

export class UpstreamSweeps {
  private readonly upstreams: () => readonly Swept[];
  private timer: Timer | undefined = undefined;

  /** `upstreams`: those that there are now. */
  constructor(upstreams: () => readonly Swept[]) {
    this.upstreams = upstreams;
  }

  /** To be called when there are others. */
  look(): void {
    if (!this.upstreams().some(({ hasShortTimes }) => hasShortTimes)) this.stop();
    else this.timer ??= setInterval(() => this.sweepShort(), SHORT_SWEEP_MS);
  }

  /** The front's. */
  sweep(nowMs: number): void {
    for (const upstream of this.upstreams()) upstream.tick(nowMs);
    // Those of an old configuration go when their last reply is over.
    this.look();
  }

  private sweepShort(): void {
    const nowMs = monotonicMs();
    for (const upstream of this.upstreams()) if (upstream.hasShortTimes) upstream.tickBetween(nowMs);
  }

  private stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
