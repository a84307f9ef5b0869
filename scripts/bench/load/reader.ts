/**
 * A closed loop as wrk's, of one thread, that reads large replies in pieces of 128 KiB: wrk reads 8 KiB at a time and asks after each
 * piece whether there is more, so that of replies of a megabyte it measures itself. A program of its own, so that nobody
 * shares its thread:
 *
 *   bun reader.ts PORT PATH CONNECTIONS SECONDS     prints a ClosedResult as JSON
 */
import { fail } from "../../../src/base/assert.ts";
import { Epoll, EPOLLIN } from "../../../src/os/epoll.ts";
import { EAGAIN, EINPROGRESS, ptr } from "../../../src/os/libc.ts";
import { AF_INET, tcpName } from "../../../src/os/socket-address.ts";
import { connectSocket, makeSocket, receive, send, withoutDelay } from "../../../src/os/stream-socket.ts";
import { quantile } from "./paced.ts";
import type { ClosedResult } from "./wrk.ts";

const READ_BYTES = 128 * 1024;
/** A head comes whole: it is small, and the first of its reply. */
const HEAD_END = "\r\n\r\n";

/** One connection. */
interface Lane {
  readonly fd: number;
  /** Of the reply under way; 0: its head has not come. */
  missing: number;
  askedMs: number;
}

class Reader {
  private readonly epoll = new Epoll();
  private readonly lanes: Lane[] = [];
  private readonly buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  private readonly bufferAt = ptr(this.buffer);
  private readonly request: Buffer;
  private readonly waits: number[] = [];
  private bytes = 0;
  private errors = 0;

  constructor(port: number, path: string, connections: number) {
    this.request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    for (let i = 0; i < connections; i++) {
      const fd = makeSocket(AF_INET);
      if (fd < 0) fail(`no socket: errno ${-fd}`);
      const name = tcpName({ host: "127.0.0.1", port });
      while (connectSocket(fd, name) === EINPROGRESS) Bun.sleepSync(1);
      withoutDelay(fd);
      this.epoll.add(fd, EPOLLIN, i);
      this.lanes.push({ fd, missing: 0, askedMs: 0 });
    }
  }

  run(seconds: number): ClosedResult {
    const [beganMs, cpuBefore] = [performance.now(), process.cpuUsage()];
    const untilMs = beganMs + seconds * 1000;
    for (const lane of this.lanes) this.ask(lane);
    while (performance.now() < untilMs) {
      const count = this.epoll.wait(100);
      for (let i = 0; i < count; i++) this.read(this.lanes[this.epoll.number(i)] as Lane); // as it was added
    }
    const elapsed = (performance.now() - beganMs) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    const sorted = this.waits.toSorted((a, b) => a - b);
    const requests = sorted.length;
    if (requests === 0) fail("nothing was answered");
    return {
      requests,
      perSecond: requests / elapsed,
      megabytesPerSecond: this.bytes / elapsed / 1e6,
      p50Ms: quantile(sorted, 0.5),
      p99Ms: quantile(sorted, 0.99),
      errors: this.errors,
      busy: (user + system) / 1e6 / elapsed,
    };
  }

  private ask(lane: Lane): void {
    lane.askedMs = performance.now();
    if (send(lane.fd, this.request, 0, this.request.length) !== this.request.length) this.lose(lane);
  }

  /** All that is there, or the rest of the reply. */
  private read(lane: Lane): void {
    for (;;) {
      const wanted = lane.missing === 0 ? READ_BYTES : Math.min(READ_BYTES, lane.missing);
      const length = receive(lane.fd, this.bufferAt, wanted);
      if (length === -EAGAIN) return;
      if (length <= 0) return this.lose(lane);
      this.bytes += length;
      lane.missing = (lane.missing === 0 ? this.replyBytes(length) : lane.missing) - length;
      if (lane.missing > 0) continue;
      this.waits.push(performance.now() - lane.askedMs);
      return this.ask(lane);
    }
  }

  private replyBytes(length: number): number {
    const text = this.buffer.latin1Slice(0, Math.min(length, 4096));
    const content = /^HTTP\/1\.1 200 [^]*?\r\ncontent-length: *(\d+)\r\n/i.exec(text)?.[1];
    if (content === undefined) fail(`no reply to be read: ${text.slice(0, 200)}`);
    return text.indexOf(HEAD_END) + HEAD_END.length + Number(content);
  }

  private lose(lane: Lane): void {
    this.errors++;
    this.epoll.remove(lane.fd);
  }
}

export interface ReadLoad {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
}

export async function readLoad({ port, path, connections, seconds }: ReadLoad): Promise<ClosedResult> {
  const words = [port, path, connections, seconds].map(String);
  const child = Bun.spawn([process.execPath, import.meta.path, ...words], { stdin: "ignore", stdout: "pipe" });
  const report = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`the reader failed on ${path}`);
  return JSON.parse(report) as ClosedResult;
}

if (import.meta.main) {
  const [port = "", path = "", connections = "", seconds = ""] = process.argv.slice(2);
  console.log(JSON.stringify(new Reader(Number(port), path, Number(connections)).run(Number(seconds))));
}
