/** How a process ended, in words for the log and the status: with what the kernel knows beside the signal. */
import { OomCounter } from "../os/oom.ts";

export class ExitCauses {
  private readonly oom = new OomCounter();

  /** `cause`: `was killed by SIGKILL`. `byUs`: that signal was ours. */
  explain(cause: string, byUs: boolean): string {
    if (!cause.endsWith("SIGKILL") || byUs) return cause;
    return this.oom.struck() ? `${cause} (out of memory: the kernel ended it to free some)` : cause;
  }
}
