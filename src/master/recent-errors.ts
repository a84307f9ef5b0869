/** The last errors, each kind once, with a hint where one is known: for `server status` and the status page. */
import { bareLine, type LogLevel } from "../base/log.ts";
import { hintFor } from "../project/hints.ts";

export interface RecentError {
  /** When it came last, Unix milliseconds. */
  readonly at: number;
  readonly times: number;
  /** As in the log, without its time and its process. */
  readonly text: string;
  readonly hint: string | undefined;
}

export const ERRORS_MAX = 10;
const TEXT_MAX = 2000;
const ERRORS: ReadonlySet<LogLevel> = new Set(["error", "crit"]);

/** What a worker prints on stderr comes line by line, whatever it means: of a traceback the last line tells what it was. */
const PRINTED = /(?:\[error\] app [^:]+: |"message":")worker \d+: (.*)/;
const EXCEPTION =
  /^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Timeout|DoesNotExist|Http404|Disallowed\w*|Configured): /;

export class RecentErrors {
  /** By what is the same when it comes again; the last that came is the last. */
  private readonly kept = new Map<string, RecentError>();

  add(line: string, level: LogLevel, atMs: number): void {
    const bare = bareLine(line);
    const printed = PRINTED.exec(bare)?.[1];
    const isError = ERRORS.has(level) && (printed === undefined || EXCEPTION.test(printed));
    // Indented are the lines of the program that lead to it.
    const hint = level === "debug" || printed?.startsWith(" ") === true ? undefined : hintFor(line);
    if (!isError && hint === undefined) return;
    const text = bare.trimEnd().slice(0, TEXT_MAX);
    const kind = text.replace(/\d+/g, "0");
    const times = (this.kept.get(kind)?.times ?? 0) + 1;
    this.kept.delete(kind);
    this.kept.set(kind, { at: atMs, times, text, hint });
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= ERRORS_MAX) break;
      this.kept.delete(oldest);
    }
  }

  /** The newest last. */
  get all(): readonly RecentError[] {
    return [...this.kept.values()];
  }
}
