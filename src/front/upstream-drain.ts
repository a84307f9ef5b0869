/**
 * What a reload has left of an upstream: all of it, or one route to it. What is under way there goes on for so long (`drain_timeout` of
 * [upstream.NAME]) and is then broken off; and so is what an exchange of before begins there after that.
 */
import { formatDuration } from "../base/units.ts";
import type { BrokenOff, Upstream } from "../proxy/upstream.ts";

export class UpstreamDrain {
  readonly upstream: Upstream;
  /** Undefined: the whole upstream. */
  private readonly route: object | undefined;
  private readonly boundMs: number;
  private readonly untilMs: number;

  /** `nowMs` of the reload, base/clock monotonicMs. */
  constructor(upstream: Upstream, route: object | undefined, boundMs: number, nowMs: number) {
    this.upstream = upstream;
    this.route = route;
    this.boundMs = boundMs;
    this.untilMs = nowMs + boundMs;
  }

  look(nowMs: number): void {
    if (nowMs < this.untilMs) return;
    const broken = this.upstream.breakOff(this.route);
    if (broken.requests + broken.tunnels > 0) this.tell(broken);
  }

  private tell({ requests, tunnels }: BrokenOff): void {
    const { name, log } = this.upstream;
    const what = this.route === undefined ? "its settings" : "their route to it";
    const since = `${formatDuration(this.boundMs)} after a reload changed or removed ${what}`;
    log.warn(`upstream ${name}: broken off (drain_timeout), ${since}: requests: ${requests}, tunnels: ${tunnels}`);
  }

  /** Is nothing under way any more? */
  get isOver(): boolean {
    return this.route === undefined ? this.upstream.close() : !this.upstream.isUsedBy(this.route);
  }
}
