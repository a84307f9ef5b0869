/** Bytes that are only lent to a spool: whatever becomes of their memory after the call, the client gets what was given. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Producer, Reply, ReplyState } from "../../src/exchange/reply.ts";
import { ReplySpool } from "../../src/exchange/reply-spool.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";

const directory = mkdtempSync(join(tmpdir(), "lent-replies-"));
afterAll(() => rmSync(directory, { recursive: true }));

const SOURCE = { pause: () => {}, resume: () => {}, gone: () => {} };

/** Takes `room` bytes at a time; what it holds it reads only when it drains, as a session does. */
class Sink implements Reply {
  state: ReplyState = "waiting";
  readonly status = 200;
  producer: Producer | undefined = undefined;
  room = Infinity;
  private readonly taken: Buffer[] = [];
  private held: Uint8Array | undefined = undefined;
  readonly offer: ((bytes: Uint8Array) => number) | undefined;

  constructor(offers: boolean) {
    this.offer = offers ? (bytes) => this.take(bytes) : undefined;
  }

  private take(bytes: Uint8Array): number {
    const length = Math.min(this.room, bytes.length);
    this.taken.push(Buffer.from(bytes.subarray(0, length)));
    this.room -= length;
    return length;
  }

  start(): void {
    this.state = "started";
  }

  data(bytes: Uint8Array): boolean {
    if (this.held !== undefined) throw new Error("it was full");
    const length = this.take(bytes);
    if (length === bytes.length) return true;
    this.held = bytes.subarray(length);
    return false;
  }

  drain(room: number): void {
    this.room = room;
    const { held } = this;
    this.held = undefined;
    if (held === undefined || this.data(held)) this.producer?.drained();
  }

  end(): void {
    this.state = "finished";
  }

  /** What it holds at the end is still sent, as a session does behind the end of a reply. */
  get content(): Buffer {
    return Buffer.concat([...this.taken, this.held ?? Buffer.alloc(0)]);
  }

  whole(): void {}
  abort(): void {}
  interim(): void {}
}

for (const offers of [true, false]) {
  for (const known of [true, false]) {
    test(`offer ${offers}, length ${known ? "known" : "unknown"}: every byte in order, at any pace`, () => {
      let seed = 4711;
      const random = (below: number) => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % below;
      for (let round = 0; round < 40; round++) {
        const sink = new Sink(offers);
        const spool = new ReplySpool(sink, { temporaryDirectory: directory, memoryBytesMax: random(9000) }, SOURCE);
        spool.start({ status: 200, reason: undefined, fields: new Fields(), length: known ? 1e9 : LENGTH_UNKNOWN });
        // One memory for all that is lent, as of a receive buffer.
        const lent = Buffer.alloc(8192);
        const given: Buffer[] = [];
        for (let step = 0; step < 120; step++) {
          const length = random(lent.length) + 1;
          lent.fill(random(256), 0, length);
          given.push(Buffer.from(lent.subarray(0, length)));
          if (random(3) > 0) sink.room = random(6000);
          if (random(4) === 0) spool.data(Buffer.from(lent.subarray(0, length)));
          else spool.lend(lent.subarray(0, length));
          lent.fill(0xff);
          if (random(2) === 0) sink.drain(random(20_000));
        }
        spool.end();
        while (sink.state !== "finished") sink.drain(50_000);
        expect(sink.content.equals(Buffer.concat(given))).toBe(true);
      }
    });
  }
}
