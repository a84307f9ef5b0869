/**
 * Requests that wait because no server can be asked: all are down, or as busy as they may be (`wait`). They are tried again
 * when a server becomes free or well. Nobody tells when a dead one is back, so ten times a second one of them finds out for
 * all: however many wait, a server that is coming up is not overrun, and a dead one costs no more. Bounded in number.
 */
import { monotonicMs } from "../base/clock.ts";
import { WAITING_MAX } from "./options.ts";

const RETRY_INTERVAL_MS = 100;

export interface Waiting {
  /** base/clock monotonicMs. */
  readonly waitsUntilMs: number;
  /** Another attempt; it may come back here. */
  tryAgain(): void;
  waitedInVain(): void;
}

export class WaitingRoom {
  private waiting: Waiting[] = [];
  private timer: Timer | undefined = undefined;
  private called = false;

  /** False: there is no room. */
  enter(one: Waiting): boolean {
    if (this.waiting.length >= WAITING_MAX) return false;
    this.waiting.push(one);
    this.timer ??= setInterval(() => this.call(1), RETRY_INTERVAL_MS);
    return true;
  }

  leave(one: Waiting): void {
    this.waiting = this.waiting.filter((other) => other !== one);
    this.rest();
  }

  /** A server is free or well: whoever waits is tried soon, outside of what goes on now. */
  wake(): void {
    if (this.called || this.waiting.length === 0) return;
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
  }
}
