import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import {
  closeHeld,
  closeHeldIn,
  hold,
  holdIn,
  holdRegion,
  letGo,
  makeHeldMemory,
  REGIONS_MAX,
  release,
  releaseRegion,
} from "../../src/os/held.ts";
import { libc } from "../../src/os/libc.ts";
import { closeDescriptor } from "../../src/os/sockets.ts";
import { openTemporary } from "../../src/os/temporary.ts";

const PROT_NONE = 0;
const MAP_PRIVATE_ANONYMOUS = 0x22;

const isOpen = (fd: number) => existsSync(`/proc/self/fd/${fd}`);

test("what a thread holds at its end is closed; what it gave away or has closed is not touched", () => {
  const [kept, given, closed] = [0, 0, 0].map(() => hold(openTemporary("/tmp"))) as [number, number, number];
  letGo(given);
  release(closed);
  expect([kept, given, closed].map(isOpen)).toEqual([true, true, false]);
  // The number is free, and soon somebody else's.
  const stranger = openTemporary("/tmp");
  expect(stranger).toBe(closed);
  closeHeld();
  expect([kept, given, stranger].map(isOpen)).toEqual([false, true, true]);
  for (const fd of [given, stranger]) closeDescriptor(fd);
});

test("what a thread held that was ended in the midst of its work is closed by another one, and once", () => {
  const memory = makeHeldMemory();
  holdIn(memory);
  const held = Array.from({ length: 70 }, () => hold(openTemporary("/tmp")));
  const [given = -1, closed = -1] = held.splice(33, 2);
  letGo(given);
  release(closed);
  const stranger = openTemporary("/tmp");
  expect(stranger).toBe(closed);
  closeHeldIn(memory);
  expect(held.filter(isOpen)).toEqual([]);
  expect([given, stranger].map(isOpen)).toEqual([true, true]);
  for (const fd of held) expect(openTemporary("/tmp")).toBe(fd);
  closeHeldIn(memory);
  expect(held.filter(isOpen)).toEqual(held);
  for (const fd of [...held, given, stranger]) closeDescriptor(fd);
});

test("what a thread has mapped is unmapped at its end, once", () => {
  const memory = makeHeldMemory();
  holdIn(memory);
  const isMapped = (address: number) => readFileSync("/proc/self/maps", "latin1").includes(`${address.toString(16)}-`);
  const map = () => Number(libc.mmap(0, 4096, PROT_NONE, MAP_PRIVATE_ANONYMOUS, -1, 0));
  const [kept, released] = [map(), map()];
  // The kernel puts side by side what it can, and shows that as one.
  const between = (list: readonly number[]) => list.some(isMapped);
  holdRegion(0, kept, 4096);
  holdRegion(REGIONS_MAX - 1, released, 4096);
  expect(between([kept, released])).toBe(true);
  releaseRegion(REGIONS_MAX - 1);
  closeHeldIn(memory);
  expect(between([kept, released])).toBe(false);
  expect(new Float64Array(memory, memory.byteLength - 16 * REGIONS_MAX).every((word) => word === 0)).toBe(true);
  closeHeldIn(memory);
});
