/** Large files that have a copy in memory: sent by the kernel out of it. How they are sent without one: transfer.test.ts. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { openSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Copies } from "../../src/files/copies.ts";
import { OpenFile } from "../../src/files/open-files.ts";
import type { Piece } from "../../src/files/representation.ts";
import { sendFile } from "../../src/files/transfer.ts";
import { statOf } from "../../src/os/file-stat.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { openBelow, openCopies } from "../support/descriptors.ts";
import { RecordedReply } from "../support/exchange.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { FedReply } from "./fed-reply.ts";

const directory = makeFolder("copied-transfer");
afterAll(() => removeFolder(directory));

function open(name: string): OpenFile {
  const fd = openSync(name, "r");
  return new OpenFile(fd, statOf(fd));
}

function send(reply: RecordedReply, pieces: readonly Piece[], file: OpenFile): void {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  sendFile(reply, file, { head: { status: 200, reason: undefined, fields: new Fields(), length }, pieces });
}

describe("a file that has a copy", () => {
  const hot = join(directory, "hot");
  const length = 3_000_000;
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 7 + (i >> 9)) & 255;
  let file: OpenFile;

  beforeAll(async () => {
    writeFileSync(hot, bytes);
    await Bun.sleep(2_100);
  });

  beforeEach(() => {
    file = open(hot);
    file.keepIn(new Copies());
  });

  function begun(reply: RecordedReply, pieces: readonly Piece[] = [{ first: 0, length }]): void {
    file.retain();
    send(reply, pieces, file);
  }

  async function whole(): Promise<FedReply> {
    const reply = new FedReply();
    begun(reply);
    await reply.over;
    expect(reply.content.equals(bytes)).toBe(true);
    return reply;
  }

  function leavesNothing(): void {
    file.release();
    expect([openCopies(), openBelow(directory)]).toEqual([0, 0]);
  }

  test("is sent out of it from the second time on", async () => {
    expect((await whole()).fed).toBe(0);
    expect((await whole()).fed).toBe(length);
    leavesNothing();
  });

  test("has none as long as only a part of it was sent", async () => {
    const part = new FedReply();
    begun(part, [{ first: 1, length: length - 1 }]);
    await part.over;
    expect((await whole()).fed).toBe(0);
    leavesNothing();
  });

  test("reaches a slow client in parts, and by parts", async () => {
    await whole();
    const reply = new FedReply();
    reply.room = 0;
    const between = Buffer.from("between");
    begun(reply, [{ first: 7, length: 2_000_000 }, between, { first: 5, length: 300_000 }, Buffer.from("end")]);
    for (let i = 0; reply.state === "started"; i++) reply.make(1 + ((i * 7919) % 90_000));
    const expected = [bytes.subarray(7, 2_000_007), between, bytes.subarray(5, 300_005), Buffer.from("end")];
    expect(reply.content.equals(Buffer.concat(expected))).toBe(true);
    expect(reply.fed).toBe(2_300_000);
    leavesNothing();
  });

  test("lets the others have their turn", async () => {
    await whole();
    const reply = new FedReply();
    const six = Array.from({ length: 6 }, (_, i) => ({ first: i, length: 1_000_000 }));
    begun(reply, six);
    expect(reply.content.length).toBe(4_000_000);
    await reply.over;
    expect(reply.content.length).toBe(6_000_000);
    leavesNothing();
  });

  test("is read for a client whose connection cannot take it from there", async () => {
    await whole();
    const reply = new RecordedReply();
    begun(reply);
    await reply.over;
    expect(reply.content.equals(bytes)).toBe(true);
    leavesNothing();
  });

  test.each([
    ["leaves", (reply: FedReply) => reply.leave()],
    ["is given up by its session", (reply: FedReply) => reply.abort("the request body is malformed")],
  ])("is not held by a client that %s", async (_, leave) => {
    await whole();
    const reply = new FedReply();
    reply.room = 10;
    begun(reply);
    leave(reply);
    reply.make(10);
    await new Promise((resolve) => setImmediate(resolve));
    leavesNothing();
  });

  test.each([
    ["overwritten", () => writeFileSync(hot, Buffer.alloc(length, 1), { flag: "r+" })],
    ["made shorter", () => truncateSync(hot, 10)],
    ["removed", () => rmSync(hot)],
  ])("reaches whole, as it was, a client that takes it while it is %s", async (_, change) => {
    await whole();
    const reply = new FedReply();
    reply.room = 1_000_000;
    begun(reply);
    try {
      change();
      reply.make(Number.POSITIVE_INFINITY);
      await reply.over;
      expect(reply.content.equals(bytes)).toBe(true);
      leavesNothing();
    } finally {
      writeFileSync(hot, bytes);
      await Bun.sleep(2_100);
    }
  });
});
