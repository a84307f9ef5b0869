/**
 * When a certificate is renewed, how long a failure is waited out, and of whom the next one is asked. Pure: the clock and
 * chance are parameters.
 */
import { createHash } from "node:crypto";

export interface Lifetime {
  readonly fromMs: number;
  readonly toMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Let's Encrypt asks for no more than 5 failures of a name per hour. */
const FIRST_PAUSE_MS = 2 * MINUTE_MS;
const LONGEST_PAUSE_MS = DAY_MS;
/** From this many failures on, the second authority gets every other turn. */
const PATIENCE = 3;
/** Without a window of the authority's own it is asked again this often (RFC 9773 section 4.3.3). */
export const ASK_AGAIN_MS = 6 * HOUR_MS;

/** For `renewAtMs`; also after a restart. `cert`: PEM. */
export function chanceOf(cert: string): number {
  return createHash("sha256").update(cert).digest().readUInt32BE(0) / 2 ** 32;
}

/** At `window`, somewhere in it (RFC 9773 section 4.2), but not when less than a thirtieth of the lifetime is left, whatever it says; else when a third of the lifetime is left, or up to a thirtieth of it
 *  before, so that all who began together do not come together. `chance`: 0 to 1, the same for one certificate. */
export function renewAtMs(lifetime: Lifetime, window: Lifetime | undefined, chance: number): number {
  const length = lifetime.toMs - lifetime.fromMs;
  if (window !== undefined) {
    const within = window.fromMs + chance * Math.max(0, window.toMs - window.fromMs);
    return Math.min(within, lifetime.toMs - length / 30);
  }
  return lifetime.toMs - length / 3 - (chance * length) / 30;
}

/** After so many failures in a row (1 and more): twice as long each time, up to a day; and until one of the authorities lets
 *  us come again. `barredMs`: for how long each does not; none has no word in it. */
export function pauseMs(failures: number, barredMs: readonly number[], chance: number): number {
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(20, failures - 1));
  return Math.max(barredMs.length === 0 ? 0 : Math.min(...barredMs), pause * (0.75 + chance / 2));
}

export interface Attempt {
  readonly authority: "first" | "second";
  /** Whether it would work is tried out where a failure costs nothing. */
  readonly rehearsed: boolean;
}

export interface Means {
  readonly hasSecond: boolean;
  readonly hasStaging: boolean;
  /** It has told us not to come yet (Retry-After). */
  readonly isFirstBarred: boolean;
  readonly isSecondBarred: boolean;
}

export function nextAttempt(failures: number, means: Means): Attempt {
  const { hasSecond, hasStaging, isFirstBarred, isSecondBarred } = means;
  const isItsTurn = failures >= PATIENCE && (failures - PATIENCE) % 2 === 0;
  const isSecond = hasSecond && !isSecondBarred && (isItsTurn || isFirstBarred);
  return { authority: isSecond ? "second" : "first", rehearsed: !isSecond && hasStaging && failures > 0 };
}

/** Is less than a sixth of the lifetime left? Then a failure is no longer one among many. */
export function isPressing({ fromMs, toMs }: Lifetime, nowMs: number): boolean {
  return toMs - nowMs < (toMs - fromMs) / 6;
}
