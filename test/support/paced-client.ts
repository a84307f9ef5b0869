/**
 * A client that takes from the kernel exactly as much as its test says, and when: a runtime's own sockets read ahead. It waits by asking
 * again and again.
 */
import { ptr } from "bun:ffi";
import { EAGAIN, EINPROGRESS } from "../../src/os/libc.ts";
import { AF_INET, tcpName } from "../../src/os/socket-address.ts";
import { closeDescriptor, setBuffers } from "../../src/os/sockets.ts";
import {
  connectSocket,
  makeSocket,
  receive,
  resetConnection,
  send,
  shutdownSending,
} from "../../src/os/stream-socket.ts";
import { ReplyReader } from "./reply-reader.ts";
import { until } from "./wait.ts";

const PATIENCE_MS = 20_000;
const ASK_EVERY_MS = 2;
const TAKE_BYTES_MAX = 256 * 1024;

/** Before each read: how long it rests, and how much it takes at most. `taken`: of this reply so far. */
export type Pace = (taken: number) => readonly [restMs: number, bytes: number];

export const AT_ONCE: Pace = () => [0, TAKE_BYTES_MAX];

export class PacedClient {
  /** How the server has ended the connection, as far as this client has read. */
  end: "open" | "closed" | "reset" = "open";
  private fd: number;
  private readonly into = Buffer.alloc(TAKE_BYTES_MAX);
  private readonly intoAt = ptr(this.into);
  private ahead: Buffer = Buffer.alloc(0);

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** `receiveBuffer`: SO_RCVBUF. */
  static async open({ host, port }: { host: string; port: number }, receiveBuffer?: number): Promise<PacedClient> {
    const fd = makeSocket(AF_INET);
    if (receiveBuffer !== undefined) setBuffers(fd, receiveBuffer);
    const to = tcpName({ host, port });
    await until(`connection to port ${port}`, PATIENCE_MS, () => connected(connectSocket(fd, to)));
    return new PacedClient(fd);
  }

  async send(text: string): Promise<void> {
    const bytes = Buffer.from(text, "latin1");
    for (let sent = 0; sent < bytes.length;) {
      const count = send(this.fd, bytes, sent, bytes.length - sent);
      if (count < 0) throw new Error(`send: errno ${-count}`);
      sent += count;
      if (count === 0) await Bun.sleep(ASK_EVERY_MS);
    }
  }

  /** What is there, up to `bytes`; empty when nothing is, and at the end. */
  take(bytes: number): Buffer {
    const count = receive(this.fd, this.intoAt, Math.min(bytes, TAKE_BYTES_MAX));
    if (count > 0) return Buffer.from(this.into.subarray(0, count));
    if (count === 0) this.end = "closed";
    else if (count !== -EAGAIN) this.end = "reset";
    return Buffer.alloc(0);
  }

  /** `bytes` of them, whatever they are; fewer when the connection ends. */
  async exactly(bytes: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let last = performance.now();
    for (let left = bytes; left > 0;) {
      const piece = this.take(left);
      if (this.end !== "open") break;
      if (piece.length === 0) await this.wait(last, bytes - left);
      else last = performance.now();
      pieces.push(piece);
      left -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  /** The next reply, or what there is of it when the connection ends. */
  async reply(pace: Pace = AT_ONCE, method = "GET"): Promise<ReplyReader> {
    const reader = new ReplyReader(method);
    reader.feed(this.ahead);
    let last = performance.now();
    for (let taken = this.ahead.length; !reader.isOver && this.end === "open";) {
      const [restMs, bytes] = pace(taken);
      if (restMs > 0) await Bun.sleep(restMs);
      const piece = this.take(bytes);
      if (piece.length === 0) await this.wait(last, taken);
      else last = performance.now();
      taken += piece.length;
      reader.feed(piece);
    }
    if (this.end === "closed") reader.ended();
    this.ahead = reader.surplus;
    return reader;
  }

  private async wait(sinceMs: number, taken: number): Promise<void> {
    if (performance.now() - sinceMs > PATIENCE_MS) throw new Error(`nothing comes any more after ${taken} bytes`);
    await Bun.sleep(ASK_EVERY_MS);
  }

  /** FIN; reading goes on. */
  half(): void {
    shutdownSending(this.fd);
  }

  reset(): void {
    if (this.fd !== -1) resetConnection(this.fd);
    this.fd = -1;
  }

  close(): void {
    if (this.fd !== -1) closeDescriptor(this.fd);
    this.fd = -1;
  }
}

function connected(code: number): boolean {
  if (code !== 0 && code !== EINPROGRESS) throw new Error(`connect: errno ${code}`);
  return code === 0;
}
