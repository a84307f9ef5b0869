/** What a check has found: of one thing, how it is, and what to do about it. */

/** `notice`: it serves, and could be better. `unknown`: it could not be seen from here, and why. */
export type Verdict = "ok" | "notice" | "problem" | "unknown";

/** What `--fix` may do: it takes nothing away and can be undone. */
export interface Fix {
  /** `makes /var/log/mysite` */
  readonly does: string;
  /** A string says why it could not. */
  readonly run: () => Promise<string | undefined>;
}

export interface Finding {
  readonly verdict: Verdict;
  /** `port 443`, `app mysite`, `/var/log` */
  readonly subject: string;
  /** `is taken by nginx, pid 812` */
  readonly says: string;
  /** A command or a line to change, for all but what is well. */
  readonly remedy: string | undefined;
  /** Further lines, such as the end of a traceback. */
  readonly lines: readonly string[];
  readonly fix: Fix | undefined;
}

interface More {
  readonly lines?: readonly string[];
  readonly fix?: Fix | undefined;
}

export function ok(subject: string, says: string): Finding {
  return { verdict: "ok", subject, says, remedy: undefined, lines: [], fix: undefined };
}

export function unknown(subject: string, says: string): Finding {
  return { ...ok(subject, says), verdict: "unknown" };
}

export function notice(subject: string, says: string, remedy: string, more: More = {}): Finding {
  return { verdict: "notice", subject, says, remedy, lines: more.lines ?? [], fix: more.fix };
}

export function problem(subject: string, says: string, remedy: string, more: More = {}): Finding {
  return { ...notice(subject, says, remedy, more), verdict: "problem" };
}
