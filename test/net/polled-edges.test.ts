/** What stands behind what was told is heard of all the same: more than one receive takes, the end, an error. */
import { afterAll, describe, expect, test } from "bun:test";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Socket } from "bun";
import { Loop } from "../../src/net/loop.ts";
import { PolledAttempt } from "../../src/net/polled-connect.ts";
import type { ConnectAddress } from "../../src/net/connect-address.ts";
import { MappedFile } from "../../src/os/mapped-file.ts";
import { SealedCopy } from "../../src/os/sealed-copy.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { until } from "../support/wait.ts";
import { Ear } from "./ways.ts";

const WAIT_MS = 20_000;
/** What a loop receives at once, and of a wire that brings much. */
const CAPACITY = 64 * 1024;
const LARGE = 256 * 1024;
const BEHIND_LARGE = [-1, 0, 1].map((more) => CAPACITY + LARGE + more);

const loop = new Loop();
const folder = makeFolder("edges");
afterAll(() => {
  loop.stop();
  removeFolder(folder);
});

interface Peer {
  readonly address: ConnectAddress;
  readonly stop: () => void;
}

/** A server that does `act` with each connection. */
function listenAs(kind: "tcp" | "unix", act: (socket: Socket<undefined>) => void, read = () => {}): Peer {
  const socket = { open: act, data: read };
  if (kind === "unix") {
    const path = join(folder, `${crypto.randomUUID()}.sock`);
    const server = Bun.listen({ unix: path, socket });
    return { address: { kind, path }, stop: () => server.stop(true) };
  }
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket });
  return { address: { kind, host: "127.0.0.1", port: server.port }, stop: () => server.stop(true) };
}

async function connected(peer: Peer, prepare: (ear: Ear) => void = () => {}): Promise<Ear> {
  const ear = new Ear();
  prepare(ear);
  new PolledAttempt(loop, peer.address, ear).begin();
  await ear.until("connected");
  return ear;
}

describe.each(["tcp", "unix"] as const)("%s", (kind) => {
  test.each([1, CAPACITY - 1, CAPACITY, CAPACITY + 1, 3 * CAPACITY, ...BEHIND_LARGE, 9 * LARGE])(
    "%d bytes at once, then silence",
    async (size) => {
      const peer = listenAs(kind, (socket) => void writeAll(socket, Buffer.alloc(size, "x")));
      let read = 0;
      const ear = await connected(peer, (each) => (each.onReceived = (text) => (read += text.length)));
      await until("all of it", WAIT_MS, () => read === size);
      expect(ear.heard).not.toContain("ended");
      ear.wire?.close();
      peer.stop();
    },
  );

  test.each([1, CAPACITY, 2 * CAPACITY, ...BEHIND_LARGE])(
    "%d bytes and the end behind them, while nobody reads",
    async (size) => {
      const peer = listenAs(kind, (socket) => void writeAll(socket, Buffer.alloc(size, "x"), () => socket.end()));
      let read = 0;
      const ear = await connected(peer, (each) => (each.onReceived = (text) => (read += text.length)));
      ear.wire?.pause();
      await Bun.sleep(30);
      ear.wire?.resume();
      await ear.until("ended");
      expect(read).toBe(size);
      ear.wire?.close();
      peer.stop();
    },
  );

  test("bytes and the end in one", async () => {
    const peer = listenAs(kind, (socket) => void socket.end("last words"));
    const ear = await connected(peer);
    await ear.until("ended");
    expect(ear.heard).toContain("received last words");
    ear.wire?.close();
    peer.stop();
  });

  test("a peer that is gone is told of, also behind bytes", async () => {
    const peer = listenAs(kind, (socket) => {
      socket.write("words");
      setTimeout(() => socket.terminate(), 20);
    });
    const ear = await connected(peer);
    await until("its end", WAIT_MS, () => ear.heard.includes("closed") || ear.heard.includes("ended"));
    ear.wire?.close();
    peer.stop();
  });

  test("it is paused and goes on within one turn, again and again", async () => {
    const peer = listenAs(kind, (socket) => void writeAll(socket, Buffer.alloc(20 * CAPACITY, "x")));
    let read = 0;
    const ear = await connected(peer, (each) => {
      each.onReceived = (text) => {
        read += text.length;
        each.wire?.pause();
        if (read % 2 === 0) each.wire?.resume();
        else setTimeout(() => each.wire?.resume(), 1);
      };
    });
    await until("all of it", WAIT_MS, () => read === 20 * CAPACITY);
    ear.wire?.close();
    peer.stop();
  });

  test("what is written in parts arrives, and there is word each time that there is room", async () => {
    const total = 8 * 1024 * 1024;
    let read = 0;
    const peer = listenAs(
      kind,
      (socket) => {
        socket.pause();
        setTimeout(() => socket.resume(), 20);
      },
      (...[, bytes]: unknown[]) => void (read += (bytes as Buffer).length),
    );
    const ear = await connected(peer);
    const bytes = Buffer.alloc(total, "x");
    let sent = 0;
    for (;;) {
      ear.heard.length = 0;
      sent += ear.wire?.write(bytes, sent, total - sent) ?? 0;
      if (sent === total) break;
      await ear.until("drained");
    }
    await until("all of it arrives", WAIT_MS, () => read === total);
    ear.wire?.close();
    peer.stop();
  });

  test.each([
    ["a copy", (fd: number) => new SealedCopy(fd)],
    ["a mapped file", (fd: number, size: number) => new MappedFile(fd, size)],
  ])("what is written out of %s arrives in order, with what is written before and behind", async (_, sourceOf) => {
    const path = join(folder, "file");
    const bytes = Buffer.alloc(8 * 1024 * 1024);
    for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(i, i);
    writeFileSync(path, bytes);
    const fd = openSync(path, "r");
    const source = sourceOf(fd, bytes.length);
    const read: Buffer[] = [];
    let count = 0;
    const peer = listenAs(
      kind,
      (socket) => {
        socket.pause();
        setTimeout(() => socket.resume(), 20);
      },
      (...[, chunk]: unknown[]) => {
        read.push(Buffer.from(chunk as Buffer));
        count += (chunk as Buffer).length;
      },
    );
    const ear = await connected(peer);
    expect(ear.wire?.write(Buffer.from("head"), 0, 4, true)).toBe(4);
    for (let sent = 3; sent < bytes.length;) {
      ear.heard.length = 0;
      const asked = Math.min(1_000_000, bytes.length - sent);
      const taken = ear.wire?.writeFrom?.(source, sent, asked) ?? 0;
      sent += taken;
      if (taken < asked) await ear.until("drained");
    }
    while (ear.wire?.write(Buffer.from("e"), 0, 1) === 0) await Bun.sleep(1);
    await until("all of it arrives", WAIT_MS, () => count === bytes.length + 2);
    const expected = Buffer.concat([Buffer.from("head"), bytes.subarray(3), Buffer.from("e")]);
    expect(Buffer.concat(read).equals(expected)).toBe(true);
    if (source instanceof MappedFile) source.leave();
    closeSync(fd);
    ear.wire?.close();
    expect(ear.wire?.writeFrom?.(source, 0, 1)).toBe(0);
    peer.stop();
  });

  describe("what came before the peer broke the connection, of which a write tells first", () => {
    /** The peer speaks and goes without having read, and only then is it written to, in the turn of another wire. */
    async function lastWords(size: number, prepare: (ear: Ear) => void, then: (ear: Ear) => unknown = () => {}) {
      const sockets: Socket<undefined>[] = [];
      const peer = listenAs(kind, (socket) => {
        socket.pause();
        sockets.push(socket);
      });
      let read = 0;
      const ear = await connected(peer, (each) => (each.onReceived = (text) => (read += text.length)));
      const other = await connected(peer);
      await until("the peer", WAIT_MS, () => sockets.length === 2);
      prepare(ear);
      ear.wire?.write(Buffer.from("unread"), 0, 6);
      let spoken = 0;
      other.onReceived = () => {
        spoken = Math.max(0, sockets[0]?.write(Buffer.alloc(size, "x")) ?? 0);
        sockets[0]?.terminate();
        let taken = 1;
        for (let i = 0; i < 1000 && taken > 0; i++) taken = ear.wire?.write(Buffer.alloc(1000), 0, 1000) ?? 0;
        expect([taken, read]).toEqual([0, 0]);
      };
      sockets[1]?.write("now");
      await other.until("received now");
      await then(ear);
      await ear.until("closed");
      expect(ear.heard).not.toContain("ended");
      other.wire?.close();
      peer.stop();
      return { read, spoken };
    }

    test.each([10, CAPACITY + 1])("%d bytes", async (size) => {
      const { read, spoken } = await lastWords(size, (ear) => (ear.hearsOut = true));
      expect(spoken).toBeGreaterThan(0);
      expect(read).toBe(spoken);
    });

    test("is heard when it is read on, and not before", async () => {
      const prepare = (ear: Ear) => {
        ear.hearsOut = true;
        ear.wire?.pause();
      };
      const { read, spoken } = await lastWords(10, prepare, async (ear) => {
        await Bun.sleep(30);
        expect(ear.heard).toEqual(["connected"]);
        ear.wire?.resume();
      });
      expect(read).toBe(spoken);
    });

    test("is nothing to an owner who does not say so", async () => {
      const { read } = await lastWords(10, () => {});
      expect(read).toBe(0);
    });
  });

  test("a peer that is gone is told of when it is written to out of a file", async () => {
    const path = join(folder, "file");
    writeFileSync(path, Buffer.alloc(1024 * 1024));
    const fd = openSync(path, "r");
    const peer = listenAs(kind, (socket) => void setTimeout(() => socket.terminate(), 5));
    const ear = await connected(peer);
    const began = performance.now();
    while (!ear.heard.includes("closed") && performance.now() - began < WAIT_MS) {
      ear.wire?.writeFrom?.(new SealedCopy(fd), 0, 1024 * 1024);
      await Bun.sleep(1);
    }
    expect(ear.heard).toContain("closed");
    closeSync(fd);
    peer.stop();
  });
});

async function writeAll(socket: Socket<undefined>, bytes: Buffer, then = () => {}): Promise<void> {
  for (let sent = 0; sent < bytes.length; await Bun.sleep(1)) sent += Math.max(0, socket.write(bytes.subarray(sent)));
  then();
}

test("who takes all of what is brought is given more at once, until a pause", async () => {
  const peer = listenAs("tcp", (socket) => void writeAll(socket, Buffer.alloc(16 * LARGE, "x")));
  const sizes: number[] = [];
  const ear = await connected(peer, (each) => {
    each.onReceived = (text) => {
      sizes.push(text.length);
      if (sizes.length === 3) each.wire?.pause();
    };
  });
  ear.wire?.pause();
  await Bun.sleep(50);
  ear.wire?.resume();
  await until("three of them", WAIT_MS, () => sizes.length === 3);
  await Bun.sleep(50);
  ear.wire?.resume();
  await until("the fourth", WAIT_MS, () => sizes.length > 3);
  expect(sizes[0]).toBe(CAPACITY);
  expect(Math.max(...sizes.slice(1, 3))).toBeGreaterThan(CAPACITY);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(LARGE);
  expect(sizes[3]).toBeLessThanOrEqual(CAPACITY);
  ear.wire?.abort();
  peer.stop();
});
