/**
 * Time: monotonic for every deadline and duration, wall clock only for what people and headers read. Where an event loop is ours, it
 * stands still while the events that came together are dealt with (as nginx's ngx_current_msec does): then one look at the clock
 * serves all of them.
 */

/** NaN outside of a turn. */
let turnMs = NaN;
let turnWallMs = 0;

/** Milliseconds since the thread began; never goes back. */
export function monotonicMs(): number {
  return turnMs === turnMs ? turnMs : performance.now();
}

/** As monotonicMs, but never standing still: for what is compared between threads. */
export function liveMs(): number {
  return performance.now();
}

/** Milliseconds since 1970-01-01 UTC. */
export function wallMs(): number {
  return turnMs === turnMs ? turnWallMs : Date.now();
}

/** Reads the clock for all that is done until `endTurn`. */
export function beginTurn(): void {
  turnMs = performance.now();
  turnWallMs = Date.now();
}

export function endTurn(): void {
  turnMs = NaN;
}
