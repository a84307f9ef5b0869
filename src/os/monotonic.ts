/** CLOCK_MONOTONIC (clock_gettime(2)): the one clock that Bun, Python and the kernel read alike. */
import { liveMs } from "../base/clock.ts";
import { check, libc, ptr } from "./libc.ts";

const CLOCK_MONOTONIC = 1;

/** A thread may be put aside between its looks at the two clocks: of several tries the quickest is believed. */
const TRIES = 5;

/** Add this to base/clock `monotonicMs()` of this thread to get CLOCK_MONOTONIC, in milliseconds. */
export function monotonicOffsetMs(): number {
  let quickest = { tookMs: Infinity, offsetMs: 0 };
  for (let i = 0; i < TRIES; i++) {
    const beforeMs = liveMs();
    const kernelMs = clockMonotonicMs();
    const tookMs = liveMs() - beforeMs;
    if (tookMs < quickest.tookMs) quickest = { tookMs, offsetMs: kernelMs - beforeMs };
  }
  return quickest.offsetMs;
}

function clockMonotonicMs(): number {
  const time = new BigInt64Array(2);
  check(libc.clock_gettime(CLOCK_MONOTONIC, ptr(time)), "clock_gettime", "CLOCK_MONOTONIC");
  const [seconds = 0n, nanoseconds = 0n] = time;
  return Number(seconds) * 1000 + Number(nanoseconds) / 1e6;
}

/** As sd_notify(3) wants it. */
export function clockMonotonicUs(): number {
  return Math.round(clockMonotonicMs() * 1000);
}
