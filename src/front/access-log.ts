/**
 * The access log, in nginx's `combined` format unless another is given (log-format.ts). Lines are gathered and written when there is enough or after a moment;
 * a log that cannot be written loses lines, never requests.
 *
 *   $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"
 */
import { writeSync } from "node:fs";
import type { Exchange } from "../exchange/exchange.ts";
import { formatLogTime, SecondText } from "../exchange/time-text.ts";
import type { LogLine } from "./log-format.ts";

/** A full buffer is written at once. Below PIPE_BUF (4096) so that lines of several threads do not mix in a pipe. */
const BUFFER_BYTES_MAX = 4096;
/** nginx without `buffer=` writes each line; half a second behind is close enough for people. */
const FLUSH_DELAY_MS = 500;

export class AccessLog {
  /** Lines that could not be written. */
  lost = 0;
  private readonly fd: number;
  private line: LogLine | undefined;
  private readonly buffer = Buffer.allocUnsafe(BUFFER_BYTES_MAX);
  private used = 0;
  private readonly time = new SecondText(formatLogTime);

  /** `fd` -1: no log. `line`: a format of one's own. */
  constructor(fd: number, line?: LogLine) {
    this.fd = fd;
    this.line = line;
    if (fd !== -1) setInterval(() => this.flush(), FLUSH_DELAY_MS).unref();
  }

  /** The format of further lines. */
  setLine(line: LogLine | undefined): void {
    this.line = line;
  }

  finished(exchange: Exchange, status: number, contentBytes: number): void {
    if (this.fd === -1) return;
    exchange.finalStatus = status;
    exchange.contentBytes = contentBytes;
    if (this.line !== undefined) return this.write(this.line(exchange));
    const { head, peer, protocol } = exchange;
    const request = `${head.method} ${head.target} ${protocol}`;
    const referer = head.fields.get("referer");
    const agent = head.fields.get("user-agent");
    this.append(peer.remoteAddress, exchange.remoteUser, request, status, contentBytes, referer, agent);
  }

  /** A request that was refused before it could be read: there is nothing of it to show, as in nginx. */
  refused(exchange: Exchange, status: number, contentBytes: number): void {
    if (this.fd === -1) return;
    if (this.line !== undefined) return this.finished(exchange, status, contentBytes);
    this.append(exchange.peer.remoteAddress, "", "", status, contentBytes, undefined, undefined);
  }

  private append(
    address: string,
    user: string,
    request: string,
    status: number,
    contentBytes: number,
    referer: string | undefined,
    agent: string | undefined,
  ): void {
    const tail = `" ${status} ${contentBytes} "${quoted(referer)}" "${quoted(agent)}"\n`;
    this.write(`${address} - ${quoted(user)} [${this.time.now()}] "${request === "" ? "" : quoted(request)}${tail}`);
  }

  private write(line: string): void {
    if (line.length > BUFFER_BYTES_MAX - this.used) this.flush();
    if (line.length > BUFFER_BYTES_MAX) return this.writeOut(Buffer.from(line, "latin1"), line.length);
    this.used += this.buffer.latin1Write(line, this.used);
  }

  flush(): void {
    if (this.used === 0) return;
    const length = this.used;
    this.used = 0;
    this.writeOut(this.buffer, length);
  }

  private writeOut(bytes: Uint8Array, length: number): void {
    try {
      for (let at = 0; at < length;) at += writeSync(this.fd, bytes, at, length - at);
    } catch {
      this.lost++;
    }
  }
}

// eslint-disable-next-line no-control-regex
const UNSAFE = /["\\\x00-\x1f\x7f-\xff]/;

/** What a client sent can neither end its quotes nor start a line: `"`, `\`, controls and bytes from 0x7f up become
 *  `\xNN`, as nginx does. Absent: `-`. */
export function quoted(text: string | undefined): string {
  if (text === undefined || text === "") return "-";
  if (!UNSAFE.test(text)) return text;
  let safe = "";
  for (const c of text)
    safe += UNSAFE.test(c) ? `\\x${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}` : c;
  return safe;
}
