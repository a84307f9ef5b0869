/**
 * What goes into an access log, gathered: written when there is enough or after a moment. One for each log and front
 * thread, whatever sites write to it; a front thread's lines keep their order.
 */
import { fstatSync } from "node:fs";
import { isatty } from "node:tty";
import { LogWriter, type LossEvents } from "../os/log-file.ts";

/** In a file, O_APPEND keeps the writes of several threads apart whatever their size (the kernel locks the inode). */
const FILE_BYTES_MAX = 32 * 1024;
/** In a pipe only up to PIPE_BUF. */
const PIPE_BYTES_MAX = 4096;
/** nginx without `buffer=` writes each line; half a second behind is close enough for people. */
const FLUSH_DELAY_MS = 500;

export class LogBuffer {
  private readonly writer: LogWriter;
  private readonly buffer: Buffer;
  /** Somebody watches. */
  private readonly isTerminal: boolean;
  private used = 0;

  constructor(fd: number, events: LossEvents) {
    this.writer = new LogWriter(fd, events);
    this.buffer = Buffer.allocUnsafeSlow(fstatSync(fd).isFile() ? FILE_BYTES_MAX : PIPE_BYTES_MAX);
    this.isTerminal = isatty(fd);
    setInterval(() => this.flush(), FLUSH_DELAY_MS).unref();
  }

  /** Lines that could not be written, ever. */
  get lost(): number {
    return this.writer.lost;
  }

  /** A line in two parts, latin-1, with its line feed. */
  append(begin: string, end: string): void {
    const { buffer } = this;
    const length = begin.length + end.length;
    if (length > buffer.length - this.used) this.flush();
    if (length > buffer.length) return this.writer.write(Buffer.from(begin + end, "latin1"), length);
    this.used += buffer.latin1Write(begin, this.used);
    if (end !== "") this.used += buffer.latin1Write(end, this.used);
    if (this.isTerminal) this.flush();
  }

  flush(): void {
    if (this.used === 0) return;
    const length = this.used;
    this.used = 0;
    this.writer.write(this.buffer, length);
  }
}
