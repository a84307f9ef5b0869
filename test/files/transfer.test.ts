import { afterAll, describe, expect, test } from "bun:test";
import { ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PIECE_BYTES, sendFile, SLOW_PIECE_BYTES } from "../../src/files/transfer.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { openBelow } from "../support/descriptors.ts";
import { RecordedReply } from "../support/exchange.ts";

const directory = mkdtempSync(join(tmpdir(), "transfer-"));
afterAll(() => rmSync(directory, { recursive: true }));

const path = join(directory, "large");
const SIZE = 3_000_001;
const content = Buffer.alloc(SIZE);
for (let i = 0; i < SIZE; i++) content[i] = (i * 7 + (i >> 9)) & 255;
writeFileSync(path, content);

/** Keeps the very bytes that it was given until it drains, as a session does, and looks at them only then. */
class HoldingReply extends RecordedReply {
  held: Uint8Array | undefined = undefined;
  pieces: number[] = [];

  override data(bytes: Uint8Array): boolean {
    this.pieces.push(bytes.length);
    if (!this.full) return super.data(bytes);
    this.held = bytes;
    return false;
  }

  override drain(): void {
    this.release();
    this.producer?.drained();
  }

  release(): void {
    const { held } = this;
    this.held = undefined;
    if (held === undefined) return;
    const { state } = this;
    if (state === "finished") this.state = "started";
    super.data(held);
    this.state = state;
  }
}

function begin(reply: RecordedReply, first = 0, length = SIZE - first): void {
  const head = { status: 200, reason: undefined, fields: new Fields(), length };
  sendFile(reply, openSync(path, "r"), { head, first, length });
}

describe("sendFile", () => {
  test.each([
    [0, SIZE],
    [0, 1],
    [SIZE - 1, 1],
    [12_345, PIECE_BYTES],
    [1, PIECE_BYTES * 4],
    [PIECE_BYTES, PIECE_BYTES * 4 + 1],
  ])("sends from %d %d bytes to a client that keeps up", async (first, length) => {
    const reply = new RecordedReply();
    begin(reply, first, length);
    await reply.over;
    expect(reply.aborted).toBeUndefined();
    expect(reply.content.equals(content.subarray(first, first + length))).toBe(true);
    expect(openBelow(directory)).toBe(0);
  });

  test("lets the others have their turn", async () => {
    const reply = new RecordedReply();
    begin(reply);
    expect(reply.state).toBe("started");
    expect(reply.content.length).toBe(4 * PIECE_BYTES);
    await reply.over;
    expect(reply.content.length).toBe(SIZE);
  });

  test("never touches bytes that the session holds, and takes smaller pieces for a slow client", () => {
    const reply = new HoldingReply();
    reply.full = true;
    begin(reply);
    for (let i = 0; i < 200 && reply.state === "started"; i++) reply.drain();
    reply.release();
    expect(reply.content.equals(content)).toBe(true);
    expect(reply.pieces[0]).toBe(PIECE_BYTES);
    for (const piece of reply.pieces.slice(1)) expect(piece).toBeLessThanOrEqual(SLOW_PIECE_BYTES);
    expect(openBelow(directory)).toBe(0);
  });

  test("several at once, of which each goes at its own pace, do not mix", async () => {
    const replies = Array.from({ length: 12 }, () => new HoldingReply());
    replies.forEach((reply, i) => {
      reply.full = i % 3 === 0;
      begin(reply, i * 1000, 1_500_000);
    });
    for (let round = 0; round < 60; round++) {
      replies.forEach((reply, i) => {
        reply.full = (round + i) % 4 === 0;
        if (reply.state === "started" && reply.held !== undefined) reply.drain();
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    replies.forEach((reply, i) => {
      reply.release();
      expect(reply.content.equals(content.subarray(i * 1000, i * 1000 + 1_500_000))).toBe(true);
    });
    expect(openBelow(directory)).toBe(0);
  });

  test("a drained that nobody waited for changes nothing", async () => {
    const reply = new RecordedReply();
    begin(reply);
    reply.producer?.drained();
    await reply.over;
    expect(reply.content.equals(content)).toBe(true);
  });

  test("a client that leaves while it waits, or between two turns, closes the file", async () => {
    const waiting = new RecordedReply();
    waiting.full = true;
    begin(waiting);
    expect(openBelow(directory)).toBe(1);
    waiting.leave();
    expect(openBelow(directory)).toBe(0);
    const between = new RecordedReply();
    begin(between);
    between.leave();
    expect(openBelow(directory)).toBe(0);
    const sent = between.content.length;
    await new Promise((resolve) => setImmediate(resolve));
    expect(between.content.length).toBe(sent);
  });

  test("a reply that the session gave up by itself closes the file at the next turn", async () => {
    const reply = new RecordedReply();
    begin(reply);
    reply.abort("the request body is malformed");
    await new Promise((resolve) => setImmediate(resolve));
    expect(openBelow(directory)).toBe(0);
  });

  test("a file that becomes shorter aborts the reply; nothing is padded", async () => {
    const reply = new RecordedReply();
    reply.full = true;
    begin(reply);
    truncateSync(path, PIECE_BYTES + 100);
    try {
      for (let i = 0; i < 10 && reply.state === "started"; i++) reply.drain();
      expect(reply.state).toBe("gone");
      expect(reply.aborted).toContain("shorter");
      expect(reply.content.equals(content.subarray(0, PIECE_BYTES + 100))).toBe(true);
      expect(openBelow(directory)).toBe(0);
    } finally {
      writeFileSync(path, content);
    }
  });

  test("a file that was replaced is sent as it was", () => {
    const reply = new RecordedReply();
    reply.full = true;
    begin(reply);
    rmSync(path);
    writeFileSync(path, "new");
    try {
      for (let i = 0; i < 100 && reply.state === "started"; i++) {
        reply.full = true;
        reply.producer?.drained();
      }
      expect(reply.content.equals(content)).toBe(true);
    } finally {
      writeFileSync(path, content);
    }
    expect(readFileSync(path).length).toBe(SIZE);
  });

  test("reads far behind 4 GiB", async () => {
    const sparse = join(directory, "sparse");
    const far = 5 * 2 ** 30;
    const fd = openSync(sparse, "w+");
    ftruncateSync(fd, far);
    const reply = new RecordedReply();
    const span = { first: far - 1_000_000, length: 1_000_000 };
    sendFile(reply, fd, {
      ...span,
      head: { status: 206, reason: undefined, fields: new Fields(), length: span.length },
    });
    await reply.over;
    expect(reply.content.equals(Buffer.alloc(1_000_000))).toBe(true);
    rmSync(sparse);
  });
});
