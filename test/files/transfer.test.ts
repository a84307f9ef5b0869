import { afterAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  ftruncateSync,
  linkSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
  closeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenFile } from "../../src/files/open-files.ts";
import type { Piece } from "../../src/files/representation.ts";
import { PIECE_BYTES, sendFile, SLOW_PIECE_BYTES } from "../../src/files/transfer.ts";
import { statOf } from "../../src/os/file-stat.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { openBelow } from "../support/descriptors.ts";
import { RecordedReply } from "../support/exchange.ts";

const directory = mkdtempSync(join(tmpdir(), "transfer-"));
afterAll(() => rmSync(directory, { recursive: true }));

const path = join(directory, "large");
const SIZE = 5_000_001;
const content = Buffer.alloc(SIZE);
for (let i = 0; i < SIZE; i++) content[i] = (i * 7 + (i >> 9)) & 255;
writeFileSync(path, content);

/** Takes `room` bytes of what is offered until it drains; looks at what it holds only then, as the kernel would not. */
class OfferedReply extends RecordedReply {
  room = Number.POSITIVE_INFINITY;
  readonly offers: number[] = [];

  offer(bytes: Uint8Array): number {
    this.offers.push(bytes.length);
    const taken = Math.min(bytes.length, this.room);
    this.room -= taken;
    super.data(bytes.subarray(0, taken));
    return this.state === "started" ? taken : bytes.length;
  }

  make(room: number): void {
    this.room = room;
    this.producer?.drained();
  }
}

/** Keeps the very bytes that it was given until it drains, as a session of another protocol does. */
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

function open(name = path): OpenFile {
  const fd = openSync(name, "r");
  return new OpenFile(fd, statOf(fd), name);
}

function begin(reply: RecordedReply, first = 0, length = SIZE - first): void {
  send(reply, [{ first, length }]);
}

function send(reply: RecordedReply, pieces: readonly Piece[], file = open()): void {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  sendFile(reply, file, { head: { status: 200, reason: undefined, fields: new Fields(), length }, pieces });
}

const KINDS = { offered: () => new OfferedReply(), held: () => new HoldingReply() };

describe.each(["offered", "held"] as const)("sendFile, its pieces %s", (kind) => {
  test.each([
    [0, SIZE],
    [0, 1],
    [SIZE - 1, 1],
    [12_345, PIECE_BYTES],
    [1, PIECE_BYTES * 4],
    [PIECE_BYTES, PIECE_BYTES * 4 + 1],
  ])("sends from %d %d bytes to a client that keeps up", async (first, length) => {
    const reply = KINDS[kind]();
    begin(reply, first, length);
    await reply.over;
    expect(reply.aborted).toBeUndefined();
    expect(reply.content.equals(content.subarray(first, first + length))).toBe(true);
    expect(openBelow(directory)).toBe(0);
  });

  test("sends bytes between parts of the file, in the order asked for", async () => {
    const reply = KINDS[kind]();
    const [a, b] = [Buffer.from("first"), Buffer.from("last")];
    send(reply, [a, { first: 2_000_000, length: 700_000 }, { first: 5, length: 3 }, b]);
    await reply.over;
    const expected = Buffer.concat([a, content.subarray(2_000_000, 2_700_000), content.subarray(5, 8), b]);
    expect(reply.content.equals(expected)).toBe(true);
    expect(openBelow(directory)).toBe(0);
  });

  test("lets the others have their turn", async () => {
    const reply = KINDS[kind]();
    begin(reply);
    expect(reply.state).toBe("started");
    expect(reply.content.length).toBe(4 * (kind === "offered" ? PIECE_BYTES : SLOW_PIECE_BYTES));
    await reply.over;
    expect(reply.content.length).toBe(SIZE);
  });

  test("a drained that nobody waited for changes nothing", async () => {
    const reply = KINDS[kind]();
    begin(reply);
    reply.producer?.drained();
    await reply.over;
    expect(reply.content.equals(content)).toBe(true);
  });

  test("a client that leaves between two turns closes the file", async () => {
    const reply = KINDS[kind]();
    begin(reply);
    reply.leave();
    expect(openBelow(directory)).toBe(0);
    const sent = reply.content.length;
    await new Promise((resolve) => setImmediate(resolve));
    expect(reply.content.length).toBe(sent);
  });

  test("a reply that the session gave up by itself closes the file at the next turn", async () => {
    const reply = KINDS[kind]();
    begin(reply);
    reply.abort("the request body is malformed");
    await new Promise((resolve) => setImmediate(resolve));
    expect(openBelow(directory)).toBe(0);
  });
});

describe("a slow client", () => {
  test("gets every byte, whatever room there is, and nothing is held meanwhile", () => {
    const reply = new OfferedReply();
    reply.room = 0;
    begin(reply);
    expect(reply.content.length).toBe(0);
    for (let i = 0; reply.state === "started"; i++) reply.make(1 + ((i * 7919) % 90_000));
    expect(reply.content.equals(content)).toBe(true);
    expect(openBelow(directory)).toBe(0);
    // What is read and not taken is read again: not much more than there was room for.
    expect(Math.max(...reply.offers.slice(1))).toBeLessThanOrEqual(180_000);
  });

  test("is read more for at a time when it becomes faster", async () => {
    const reply = new OfferedReply();
    reply.room = 100;
    begin(reply);
    reply.make(Number.POSITIVE_INFINITY);
    await reply.over;
    expect(reply.offers.slice(0, 3)).toEqual([PIECE_BYTES, SLOW_PIECE_BYTES, 2 * SLOW_PIECE_BYTES]);
    expect(reply.offers).toContain(PIECE_BYTES);
    expect(reply.content.equals(content)).toBe(true);
  });

  test("that leaves while it is waited for closes the file", () => {
    const reply = new OfferedReply();
    reply.room = 10;
    begin(reply);
    expect(openBelow(directory)).toBe(1);
    reply.leave();
    expect(openBelow(directory)).toBe(0);
  });

  test("whose session holds the bytes never sees them change, and they are small", () => {
    const reply = new HoldingReply();
    reply.full = true;
    begin(reply);
    for (let i = 0; i < 200 && reply.state === "started"; i++) reply.drain();
    reply.release();
    expect(reply.content.equals(content)).toBe(true);
    for (const piece of reply.pieces) expect(piece).toBeLessThanOrEqual(SLOW_PIECE_BYTES);
    expect(openBelow(directory)).toBe(0);
  });

  test("several at once, each at its own pace, do not mix", async () => {
    const replies = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? new OfferedReply() : new HoldingReply()));
    replies.forEach((reply, i) => {
      reply.full = i % 3 === 0;
      if (reply instanceof OfferedReply) reply.room = i * 1000;
      begin(reply, i * 1000, 1_500_000);
    });
    for (let round = 0; replies.some(({ state }) => state === "started"); round++) {
      replies.forEach((reply, i) => {
        reply.full = (round + i) % 4 === 0;
        if (reply.state !== "started") return;
        if (reply instanceof OfferedReply) reply.make(40_000 + i);
        else if (reply.held !== undefined) reply.drain();
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    replies.forEach((reply, i) => {
      if (reply instanceof HoldingReply) reply.release();
      expect(reply.content.equals(content.subarray(i * 1000, i * 1000 + 1_500_000))).toBe(true);
    });
    expect(openBelow(directory)).toBe(0);
  });
});

/** What is done to the file while its client has taken no more than the half of it. */
const CHANGES: readonly [string, () => void, "whole" | "broken"][] = [
  ["made shorter", () => truncateSync(path, PIECE_BYTES + 100), "broken"],
  ["emptied", () => truncateSync(path, 0), "broken"],
  ["overwritten with as many bytes", () => writeFileSync(path, Buffer.alloc(SIZE, 1), { flag: "r+" }), "broken"],
  ["changed in its last byte", () => patch(SIZE - 1), "broken"],
  ["changed in its first byte, which was sent", () => patch(0), "broken"],
  ["written anew, and longer", () => writeFileSync(path, Buffer.alloc(SIZE + 10, 1)), "broken"],
  ["appended to", () => appendFileSync(path, "more"), "broken"],
  ["changed, and its time put back", () => patchUnseen(), "broken"],
  ["replaced by another", () => replace(), "whole"],
  ["removed", () => rmSync(path), "whole"],
  ["moved away", () => renameSync(path, `${path}.moved`), "whole"],
  ["given other permissions", () => chmodSync(path, statSync(path).mode ^ 0o100), "whole"],
  ["given a second name", () => linkSync(path, `${path}.${Math.random()}`), "whole"],
];

function patchUnseen(): void {
  const { atime, mtime } = statSync(path);
  patch(SIZE - 1);
  utimesSync(path, atime, mtime);
}

function patch(at: number): void {
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.from([content[at]! ^ 255]), 0, 1, at); // `at` is inside
  closeSync(fd);
}

function replace(): void {
  writeFileSync(`${path}.new`, Buffer.alloc(SIZE, 1));
  renameSync(`${path}.new`, path);
}

describe.each(["offered", "held"] as const)("a file that is changed while it is sent, its pieces %s", (kind) => {
  test.each(CHANGES)("%s: %p %s", async (_, change, outcome) => {
    // Its times are as coarse as the kernel's tick.
    await Bun.sleep(20);
    // A time that can be put back to the nanosecond.
    utimesSync(path, 1000, 1000);
    await Bun.sleep(20);
    const reply = KINDS[kind]();
    if (reply instanceof OfferedReply) reply.room = SIZE / 2;
    else reply.full = true;
    begin(reply);
    for (let i = 0; i < 40 && reply instanceof HoldingReply; i++) reply.drain();
    try {
      change();
      while (reply.state === "started") {
        if (reply instanceof OfferedReply) reply.make(Number.POSITIVE_INFINITY);
        else reply.drain();
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (reply instanceof HoldingReply) reply.release();
      if (outcome === "whole") expect(reply.content.equals(content)).toBe(true);
      else expect(reply.aborted).toMatch(/became shorter|was written to/);
      if (outcome === "broken") expect(reply.content.length).toBeLessThan(SIZE);
      expect(openBelow(directory)).toBe(0);
    } finally {
      writeFileSync(path, content);
    }
  });
});

test("reads far behind 4 GiB", async () => {
  const sparse = join(directory, "sparse");
  const far = 5 * 2 ** 30;
  const fd = openSync(sparse, "w+");
  ftruncateSync(fd, far);
  writeSync(fd, "tail", far - 4);
  const reply = new OfferedReply();
  send(reply, [{ first: far - 1_000_000, length: 1_000_000 }], new OpenFile(fd, statOf(fd)));
  await reply.over;
  expect(reply.content.equals(Buffer.concat([Buffer.alloc(999_996), Buffer.from("tail")]))).toBe(true);
  rmSync(sparse);
});
