/** How a process ended, in words for the log and the status, with what the kernel knows beside the signal; and how many
 *  ended why. */
import { OomCounter } from "../os/oom.ts";

/** What `leaving` begins with (pool.ts) → the cause that is counted. */
const CAUSES = [
  "reload",
  "stop",
  "max_requests",
  "max_lifetime",
  "max_rss",
  "kill_rss",
  "request_timeout",
  "idle",
] as const;

export interface Ended {
  readonly state: { readonly kind: string };
  /** Why it was told to go; undefined when it was not. */
  readonly leaving?: string | undefined;
}

export class ExitCauses {
  /** Ends of processes by cause: those above, `crash` when nobody had told it to go, `out_of_memory`, `other`. */
  readonly counts: Record<string, number> = {};
  private readonly oom = new OomCounter();

  /** `cause`: `was killed by SIGKILL`. */
  explain(cause: string, { state, leaving }: Ended): string {
    const isOurs = state.kind === "killed";
    const isOom = cause.endsWith("SIGKILL") && !isOurs && this.oom.struck();
    const counted = isOom ? "out_of_memory" : causeOf(leaving);
    this.counts[counted] = (this.counts[counted] ?? 0) + 1;
    return isOom ? `${cause} (out of memory: the kernel ended it to free some)` : cause;
  }
}

function causeOf(leaving: string | undefined): string {
  if (leaving === undefined) return "crash";
  return CAUSES.find((known) => leaving.startsWith(known)) ?? "other";
}
