/**
 * What a child process prints: its pipes are read line by line for the error log. Lines are bounded, and only one chunk is in
 * memory at a time: a process that prints faster than the log takes it is slowed down by its pipe.
 */
import { closeSync } from "node:fs";
import { asBuffer, concat, EMPTY } from "../base/bytes.ts";

/** A longer line is cut into several. uWSGI: 4 KiB (log-master-bufsize, 8 KiB). */
const LINE_BYTES_MAX = 8 * 1024;
const NEWLINE = 0x0a;

/** Splits bytes into lines. Pure. */
export class LineSplitter {
  private rest: Uint8Array = EMPTY;
  private readonly lineBytesMax: number;

  constructor(lineBytesMax: number = LINE_BYTES_MAX) {
    this.lineBytesMax = lineBytesMax;
  }

  /** The lines that are complete with these bytes, without their ends. */
  push(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    const { lineBytesMax } = this;
    let left = concat(this.rest, bytes);
    for (;;) {
      const end = left.indexOf(NEWLINE);
      const length = end === -1 || end > lineBytesMax ? lineBytesMax : end;
      if (end === -1 && left.length < lineBytesMax) break;
      lines.push(asText(left.subarray(0, length)));
      left = left.subarray(length === end ? length + 1 : length);
    }
    this.rest = left.slice();
    return lines;
  }

  /** What is left when the pipe ends. */
  end(): string[] {
    const { rest } = this;
    this.rest = EMPTY;
    return rest.length === 0 ? [] : [asText(rest)];
  }
}

function asText(bytes: Uint8Array): string {
  return asBuffer(bytes).utf8Slice().trimEnd();
}

/** Reads the pipe `fd` to its end, then closes it. `stop` ends it earlier: a process that the child left behind may
 *  hold the other end. */
export function readLines(fd: number, line: (text: string) => void): { readonly ended: Promise<void>; stop(): void } {
  const reader = openReader(fd);
  const ended = pump(reader, line).finally(() => closeSync(fd));
  return { ended, stop: () => void reader.cancel().catch(() => {}) };
}

function openReader(fd: number) {
  return Bun.file(fd).stream().getReader();
}

async function pump(reader: ReturnType<typeof openReader>, line: (text: string) => void): Promise<void> {
  const splitter = new LineSplitter();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const text of splitter.push(value)) line(text);
    }
  } catch {
    // a pipe that cannot be read says no more
  }
  for (const text of splitter.end()) line(text);
}
