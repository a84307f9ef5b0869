import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, statfsSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { closeHeldIn, holdIn, makeHeldMemory, REGIONS_MAX } from "../../src/os/held.ts";
import { MappedFile, WINDOW_BYTES } from "../../src/os/mapped-file.ts";
import { AF_INET, tcpName } from "../../src/os/socket-address.ts";
import { connectSocket, makeSocket } from "../../src/os/stream-socket.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { sentFrom } from "../support/sendable.ts";
import { until } from "../support/wait.ts";

const TMPFS_MAGIC = 0x01021994;
const folder = makeFolder("mapped-file");
afterAll(() => removeFolder(folder));

/** How many windows on `path` this process has. */
const windowsOn = (path: string) =>
  readFileSync("/proc/self/maps", "latin1")
    .split("\n")
    .filter((line) => line.endsWith(path)).length;

const opened: [MappedFile, number][] = [];
afterEach(() => {
  for (const [file, fd] of opened.splice(0)) {
    file.leave();
    closeSync(fd);
  }
});

function open(path: string, size: number): MappedFile {
  const fd = openSync(path, "r");
  const file = new MappedFile(fd, size);
  opened.push([file, fd]);
  return file;
}

/** Has its own number at the beginning and at the end of each window. */
function large(name: string, windows: number): { path: string; size: number } {
  const path = join(folder, name);
  const size = windows * WINDOW_BYTES - 5;
  writeFileSync(path, Buffer.alloc(size, "."));
  const fd = openSync(path, "r+");
  for (let i = 0; i < windows; i++) {
    writeSync(fd, `begin ${i}`, i * WINDOW_BYTES);
    writeSync(fd, `end ${i}!`, Math.min(size, (i + 1) * WINDOW_BYTES) - 6);
  }
  closeSync(fd);
  return { path, size };
}

describe("a mapped file", () => {
  test("is sent from any place, as far as its window reaches", () => {
    const { path, size } = large("any", 3);
    const file = open(path, size);
    expect([0, 1, WINDOW_BYTES - 1, WINDOW_BYTES, size - 1].map((at) => file.reach(at))).toEqual([
      WINDOW_BYTES,
      WINDOW_BYTES - 1,
      1,
      WINDOW_BYTES,
      1,
    ]);
    const bytes = readFileSync(path);
    for (const at of [0, 1, 4095, 4097, WINDOW_BYTES - 70_001, WINDOW_BYTES, 2 * WINDOW_BYTES + 3, size - 9]) {
      const length = Math.min(100_000, file.reach(at));
      expect([at, sentFrom(file, at, length).equals(bytes.subarray(at, at + length))]).toEqual([at, true]);
    }
    expect([file.isLost, windowsOn(path)]).toEqual([false, 3]);
    file.leave();
    expect(windowsOn(path)).toBe(0);
  });

  test("has as many windows as there are, of which the one goes that was not used for longest", () => {
    const { path, size } = large("more", REGIONS_MAX + 2);
    const file = open(path, size);
    const beginOf = (index: number) => sentFrom(file, index * WINDOW_BYTES, 7).toString();
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < REGIONS_MAX + 2; i++) expect(beginOf(i)).toBe(`begin ${i}`.slice(0, 7));
    expect(windowsOn(path)).toBe(REGIONS_MAX);
    const other = large("other", 1);
    expect(sentFrom(open(other.path, other.size), 0, 7).toString()).toBe("begin 0");
    expect([windowsOn(path), windowsOn(other.path)]).toEqual([REGIONS_MAX - 1, 1]);
  });

  test("that has become shorter is lost, and harms nobody", () => {
    const { path, size } = large("shorter", 1);
    const file = open(path, size);
    expect(sentFrom(file, 0, 100_000).length).toBe(100_000);
    truncateSync(path, 50_000);
    expect([sentFrom(file, 0, 100_000).length < 100_000, file.isLost]).toEqual([true, true]);
    expect(sentFrom(file, 60_000, 10).length).toBe(0);
  });

  test("of which a part is left gives that, over TCP, and is known to be lost at once", async () => {
    const { path, size } = large("part", 1);
    const file = open(path, size);
    let got = 0;
    const peer = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (_, bytes) => void (got += bytes.length) },
    });
    const socket = makeSocket(AF_INET);
    const to = tcpName({ host: "127.0.0.1", port: peer.port });
    await until("connected", 5_000, () => connectSocket(socket, to) === 0);
    truncateSync(path, 50_000);
    const sent = file.sendTo(socket, 0, 100_000, false);
    // What the kernel had copied of the buffer that it was filling does not count.
    expect([sent > 0, sent <= 53_248, file.isLost]).toEqual([true, true, true]);
    await until("all of it", 5_000, () => got === sent);
    closeSync(socket);
    peer.stop(true);
  });

  test("that cannot be mapped is lost", () => {
    const file = open("/proc/self/status", 1000);
    expect([sentFrom(file, 0, 10).length, file.isLost]).toEqual([0, true]);
  });

  test("that has holes is not mapped: to look at those of tmpfs takes memory", () => {
    const path = join(folder, "holes");
    writeFileSync(path, "");
    truncateSync(path, 5_000_000);
    expect(open(path, 5_000_000).isLost).toBe(true);
  });

  test("is near as long as it lies in the kernel's cache", () => {
    const { path, size } = large("evicted", 1);
    const file = open(path, size);
    expect([file.isNear(0, size), file.isNear(size - 1, 1)]).toEqual([true, true]);
    const evict =
      "import os,sys; f=os.open(sys.argv[1],0); os.fsync(f); os.posix_fadvise(f,0,0,os.POSIX_FADV_DONTNEED)";
    expect(Bun.spawnSync(["python3", "-c", evict, path]).exitCode).toBe(0);
    // What lies in tmpfs lies nowhere else.
    const hasDisk = statfsSync(folder).type !== TMPFS_MAGIC;
    expect(file.isNear(0, size)).toBe(!hasDisk);
    expect([sentFrom(file, 0, 5).toString(), file.isNear(0, 5)]).toEqual(["begin", true]);
  });

  test("does not stay mapped when it is not used", async () => {
    const { path, size } = large("idle", 1);
    const file = open(path, size);
    expect([sentFrom(file, 0, 5).toString(), windowsOn(path)]).toEqual(["begin", 1]);
    await until("no window", 10_000, () => windowsOn(path) === 0);
    expect([sentFrom(file, 0, 5).toString(), windowsOn(path), file.isLost]).toEqual(["begin", 1, false]);
  });

  test("does not stay mapped when its thread has ended", () => {
    const memory = makeHeldMemory();
    holdIn(memory);
    const { path, size } = large("ended", 2);
    const file = open(path, size);
    for (const at of [0, WINDOW_BYTES]) expect(sentFrom(file, at, 5).toString()).toBe("begin");
    expect(windowsOn(path)).toBe(2);
    closeHeldIn(memory);
    expect(windowsOn(path)).toBe(0);
  });
});
