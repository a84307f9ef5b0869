/**
 * Descriptors that a front thread has by number: temporary files, open files, queues. When a thread dies the runtime closes
 * the sockets that it made for it, and nobody these, since all threads share one table of descriptors. So whoever keeps
 * one beyond the turn in which it was opened holds it here, and closes it with `release`.
 *
 * Each thread has its own list, for each has its own copy of this module: a bit for each descriptor, in memory that the master sees,
 * because a thread that is ended by force closes nothing itself.
 */
import { closeDescriptor } from "./sockets.ts";

/** What may be open at once is a matter of limits (nofile), which can be raised at any time; what lies beyond is on no list. */
const DESCRIPTORS_MAX = 1 << 20;
const BITS = 32;

/** The list of one thread: 128 KiB, of which what is used takes memory. */
export function makeHeldMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(DESCRIPTORS_MAX / 8);
}

let held = new Int32Array(makeHeldMemory());

/** Before the thread holds anything. */
export function holdIn(memory: SharedArrayBuffer): void {
  held = new Int32Array(memory);
}

export function hold(fd: number): number {
  if (fd < DESCRIPTORS_MAX) held[fd >> 5] = word(fd) | (1 << (fd % BITS));
  return fd;
}

/** It is somebody else's to close from now on. */
export function letGo(fd: number): void {
  if (fd < DESCRIPTORS_MAX) held[fd >> 5] = word(fd) & ~(1 << (fd % BITS));
}

function word(fd: number): number {
  return held[fd >> 5] as number; // fd is below DESCRIPTORS_MAX
}

/** Closes it. */
export function release(fd: number): void {
  letGo(fd);
  closeDescriptor(fd);
}

/** The last thing that a thread does: nothing of it runs any more. */
export function closeHeld(): void {
  closeHeldIn(held.buffer as SharedArrayBuffer);
}

/** Closes what a thread held that has ended. */
export function closeHeldIn(memory: SharedArrayBuffer): void {
  const words = new Int32Array(memory);
  for (const [index, bits] of words.entries()) {
    if (bits === 0) continue;
    words[index] = 0;
    for (let bit = 0; bit < BITS; bit++) if ((bits & (1 << bit)) !== 0) closeDescriptor(index * BITS + bit);
  }
}
