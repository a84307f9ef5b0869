/** The last lines of the error log, of the master and all fronts: for `server logs` where the log is no file, and for the
 *  status page. What is not there any more is in the log. */

import { wallMs } from "../base/clock.ts";
import type { LogLevel } from "../base/log.ts";
import { RecentErrors } from "./recent-errors.ts";

export interface RecentLine {
  /** From 1, and one more with each line. */
  readonly number: number;
  /** Without its line feed; a traceback has further ones. */
  readonly text: string;
}

export const RECENT_LINES_MAX = 500;
/** Of a line; a traceback is longer only when something is very wrong. */
const TEXT_MAX = 8 * 1024;

export class RecentLines {
  private readonly kept: RecentLine[] = [];
  private last = 0;

  readonly errors = new RecentErrors();

  add(line: string, level: LogLevel): void {
    this.errors.add(line, level, wallMs());
    this.kept.push({ number: ++this.last, text: line.trimEnd().slice(0, TEXT_MAX) });
    if (this.kept.length > RECENT_LINES_MAX) this.kept.shift();
  }

  /** Those behind number `after`; a number that was never given is of another server. */
  after(after: number): readonly RecentLine[] {
    return after > this.last ? this.kept : this.kept.filter(({ number }) => number > after);
  }
}
