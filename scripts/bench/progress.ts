/** What is going on, on one line of the terminal that is written over; elsewhere nothing. */

/** Of a terminal that does not know its width, and says 0. */
const USUAL_COLUMNS = 80;

/** What of a line stays on one line: the last column is left free, or the terminal would begin another. */
export function fitting(line: string, columns: number | undefined): string {
  return line.slice(0, (columns || USUAL_COLUMNS) - 1);
}

export class Progress {
  private readonly total: number;
  private done = 0;
  private readonly began = performance.now();

  constructor(total: number) {
    this.total = total;
  }

  show(...words: readonly string[]): void {
    if (!process.stderr.isTTY) return;
    const seconds = Math.round((performance.now() - this.began) / 1000);
    const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    const line = `[${this.done + 1}/${this.total} ${clock}] ${words.join(" · ")}`;
    process.stderr.write(`\r\u001b[2K${fitting(line, process.stderr.columns)}`);
  }

  /** A row is over: what follows on the terminal begins on an empty line. */
  next(): void {
    this.done++;
    this.clear();
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[2K");
  }
}
