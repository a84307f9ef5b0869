import { expect, test } from "bun:test";
import { readSync } from "node:fs";
import { closeDescriptor, socketPair } from "../../src/os/sockets.ts";
import { BESIDE_BYTES_MAX, sendBetween } from "../../src/os/send-between.ts";
import { withoutWaiting } from "../../src/os/stream-socket.ts";

const [before, after] = [Buffer.from("10000\r\n"), Buffer.from("\r\n")];

function readAll(fd: number, length: number): Buffer {
  const into = Buffer.alloc(length);
  for (let have = 0; have < length;) have += readSync(fd, into, have, length - have, null);
  return into;
}

test("the three arrive one behind the other, call after call, whatever the collector does", () => {
  const [here, there] = socketPair("stream");
  for (let turn = 0; turn < 50; turn++) {
    const bytes = Buffer.alloc(1 + turn * 900, 65 + (turn % 26));
    const wanted = Buffer.concat([before, bytes, after]);
    expect(sendBetween(here, before, bytes, after)).toBe(wanted.length);
    expect(readAll(there, wanted.length).equals(wanted)).toBe(true);
    if (turn % 10 === 0) Bun.gc(true);
  }
  closeDescriptor(here);
  closeDescriptor(there);
});

test("of what has no room the first part is taken, then nothing", () => {
  const [here, there] = socketPair("stream");
  withoutWaiting(here);
  const bytes = Buffer.alloc(4_000_000, "abcdefg");
  const taken = sendBetween(here, before, bytes, after);
  expect(taken).toBeGreaterThan(before.length);
  expect(taken).toBeLessThan(bytes.length);
  expect(sendBetween(here, before, bytes, after)).toBe(0);
  const wanted = Buffer.concat([before, bytes]).subarray(0, taken);
  expect(readAll(there, taken).equals(wanted)).toBe(true);
  closeDescriptor(there);
  expect(sendBetween(here, before, bytes, after)).toBe(-32);
  closeDescriptor(here);
});

test("what stands beside is small", () => {
  expect(() => sendBetween(-1, Buffer.alloc(2 * BESIDE_BYTES_MAX + 1), before, after)).toThrow();
});
