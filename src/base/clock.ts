/** Time: monotonic for every deadline and duration, wall clock only for what people and headers read. */

/** Milliseconds since the thread began; never goes back. */
export function monotonicMs(): number {
  return performance.now();
}

/** Milliseconds since 1970-01-01 UTC. */
export function wallMs(): number {
  return Date.now();
}
