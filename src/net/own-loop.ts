/**
 * The loop of the calling thread, if it has one of its own: front threads do, from their beginning. Then listen and connect use it
 * for everything but TLS; elsewhere they are Bun's.
 *
 * From then on the timers of this thread tell the loop when Bun is to have its turn, and `setImmediate` is a step of the loop's own.
 */
import { liveMs } from "../base/clock.ts";
import { findBunEpoll } from "./bun-epoll.ts";
import { Loop } from "./loop.ts";

let own: Loop | undefined;

export function ownLoop(): Loop | undefined {
  return own;
}

/** For the life of the thread. Resolves when it knows Bun's events. */
export async function takeLoop(): Promise<Loop> {
  const loop = new Loop();
  own = loop;
  watchTimers(loop);
  const bun = await findBunEpoll();
  if (bun !== undefined) loop.listenToBun(bun);
  return loop;
}

/** The thread ends, for whatever reason: its connections end with it. */
export function endLoop(): void {
  own?.closeAll();
}

/** Bun rings a little late rather than early, and counts from now, not from when this turn began. */
function dueMs(delayMs: number): number {
  return liveMs() + Math.max(1, delayMs) + 1;
}

type Callback = (...args: unknown[]) => void;

/** In place of the runtime's functions, so that whoever sets a timer need not know. */
function watchTimers(loop: Loop): void {
  const { setTimeout: later, setInterval: repeatedly } = globalThis;
  const soon = (callback: Callback, ...args: unknown[]) => loop.afterwards(() => callback(...args));
  // Behind the runtime's own look at the clock: a thread that stood still between the two would expect the timer before it is due.
  const watchedTimeout = (callback: Callback, delayMs = 0, ...args: unknown[]) => {
    const timer = later(callback, delayMs, ...args);
    loop.expect(dueMs(delayMs));
    return timer;
  };
  const watchedInterval = (callback: Callback, everyMs = 0, ...args: unknown[]) => {
    const expectNext = () => loop.expect(dueMs(everyMs));
    const ring = () => {
      try {
        callback(...args);
      } finally {
        expectNext();
      }
    };
    const timer = repeatedly(ring, everyMs);
    expectNext();
    return timer;
  };
  Object.assign(globalThis, { setImmediate: soon, setTimeout: watchedTimeout, setInterval: watchedInterval });
}
