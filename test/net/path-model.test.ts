/** How the kernel is told to send on a connection: by the peer's address. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Loop } from "../../src/net/loop.ts";
import { SLOW_WRITE_BYTES } from "../../src/net/pace.ts";
import { PolledAttempt } from "../../src/net/polled-connect.ts";
import { PolledListener } from "../../src/net/polled-listen.ts";
import { PolledWire } from "../../src/net/polled-wire.ts";
import type { OwnedWire } from "../../src/net/wire.ts";
import { check, libc, ptr } from "../../src/os/libc.ts";
import { AF_INET } from "../../src/os/socket-address.ts";
import { closeDescriptor, listenTcp, socketPair } from "../../src/os/sockets.ts";
import { makeSocket } from "../../src/os/stream-socket.ts";
import { testUnless } from "../support/skip.ts";
import { until } from "../support/wait.ts";
import { Ear } from "./ways.ts";

const WAIT_MS = 20_000;
const large = Buffer.alloc(SLOW_WRITE_BYTES + 1);

const IPPROTO_TCP = 6;
const TCP_CONGESTION = 13;

const allowed = readFileSync("/proc/sys/net/ipv4/tcp_allowed_congestion_control", "latin1").trim().split(" ");
const other = allowed.find((name) => name !== "reno");
const missing = other === undefined ? "no congestion control but Reno is allowed here" : undefined;

let loop: Loop;
beforeAll(() => void (loop = new Loop()));
afterAll(() => loop.stop());

function choose(fd: number, name: string): void {
  check(libc.setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, ptr(Buffer.from(name)), name.length), "setsockopt", name);
}

function chosen(fd: number): string {
  const name = Buffer.alloc(16);
  const length = new Int32Array([name.length]);
  check(libc.getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, ptr(name), ptr(length)), "getsockopt", String(fd));
  return name.toString("latin1", 0, length[0]).replace(/\0.*/s, "");
}

for (const [host, expected] of [
  ["127.0.0.1", "reno"],
  ["127.8.8.8", "reno"],
  ["::1", "reno"],
  ["192.0.2.1", other],
  ["2001:db8::1", other],
] as const) {
  const what = expected === "reno" ? "without a model of the path" : "as the machine does";
  const wireTo = (fd: number) => {
    choose(fd, other ?? "");
    return new PolledWire(loop, fd, { host, port: 1 }, undefined);
  };

  testUnless(missing)(`messages to ${host} go ${what}`, () => {
    const fd = makeSocket(AF_INET);
    const wire = wireTo(fd);
    expect(chosen(fd)).toBe(other ?? "");
    wire.carryMessages();
    expect(chosen(fd)).toBe(expected ?? "");
    wire.close();
  });

  testUnless(missing)(`large writes to ${host} go ${what}`, () => {
    const fd = makeSocket(AF_INET);
    const wire = wireTo(fd);
    wire.write(large, 0, large.length);
    expect(chosen(fd)).toBe(expected ?? "");
    wire.close();
  });

  testUnless(missing)(`small ones to ${host} go as the machine does`, () => {
    const fd = makeSocket(AF_INET);
    const wire = wireTo(fd);
    wire.write(large, 0, SLOW_WRITE_BYTES);
    expect(chosen(fd)).toBe(other ?? "");
    wire.close();
  });

  testUnless(missing)(`a file to ${host} goes ${what}`, () => {
    const fd = makeSocket(AF_INET);
    const wire = wireTo(fd);
    wire.writeFrom({ isCopied: false, sendTo: () => 0 }, 0, large.length);
    expect(chosen(fd)).toBe(expected ?? "");
    wire.close();
  });
}

for (const [host, isNear] of [
  ["127.0.0.1", true],
  ["127.8.8.8", true],
  ["0.0.0.0", false],
] as const) {
  testUnless(missing)(`what listens on ${host} gives that to its connections${isNear ? "" : " not"}`, async () => {
    const { fds, port } = listenTcp({ host, port: 0 }, 1);
    const [listening = -1] = fds;
    choose(listening, other ?? "");
    const wires: PolledWire[] = [];
    const accept = (wire: OwnedWire) => {
      wires.push(wire as PolledWire);
      return new Ear();
    };
    const listener = new PolledListener(loop, { fd: listening, unix: false, accept });
    const connected = new Ear();
    new PolledAttempt(loop, { kind: "tcp", host: isNear ? host : "127.0.0.1", port }, connected).begin();
    await until("both ends", WAIT_MS, () => wires.length > 0 && connected.wire !== undefined);
    const fdOf = (wire: unknown) => (wire as { fd: number }).fd;
    expect(chosen(fdOf(wires[0]))).toBe(isNear ? "reno" : (other ?? ""));
    listener.stop();
    wires[0]?.close();
    connected.wire?.close();
  });
}

test("where it cannot be chosen nothing happens", () => {
  const [fd, peer] = socketPair("stream");
  const wire = new PolledWire(loop, fd, { host: "127.0.0.1", port: 1 }, undefined);
  wire.carryMessages();
  expect(wire.write(Buffer.from("x"), 0, 1)).toBe(1);
  wire.close();
  closeDescriptor(peer);
});
