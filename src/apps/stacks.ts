/**
 * Where the threads of a worker are, for the log. A signal makes Python's faulthandler write all their stacks from C
 * into a file that master and workers share: also when the GIL is held by a call into C, and nothing can block there. A
 * process that is stopped (SIGSTOP) or deep in the kernel says nothing, and is not waited for.
 */
import { closeSync, fstatSync, ftruncateSync, readSync } from "node:fs";
import { openTemporary } from "../os/temporary.ts";

/** A real-time signal, which no application is known to use; `stacksSignal` of the settings tells the worker. */
export const STACKS_SIGNAL = 50;

const WAIT_MS = 600;
const POLL_MS = 30;
/** faulthandler stops at 100 threads of 100 frames. */
const STACKS_BYTES_MAX = 256 * 1024;

export interface ThreadStack {
  /** Hexadecimal digits without leading zeroes; "" when the interpreter does not say. */
  readonly thread: string;
  /** `  File "/x/views.py", line 7 in report`, innermost first. */
  readonly lines: readonly string[];
}

export class StackFile {
  /** What workers inherit. */
  readonly fd: number;
  /** One worker at a time writes. */
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;

  /** Throws what the file system throws. */
  constructor(temporaryDirectory: string) {
    this.fd = openTemporary(temporaryDirectory);
  }

  /** Of a worker that is ready: before, the signal would end it. Empty when it does not answer. */
  of(pid: number): Promise<ThreadStack[]> {
    const turn = this.last.then(() => this.ask(pid)).catch(() => []);
    this.last = turn;
    return turn;
  }

  private async ask(pid: number): Promise<ThreadStack[]> {
    if (this.closed) return [];
    ftruncateSync(this.fd, 0);
    process.kill(pid, STACKS_SIGNAL);
    let size = 0;
    for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += POLL_MS) {
      await Bun.sleep(POLL_MS);
      if (this.closed) return [];
      const before = size;
      size = fstatSync(this.fd).size;
      if (size > 0 && size === before) break;
    }
    return parseStacks(this.read(size));
  }

  private read(size: number): string {
    const bytes = Buffer.alloc(Math.min(size, STACKS_BYTES_MAX));
    return bytes.toString("utf8", 0, readSync(this.fd, bytes, 0, bytes.length, 0));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeSync(this.fd);
  }
}

/** Of what faulthandler writes: `Thread 0x00007f… (most recent call first):` and `Current thread 0x00007f…` begin a
 *  thread, `Stack (most recent call first):` the only one. */
export function parseStacks(text: string): ThreadStack[] {
  const stacks: { thread: string; lines: string[] }[] = [];
  for (const line of text.split("\n")) {
    const head = /^(?:(?:Current t|T)hread 0x0*([0-9a-f]+)|Stack)\b.*:$/.exec(line);
    if (head !== null) stacks.push({ thread: head[1] ?? "", lines: [] });
    else if (line.trim() !== "") stacks.at(-1)?.lines.push(line);
  }
  return stacks;
}

/** Our own frames lead to the application's; a thread with no others is idle. */
export function linesOfTheirs({ lines }: ThreadStack): readonly string[] {
  return lines.slice(0, lines.findLastIndex((line) => !isOurs(line)) + 1);
}

function isOurs(line: string): boolean {
  return (
    line.includes('File "<server ') ||
    line.includes('File "<string>"') ||
    /threading\.py", line \d+ in _?(?:run|bootstrap)/.test(line)
  );
}
