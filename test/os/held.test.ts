import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { closeHeld, closeHeldIn, hold, holdIn, letGo, makeHeldMemory, release } from "../../src/os/held.ts";
import { closeDescriptor } from "../../src/os/sockets.ts";
import { openTemporary } from "../../src/os/temporary.ts";

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
