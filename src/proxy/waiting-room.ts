/**
 * Requests that wait because no server can be asked: all are down, or as busy as they may be (`wait`). They are tried again
 * when a server becomes free or well, and ten times a second, since nobody tells when one is back. Bounded in number.
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
    this.timer ??= setInterval(() => this.call(), RETRY_INTERVAL_MS);
    return true;
  }

  leave(one: Waiting): void {
    this.waiting = this.waiting.filter((other) => other !== one);
    this.rest();
  }

  /** Something became free: whoever waits is asked soon, outside of what goes on now. */
  wake(): void {
    if (this.called || this.waiting.length === 0) return;
    this.called = true;
    setImmediate(() => {
      this.called = false;
      this.call();
    });
  }

  private call(): void {
    const all = this.waiting;
    this.waiting = [];
    const nowMs = monotonicMs();
    for (const one of all) {
      if (nowMs >= one.waitsUntilMs) one.waitedInVain();
      else one.tryAgain();
    }
    this.rest();
  }

  private rest(): void {
    if (this.waiting.length > 0 || this.timer === undefined) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
