import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EADDRINUSE, OsError } from "../../src/os/libc.ts";
import {
  closeDescriptor,
  listenTcp,
  listenUnix,
  pipe,
  sendDescriptors,
  sendPacket,
  socketPair,
} from "../../src/os/sockets.ts";

const folder = mkdtempSync(join(tmpdir(), "server-os-"));
afterAll(() => rmSync(folder, { recursive: true }));

const LOOPBACK = { host: "127.0.0.1", port: 0 };

describe("listenTcp", () => {
  test("opens as many sockets as asked for on one port", () => {
    const { fds, port } = listenTcp(LOOPBACK, 3);
    expect(fds).toHaveLength(3);
    expect(port).toBeGreaterThan(0);
    fds.forEach(closeDescriptor);
  });

  test("a port that another server shares in the same way is in use all the same", () => {
    const { fds, port } = listenTcp(LOOPBACK, 2);
    expect(() => listenTcp({ host: "127.0.0.1", port }, 2)).toThrow(`bind(127.0.0.1:${port}): EADDRINUSE`);
    fds.forEach(closeDescriptor);
    const again = listenTcp({ host: "127.0.0.1", port }, 1);
    again.fds.forEach(closeDescriptor);
  });

  test("an address that is not this machine's is named", () => {
    expect(() => listenTcp({ host: "192.0.2.1", port: 1 }, 1)).toThrow("bind(192.0.2.1:1): EADDRNOTAVAIL");
  });

  test("compressed IPv6 addresses are understood", () => {
    const { fds } = listenTcp({ host: "::1", port: 0 }, 1);
    expect(fds).toHaveLength(1);
    fds.forEach(closeDescriptor);
  });
});

describe("listenUnix", () => {
  test("sets the mode and replaces a stale socket", () => {
    const path = join(folder, "stale.sock");
    closeDescriptor(listenUnix(path, 0o600));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const fd = listenUnix(path, 0o666);
    expect(statSync(path).mode & 0o777).toBe(0o666);
    closeDescriptor(fd);
  });

  test("gives the file to whom it should belong", () => {
    const path = join(folder, "owned.sock");
    // Only root may give files away; anyone may say who he is.
    const uid = process.geteuid?.() === 0 ? 12345 : (process.geteuid?.() ?? 0);
    const gid = process.geteuid?.() === 0 ? 23456 : (process.getegid?.() ?? 0);
    closeDescriptor(listenUnix(path, 0o660, { uid, gid }));
    expect(statSync(path)).toMatchObject({ uid, gid });
    expect(statSync(path).mode & 0o777).toBe(0o660);
    closeDescriptor(listenUnix(path, 0o660, { uid: -1, gid: -1 }));
    expect(statSync(path).uid).toBe(process.geteuid?.() ?? -1);
  });

  test("leaves a live socket and a file that is none alone", () => {
    const path = join(folder, "live.sock");
    const fd = listenUnix(path, 0o600);
    try {
      listenUnix(path, 0o600);
      throw new Error("a second listener on a live socket");
    } catch (error) {
      expect((error as OsError).errno).toBe(EADDRINUSE);
    }
    closeDescriptor(fd);
    const file = join(folder, "precious");
    writeFileSync(file, "x");
    expect(() => listenUnix(file, 0o600)).toThrow(OsError);
    expect(existsSync(file)).toBe(true);
  });

  test("a path that does not fit in sun_path is refused", () => {
    expect(() => listenUnix(join(folder, "x".repeat(120)), 0o600)).toThrow("107 bytes");
  });
});

describe("sendPacket", () => {
  test("says when the queue is full, the packet too large, and the reader gone", () => {
    const [a, b] = socketPair("packet");
    const packet = Buffer.alloc(16 * 1024);
    let sent = 0;
    while (sendPacket(a, packet, packet.length) === "sent") sent++;
    expect(sent).toBeGreaterThan(0);
    expect(sendPacket(a, packet, packet.length)).toBe("full");
    const huge = Buffer.alloc(64 * 1024 * 1024);
    expect(sendPacket(a, huge, huge.length)).toBe("too-large");
    closeDescriptor(b);
    expect(sendPacket(a, packet, 1)).toBe("closed");
    closeDescriptor(a);
  });
});

test("descriptors pass to another process with the bytes beside them", async () => {
  const [ours, theirs] = socketPair("stream");
  const [readEnd, writeEnd] = pipe();
  const script =
    "import socket,os;d,f,_,_=socket.recv_fds(socket.socket(fileno=3),100,4);os.write(f[0],d.upper());os.close(f[0])";
  const child = Bun.spawn(["python3", "-c", script], { stdio: ["ignore", "inherit", "inherit", theirs] });
  expect(sendDescriptors(ours, Buffer.from("hello"), [writeEnd])).toBe(true);
  closeDescriptor(writeEnd);
  expect(await child.exited).toBe(0);
  expect(readlinkSync(`/proc/self/fd/${readEnd}`)).toStartWith("pipe:");
  expect(await Bun.file(readEnd).text()).toBe("HELLO");
  closeDescriptor(ours);
  closeDescriptor(theirs);
});
