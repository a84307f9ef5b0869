import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { closeHeld, hold, letGo, release } from "../../src/os/held.ts";
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
