/** How the kernel is told to send on a connection that is there for messages: by the peer's address. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Loop } from "../../src/net/loop.ts";
import { PolledWire } from "../../src/net/polled-wire.ts";
import { check, libc, ptr } from "../../src/os/libc.ts";
import { AF_INET } from "../../src/os/socket-address.ts";
import { closeDescriptor, socketPair } from "../../src/os/sockets.ts";
import { makeSocket } from "../../src/os/stream-socket.ts";
import { testUnless } from "../support/skip.ts";

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
  testUnless(missing)(`to ${host} ${what}`, () => {
    const fd = makeSocket(AF_INET);
    choose(fd, other ?? "");
    const wire = new PolledWire(loop, fd, { host, port: 1 }, undefined);
    expect(chosen(fd)).toBe(other ?? "");
    wire.carryMessages();
    expect(chosen(fd)).toBe(expected ?? "");
    wire.close();
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
