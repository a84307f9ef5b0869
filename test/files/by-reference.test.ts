/** Large files whose own pages are sent while the thread has no time to copy them: when that is so, and how a reply of them ends. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { closeSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { ByReference } from "../../src/files/by-reference.ts";
import { Copies } from "../../src/files/copies.ts";
import { OpenFile } from "../../src/files/open-files.ts";
import { sendFile, UNREAD_MS_MAX } from "../../src/files/transfer.ts";
import { statOf } from "../../src/os/file-stat.ts";
import { LiveFile } from "../../src/os/live-file.ts";
import type { Sendable } from "../../src/os/sendable.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { openBelow } from "../support/descriptors.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { until } from "../support/wait.ts";
import { FedReply } from "./fed-reply.ts";

const WAIT_MS = 20_000;
const MIB = 1024 * 1024;
/** Behind the last page. */
const COPIED_LAST = 4 * MIB;
const length = 20 * MIB + 12_345;
const bytes = Buffer.alloc(length);
for (let i = 0; i < length; i += 4) bytes.writeUInt32LE(i, Math.min(i, length - 4));

const directory = makeFolder("by-reference");
afterAll(() => removeFolder(directory));
const path = join(directory, "large");
let file: OpenFile;

/** Counts what came from the file itself, and says what is not read. */
class NearReply extends FedReply {
  unread: number | undefined = 0;
  referred = 0;
  /** Where the last of it ended. */
  referredTo = 0;

  override offerFrom(source: Sendable, offset: number, asked: number): number {
    const taken = super.offerFrom(source, offset, asked);
    if (source instanceof LiveFile) {
      this.referred += taken;
      this.referredTo = offset + taken;
    }
    return taken;
  }
}

/** Without end: a reply that has none yet. */
const begun = (reply: NearReply, isBusy = true, first = 0) => {
  file.retain();
  const span = { first, length: length - first };
  const head = { status: 200, reason: undefined, fields: new Fields(), length: span.length };
  sendFile(reply, file, { head, pieces: [span] }, () => isBusy);
};

describe("a large file", () => {
  beforeEach(async () => {
    writeFileSync(path, bytes);
    const fd = openSync(path, "r");
    file = new OpenFile(fd, statOf(fd), path);
    file.keepIn(new Copies());
    // What is asked for again is mapped.
    const reply = new NearReply();
    begun(reply);
    await reply.over;
    expect([reply.referred, reply.content.equals(bytes)]).toEqual([0, true]);
  });

  afterEach(() => {
    file.release();
    expect(openBelow(directory)).toBe(0);
  });

  test("is sent by its pages in part by a busy thread, but for its end", async () => {
    const reply = new NearReply();
    begun(reply);
    await reply.over;
    expect([reply.aborted, reply.content.equals(bytes)]).toEqual([undefined, true]);
    expect(reply.referred).toBeGreaterThanOrEqual(MIB);
    expect(reply.referredTo).toBeLessThanOrEqual(length - COPIED_LAST);
  });

  test.each([
    ["by a thread that has time", { isBusy: false, first: 0, isKnown: true }],
    ["to a connection of which nothing is known", { isBusy: true, first: 0, isKnown: false }],
    ["where little of it is sent", { isBusy: true, first: length - COPIED_LAST - 2 * MIB, isKnown: true }],
  ])("is copied %s", async (_, { isBusy, first, isKnown }) => {
    const reply = new NearReply();
    if (!isKnown) reply.unread = undefined;
    begun(reply, isBusy, first);
    await reply.over;
    expect([reply.aborted, reply.referred]).toEqual([undefined, 0]);
    expect(reply.content.equals(bytes.subarray(first))).toBe(true);
  });

  test("is copied to a client that had no room for all of it, until it has", async () => {
    const reply = new NearReply();
    reply.room = 0;
    begun(reply);
    for (let i = 0; i < 20; i++) reply.make(100_000);
    expect([reply.content.length, reply.referred]).toEqual([2_000_000, 0]);
    reply.make(Number.POSITIVE_INFINITY);
    await reply.over;
    expect(reply.referred).toBeGreaterThanOrEqual(MIB);
    expect(reply.content.equals(bytes)).toBe(true);
  });

  test("does not come to its end before its pages were read", async () => {
    const reply = new NearReply();
    reply.unread = length;
    begun(reply);
    const isStill = () => reply.content.length > length - MIB;
    await until("all but the end", WAIT_MS, isStill);
    const before = reply.content.length;
    await Bun.sleep(100);
    expect([reply.state, reply.content.length]).toEqual(["started", before]);
    reply.unread = 0;
    await reply.over;
    expect([reply.aborted, reply.content.equals(bytes)]).toEqual([undefined, true]);
  });

  test("that is written to while its pages are under way never comes to its end", async () => {
    const reply = new NearReply();
    reply.unread = length;
    begun(reply);
    await until("all but the end", WAIT_MS, () => reply.content.length > length - MIB);
    const fd = openSync(path, "r+");
    writeSync(fd, "changed", 2 * MIB);
    closeSync(fd);
    reply.unread = 0;
    await reply.over;
    expect(reply.aborted).toBe("the file was written to while it was sent");
    expect(reply.content.length).toBeLessThan(length);
  });

  test.each([
    ["nothing for a minute is broken off", 0],
    ["a little now and then is waited for", 1],
  ])("to a client that reads %s", async (_, step) => {
    const { setTimeout: later } = globalThis;
    let waitedMs = 0;
    const hurried = (callback: (argument: unknown) => void, ms: number, argument: unknown) => {
      waitedMs += ms;
      reply.unread = waitedMs > 3 * UNREAD_MS_MAX ? 0 : (reply.unread ?? 0) - step;
      setImmediate(callback, argument);
    };
    const reply = new NearReply();
    reply.unread = length;
    Object.assign(globalThis, { setTimeout: hurried });
    try {
      begun(reply);
      await reply.over;
    } finally {
      Object.assign(globalThis, { setTimeout: later });
    }
    if (step > 0) return expect([reply.aborted, reply.content.length]).toEqual([undefined, length]);
    expect(reply.aborted).toBe("the client does not read");
    expect([waitedMs > 0.99 * UNREAD_MS_MAX, waitedMs <= UNREAD_MS_MAX]).toEqual([true, true]);
  });

  test("is let go of by a client that leaves instead of reading", async () => {
    const reply = new NearReply();
    reply.unread = length;
    begun(reply);
    await until("all but the end", WAIT_MS, () => reply.content.length > length - MIB);
    reply.state = "gone";
    reply.producer?.gone();
    // Who asks again later finds that it is over.
    await Bun.sleep(120);
  });

  test("that has become shorter is read where its pages end, which breaks the reply off", async () => {
    const reply = new NearReply();
    reply.room = 3 * MIB;
    begun(reply);
    truncateSync(path, 2 * MIB);
    reply.make(Number.POSITIVE_INFINITY);
    await reply.over;
    expect(reply.aborted).not.toBe(undefined);
    expect(reply.content.length).toBeLessThan(length);
  });
});

describe("pages", () => {
  const pages = (unread: number) => {
    const reply = new NearReply();
    reply.unread = unread;
    const sent = new ByReference(reply, -1, () => true);
    return { reply, sent };
  };

  test("are read when no more is unread than was sent behind them", () => {
    const { reply, sent } = pages(0);
    expect(sent.isRead).toBe(true);
    sent.sent(MIB, MIB, true);
    expect(sent.isRead).toBe(true);
    reply.unread = 1000;
    expect(sent.isRead).toBe(false);
    sent.sent(999, 999, false);
    expect(sent.isRead).toBe(false);
    sent.sent(1, 1, false);
    expect(sent.isRead).toBe(true);
    reply.unread = undefined;
    expect(sent.isRead).toBe(false);
  });

  test("that were not taken are not waited for", () => {
    const { sent } = pages(5);
    sent.sent(0, MIB, true);
    expect(sent.isRead).toBe(true);
  });

  test("are not sent from what the kernel cannot read", () => {
    const folder = openSync(directory, "r");
    const live = new LiveFile(folder);
    const [target, other] = [join(directory, "target"), "w"];
    const to = openSync(target, other);
    expect([live.sendTo(to, 0, 10), live.isLost]).toEqual([0, true]);
    closeSync(folder);
    closeSync(to);
    rmSync(target);
  });
});
