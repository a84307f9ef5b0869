/** What is going on, on one line of the terminal that is written over; elsewhere nothing. */

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
    process.stderr.write(`\r\u001b[2K${line.slice(0, process.stderr.columns - 1)}`);
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
