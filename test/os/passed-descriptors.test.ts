import { afterEach, expect, test } from "bun:test";
import { closeSync, fstatSync, openSync, readdirSync } from "node:fs";
import { receiveDescriptor } from "../../src/os/passed-descriptors.ts";
import { closeDescriptor, sendDescriptors, socketPair } from "../../src/os/sockets.ts";

const pair = () => socketPair("packet");
const opened: number[] = [];

afterEach(() => {
  for (const fd of opened.splice(0)) closeSync(fd);
});

function file(): number {
  const fd = openSync("/proc/self/status", "r");
  opened.push(fd);
  return fd;
}

const count = () => readdirSync("/proc/self/fd").length;

test("a packet brings its bytes and the same open file under another number", () => {
  const [sending, receiving] = pair();
  opened.push(sending, receiving);
  const fd = file();
  const into = new Uint8Array(8);
  expect(receiveDescriptor(receiving, into)).toBeUndefined();
  sendDescriptors(sending, Uint8Array.of(7, 8), [fd]);
  sendDescriptors(sending, Uint8Array.of(9), []);
  const found = receiveDescriptor(receiving, into);
  expect([found?.bytes, into[0], into[1]]).toEqual([2, 7, 8]);
  expect(found?.fd).not.toBe(fd);
  expect(fstatSync(found?.fd as number).ino).toBe(fstatSync(fd).ino);
  closeSync(found?.fd as number);
  expect(receiveDescriptor(receiving, into)).toEqual({ bytes: 1, fd: -1 });
  expect(receiveDescriptor(receiving, into)).toBeUndefined();
});

test.each([2, 3, 20])("a packet with %d descriptors brings none, and leaves none open", (number) => {
  const [sending, receiving] = pair();
  opened.push(sending, receiving);
  const fds = Array.from({ length: number }, file);
  const before = count();
  sendDescriptors(sending, Uint8Array.of(1), fds);
  expect(receiveDescriptor(receiving, new Uint8Array(8))).toEqual({ bytes: 1, fd: -1 });
  expect(count()).toBe(before);
});

test("the end of the other side is nothing to receive", () => {
  const [sending, receiving] = pair();
  opened.push(receiving);
  closeDescriptor(sending);
  expect(receiveDescriptor(receiving, new Uint8Array(8))).toBeUndefined();
});
