/** Standard input line by line, for questions that are asked in lines. Ctrl-C and the end of input are no line. */
import { createInterface, type Interface } from "node:readline";

export class LineInput {
  private readonly waiting: string[] = [];
  private want: ((line: string | undefined) => void) | undefined;
  private lines: Interface | undefined;
  private ended = false;

  next(): Promise<string | undefined> {
    this.lines ??= this.open();
    const line = this.waiting.shift();
    if (line !== undefined || this.ended) return Promise.resolve(line);
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.want = resolve;
    return promise;
  }

  private open(): Interface {
    const lines = createInterface({ input: process.stdin, terminal: false });
    lines.on("line", (line) => this.take(line));
    const end = () => {
      this.ended = true;
      this.take(undefined);
    };
    lines.once("close", end);
    process.once("SIGINT", end);
    return lines;
  }

  private take(line: string | undefined): void {
    const { want } = this;
    this.want = undefined;
    if (want !== undefined) want(line);
    else if (line !== undefined) this.waiting.push(line);
  }
}
