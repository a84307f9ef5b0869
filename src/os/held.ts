/**
 * Descriptors that a front thread has by number: temporary files, open files, queues. When a thread dies the runtime closes
 * the sockets that it made for it, and nobody these, since all threads share one table of descriptors. So whoever keeps
 * one beyond the turn in which it was opened holds it here, and closes it with `release`.
 *
 * Each thread has its own list, for each has its own copy of this module.
 */
import { closeDescriptor } from "./sockets.ts";

const held = new Set<number>();

export function hold(fd: number): number {
  held.add(fd);
  return fd;
}

/** It is somebody else's to close from now on. */
export function letGo(fd: number): void {
  held.delete(fd);
}

/** Closes it. */
export function release(fd: number): void {
  held.delete(fd);
  closeDescriptor(fd);
}

/** The last thing that a thread does: nothing of it runs any more. */
export function closeHeld(): void {
  for (const fd of held) closeDescriptor(fd);
  held.clear();
}
