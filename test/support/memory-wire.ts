/** A wire in memory: what the peer sends is fed by the test, what is written is kept; room can be limited. */
import type { Wire, WireOwner } from "../../src/net/wire.ts";

export class MemoryWire implements Wire {
  readonly remoteAddress = "192.0.2.7";
  readonly remotePort = 50123;
  readonly localAddress = "127.0.0.1";
  readonly localPort = 8000;
  readonly secure = false;
  owner: WireOwner | undefined;
  /** Bytes that `write` still takes; Infinity at first. */
  room = Number.POSITIVE_INFINITY;
  state: "open" | "shut" | "closed" | "aborted" = "open";
  paused = false;
  carriesMessages = false;
  private readonly written: Buffer[] = [];

  write(bytes: Uint8Array, offset: number, length: number): number {
    if (this.state !== "open") return 0;
    const taken = Math.min(length, this.room);
    this.room -= taken;
    this.written.push(Buffer.from(bytes.subarray(offset, offset + taken)));
    return taken;
  }

  carryMessages(): void {
    this.carriesMessages = true;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  shutdown(): void {
    if (this.state === "open") this.state = "shut";
  }

  close(): void {
    if (this.state !== "aborted") this.state = "closed";
  }

  abort(): void {
    this.state = "aborted";
  }

  // ── the peer's side ───────────────────────────────────────────────────────────────────────────────────────────

  get output(): string {
    return Buffer.concat(this.written).toString("latin1");
  }

  /** What was written since the last call. */
  take(): string {
    const text = this.output;
    this.written.length = 0;
    return text;
  }

  send(text: string | Uint8Array): void {
    this.owner?.received(typeof text === "string" ? Buffer.from(text, "latin1") : text);
  }

  /** The peer reads `bytes` more. */
  drain(bytes = Number.POSITIVE_INFINITY): void {
    this.room = bytes;
    this.owner?.drained();
  }

  halfClose(): void {
    this.owner?.ended();
  }

  /** The peer is gone. */
  leave(): void {
    this.state = "closed";
    this.owner?.closed();
  }
}
