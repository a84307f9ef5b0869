/** Whether and when a service that has ended is started again. Pure. */

export const RESTART_RULES = ["always", "on-failure", "never"] as const;
export type RestartRule = (typeof RESTART_RULES)[number];

/** A service that ran for so long did not fail at its start: the next failure counts from the beginning. systemd judges
 *  likewise by 5 starts in 10 s; supervisor takes 1 s (startsecs). */
export const SETTLED_MS = 10_000;
/** Pauses between starts: 1, 2, 4 … 60 s. */
export const BACK_OFF_MIN_MS = 1_000;
export const BACK_OFF_MAX_MS = 60_000;

export interface Ended {
  /** Undefined: by a signal. */
  readonly code: number | undefined;
  readonly ranMs: number;
  /** Ends in a row before this one, each soon after its start. */
  readonly failures: number;
}

export type Verdict =
  | { readonly kind: "restart"; readonly delayMs: number; readonly failures: number }
  | { readonly kind: "stay"; readonly failures: number };

export function afterEnd(rule: RestartRule, { code, ranMs, failures }: Ended): Verdict {
  const before = ranMs >= SETTLED_MS ? 0 : failures;
  const isOver = rule === "never" || (rule === "on-failure" && code === 0);
  if (isOver) return { kind: "stay", failures: code === 0 ? 0 : before + 1 };
  return { kind: "restart", delayMs: Math.min(BACK_OFF_MIN_MS * 2 ** before, BACK_OFF_MAX_MS), failures: before + 1 };
}
