import { expect, test } from "bun:test";
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { connectFiles, FileInboxes } from "../../src/apps/file-inbox.ts";
import type { AppMessage } from "../../src/apps/messages.ts";
import { closeDescriptor, duplicate, sendDescriptors } from "../../src/os/sockets.ts";

/** By number and what it is; without the one that looks. */
function descriptors(): string[] {
  const linkOf = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "gone";
    }
  };
  const all = readdirSync("/proc/self/fd").map((fd) => `${fd} ${linkOf(fd)}`);
  return all.filter((each) => !each.endsWith(" gone"));
}

/** What is open that was not; what others of this process had open may have been closed. */
const openedSince = (before: readonly string[]) => descriptors().filter((each) => !before.includes(each));

/** A worker of this process: gives what is sent with `send`. */
function connected(inboxes: FileInboxes, generation: number): { send(id: number): void; close(): void } {
  let theirs = -1;
  const giver = { number: 0, generation, giveFileSocket: (_: number, fd: number) => (theirs = duplicate(fd)) !== -1 };
  connectFiles(giver, 0, (message: AppMessage) => {
    if (message.kind === "files") inboxes.connect(message.generation, message.fd);
  });
  const send = (id: number): void => {
    const fd = openSync("/proc/self/status", "r");
    sendDescriptors(theirs, new Uint8Array(Uint32Array.of(id).buffer), [fd]);
    closeSync(fd);
  };
  return { send, close: () => closeDescriptor(theirs) };
}

test("each request gets its own descriptor, in whatever order they are asked for", () => {
  const before = descriptors();
  const inboxes = new FileInboxes();
  const worker = connected(inboxes, 1);
  worker.send(5);
  worker.send(4_000_000_000);
  const second = inboxes.take(1, 4_000_000_000) as number;
  const first = inboxes.take(1, 5) as number;
  for (const fd of [first, second]) {
    expect(readSync(fd, Buffer.alloc(5), 0, 5, 0)).toBe(5);
    closeSync(fd);
  }
  expect(inboxes.take(1, 5)).toBeUndefined();
  expect(inboxes.take(2, 5)).toBeUndefined();
  inboxes.closeAll();
  worker.close();
  expect(openedSince(before)).toEqual([]);
});

test("what nobody took is closed with its worker, and its successor begins anew", () => {
  const before = descriptors();
  const inboxes = new FileInboxes();
  const worker = connected(inboxes, 1);
  const other = connected(inboxes, 2);
  worker.send(5);
  worker.send(5);
  worker.send(6);
  expect(inboxes.take(1, 7)).toBeUndefined();
  inboxes.close(1);
  other.send(5);
  closeSync(inboxes.take(2, 5) as number);
  inboxes.closeAll();
  worker.close();
  other.close();
  expect(openedSince(before)).toEqual([]);
});

test("a worker that cannot be talked to leaves nothing behind", () => {
  const before = descriptors();
  const giver = { number: 0, generation: 1, giveFileSocket: () => false };
  connectFiles(giver, 0, () => expect.unreachable());
  expect(openedSince(before)).toEqual([]);
});
