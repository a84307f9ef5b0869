/**
 * Requests that wait because no server can be asked: all are down, or as busy as they may be (`wait`). They are tried again
 * when a server becomes free or well. Nobody tells when a dead one is back, so ten times a second one of them finds out for
 * all: however many wait, a server that is coming up is not overrun, and a dead one costs no more. Bounded in number.
 *
 * Of servers that are as busy as all fronts together may make them (occupancy.ts) each front looks every few milliseconds
 * whether one has room again, since the request that has ended may have been another's. A front that has waiting requests
 * of its own leaves every other place to the others while they wait, too: it would always be there first.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Occupancy } from "./occupancy.ts";
import { WAITING_MAX } from "./options.ts";

const RETRY_INTERVAL_MS = 100;

/** Between two looks at what other fronts have given free. Both intervals are one timer's. */
const LOOK_INTERVAL_MS = 10;

export interface Waiting {
  /** base/clock monotonicMs. */
  readonly waitsUntilMs: number;
  /** Another attempt; it may come back here. */
  tryAgain(): void;
  waitedInVain(): void;
  /** By which it came (ProxyOptions.identity). */
  readonly route: object | undefined;
  /** It leaves. */
  brokenOff(): void;
}

export class WaitingRoom {
  private waiting: Waiting[] = [];
  private timer: Timer | undefined = undefined;
  private called = false;
  private readonly occupancy: Occupancy | undefined;
  private readonly countFull: () => number;
  private full = 0;
  private looks = 0;
  private yielded = false;

  /** `countFull`: how many servers have no room. */
  constructor(occupancy?: Occupancy, countFull: () => number = () => 0) {
    this.occupancy = occupancy;
    this.countFull = countFull;
  }

  /** False: there is no room. */
  enter(one: Waiting): boolean {
    if (this.waiting.length >= WAITING_MAX) return false;
    this.waiting.push(one);
    this.timer ??= this.startTimer();
    return true;
  }

  private startTimer(): Timer {
    if (this.occupancy === undefined) return setInterval(() => this.call(1), RETRY_INTERVAL_MS);
    this.occupancy.waiting = true;
    this.full = this.countFull();
    return setInterval(() => this.look(), LOOK_INTERVAL_MS);
  }

  private look(): void {
    const before = this.full;
    this.full = this.countFull();
    if (this.full < before) return this.call(this.waiting.length);
    if (++this.looks % (RETRY_INTERVAL_MS / LOOK_INTERVAL_MS) === 0) this.call(1);
  }

  leave(one: Waiting): void {
    this.waiting = this.waiting.filter((other) => other !== one);
    this.rest();
  }

  /** Those that came by this route, or all. */
  of(route: object | undefined): Waiting[] {
    return route === undefined ? [...this.waiting] : this.waiting.filter((one) => one.route === route);
  }

  /** A server is free or well: whoever waits is tried soon, outside of what goes on now. */
  wake(): void {
    if (this.called || this.waiting.length === 0) return;
    this.yielded = !this.yielded && this.occupancy?.othersWait === true;
    if (this.yielded) return;
    this.called = true;
    setImmediate(() => {
      this.called = false;
      this.call(this.waiting.length);
    });
  }

  /** The first `count` are tried. */
  private call(count: number): void {
    const all = this.waiting;
    this.waiting = [];
    const nowMs = monotonicMs();
    let left = count;
    for (const one of all) {
      if (nowMs >= one.waitsUntilMs) one.waitedInVain();
      else if (left-- > 0) one.tryAgain();
      else this.waiting.push(one);
    }
    this.rest();
  }

  private rest(): void {
    if (this.waiting.length > 0 || this.timer === undefined) return;
    clearInterval(this.timer);
    this.timer = undefined;
    if (this.occupancy !== undefined) this.occupancy.waiting = false;
  }
}
