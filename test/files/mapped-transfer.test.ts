/** Large files that are asked for again: sent by the kernel as they lie in its cache. How they are sent else: transfer.test.ts. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { openSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COPIED_FILE_BYTES_MAX, Copies } from "../../src/files/copies.ts";
import { OpenFile } from "../../src/files/open-files.ts";
import type { Piece } from "../../src/files/representation.ts";
import { sendFile, SLOW_PIECE_BYTES } from "../../src/files/transfer.ts";
import { statOf } from "../../src/os/file-stat.ts";
import { WINDOW_BYTES } from "../../src/os/mapped-file.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { openBelow } from "../support/descriptors.ts";
import { RecordedReply } from "../support/exchange.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { FedReply } from "./fed-reply.ts";

const directory = makeFolder("mapped-transfer");
afterAll(() => removeFolder(directory));

const path = join(directory, "large");
const length = WINDOW_BYTES + 3_000_001;
const bytes = Buffer.alloc(length);
for (let i = 0; i < length; i++) bytes[i] = (i * 7 + (i >> 9)) & 255;
/** What is read before it is looked for in the address space. */
const READ_BYTES = 1024 * 1024;

let file: OpenFile;

function begun(reply: RecordedReply, pieces: readonly Piece[] = [{ first: 0, length }]): void {
  file.retain();
  const sum = pieces.reduce((total, piece) => total + piece.length, 0);
  sendFile(reply, file, { head: { status: 200, reason: undefined, fields: new Fields(), length: sum }, pieces });
}

async function whole(): Promise<FedReply> {
  const reply = new FedReply();
  begun(reply);
  await reply.over;
  expect([reply.aborted, reply.content.equals(bytes)]).toEqual([undefined, true]);
  return reply;
}

const isMapped = () => readFileSync("/proc/self/maps", "latin1").includes(path);

function leavesNothing(): void {
  file.release();
  expect([isMapped(), openBelow(directory)]).toEqual([false, 0]);
}

beforeEach(() => {
  writeFileSync(path, bytes);
  const fd = openSync(path, "r");
  file = new OpenFile(fd, statOf(fd), path);
  file.keepIn(new Copies());
});

describe("a large file", () => {
  test("is read for the first time, and then sent as it lies in the cache, but for its beginning and its end", async () => {
    expect([(await whole()).fed, isMapped()]).toEqual([0, false]);
    expect((await whole()).fed).toBe(length - READ_BYTES - SLOW_PIECE_BYTES);
    expect(isMapped()).toBe(true);
    leavesNothing();
  });

  test("reaches a slow client in parts, and by parts", async () => {
    await whole();
    const reply = new FedReply();
    reply.room = 0;
    const between = Buffer.from("between");
    const from = WINDOW_BYTES - 1_000_000;
    begun(reply, [{ first: from, length: 3_000_000 }, between, { first: 5, length: 3_000_000 }]);
    for (let i = 0; reply.state === "started"; i++) reply.make(1 + ((i * 7919) % 90_000));
    const expected = [bytes.subarray(from, from + 3_000_000), between, bytes.subarray(5, 3_000_005)];
    expect(reply.content.equals(Buffer.concat(expected))).toBe(true);
    expect(reply.fed).toBeGreaterThan(4_000_000);
    leavesNothing();
  });

  test("is read for a client whose connection cannot take it from there, and where nobody keeps it", async () => {
    await whole();
    const reply = new RecordedReply();
    begun(reply);
    await reply.over;
    expect([reply.content.equals(bytes), isMapped()]).toEqual([true, false]);
    file.release();
    const fd = openSync(path, "r");
    file = new OpenFile(fd, statOf(fd), path);
    await whole();
    expect((await whole()).fed).toBe(0);
    leavesNothing();
  });

  test.each([
    ["leaves", (reply: FedReply) => reply.leave()],
    ["is given up by its session", (reply: FedReply) => reply.abort("the request body is malformed")],
  ])("is not held by a client that %s", async (_, leave) => {
    await whole();
    const reply = new FedReply();
    reply.room = 2 * READ_BYTES;
    begun(reply);
    expect(isMapped()).toBe(true);
    leave(reply);
    reply.make(10);
    await new Promise((resolve) => setImmediate(resolve));
    leavesNothing();
  });

  const SHORTER = "the file became shorter, or unreadable, while it was sent";
  const WRITTEN = "the file was written to while it was sent";
  const put = (name: string) => renameSync(name, path);
  test.each([
    ["made shorter than what is sent already", () => truncateSync(path, 10), SHORTER],
    ["made a little shorter", () => truncateSync(path, length - 1), SHORTER],
    ["emptied and written anew", () => writeFileSync(path, bytes), WRITTEN],
    ["overwritten", () => writeFileSync(path, Buffer.alloc(length, 1), { flag: "r+" }), WRITTEN],
    ["overwritten at a place that was sent", () => writeFileSync(path, "x", { flag: "r+" }), WRITTEN],
    ["removed", () => rmSync(path), undefined],
    [
      "replaced",
      () => {
        writeFileSync(`${path}.new`, "other");
        put(`${path}.new`);
      },
      undefined,
    ],
  ])("does not look complete when it is not what was promised: %s", async (_, change, why) => {
    await whole();
    const reply = new FedReply();
    reply.room = 4 * READ_BYTES;
    begun(reply);
    change();
    reply.make(Number.POSITIVE_INFINITY);
    await reply.over;
    expect(reply.aborted).toBe(why);
    if (why === undefined) expect(reply.content.equals(bytes)).toBe(true);
    else expect(reply.content.length).toBeLessThan(length);
    leavesNothing();
  });

  test("of a size that has a copy is not mapped", async () => {
    truncateSync(path, COPIED_FILE_BYTES_MAX);
    const fd = openSync(path, "r");
    const small = new OpenFile(fd, statOf(fd), path);
    small.keepIn(new Copies());
    small.wasRead();
    expect(small.mapping).toBeUndefined();
    small.release();
    file.release();
  });
});
