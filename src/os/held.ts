/**
 * Descriptors that a front thread has by number: temporary files, open files, queues. When a thread dies the runtime closes
 * the sockets that it made for it, and nobody these, since all threads share one table of descriptors. So whoever keeps
 * one beyond the turn in which it was opened holds it here, and closes it with `release`.
 *
 * Each thread has its own list, for each has its own copy of this module: a bit for each descriptor, in memory that the master sees,
 * because a thread that is ended by force closes nothing itself.
 */
import { libc } from "./libc.ts";
import { closeDescriptor } from "./sockets.ts";

/** What may be open at once is a matter of limits (nofile), which can be raised at any time; what lies beyond is on no list. */
const DESCRIPTORS_MAX = 1 << 20;
const BITS = 32;

/** Parts of the address space that a thread has mapped: address and size of each stand behind the bits. */
export const REGIONS_MAX = 8;
const REGIONS_AT = DESCRIPTORS_MAX / 8;
const REGION_BYTES = 2 * Float64Array.BYTES_PER_ELEMENT;

/** The list of one thread: 128 KiB, of which what is used takes memory. */
export function makeHeldMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(REGIONS_AT + REGIONS_MAX * REGION_BYTES);
}

let memory = makeHeldMemory();
let held = bitsOf(memory);
let regions = regionsOf(memory);

function bitsOf(list: SharedArrayBuffer): Int32Array {
  return new Int32Array(list, 0, REGIONS_AT / Int32Array.BYTES_PER_ELEMENT);
}

function regionsOf(list: SharedArrayBuffer): Float64Array {
  return new Float64Array(list, REGIONS_AT);
}

/** Before the thread holds anything. */
export function holdIn(list: SharedArrayBuffer): void {
  memory = list;
  held = bitsOf(list);
  regions = regionsOf(list);
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

/** The mapped region number `slot`, of which none is held. */
export function holdRegion(slot: number, address: number, bytes: number): void {
  regions[2 * slot] = address;
  regions[2 * slot + 1] = bytes;
}

/** Unmaps it. */
export function releaseRegion(slot: number): void {
  unmap(regions, slot);
}

function unmap(list: Float64Array, slot: number): void {
  const [address = 0, bytes = 0] = list.subarray(2 * slot, 2 * slot + 2);
  list.fill(0, 2 * slot, 2 * slot + 2);
  if (bytes > 0) libc.munmap(address, bytes);
}

/** The last thing that a thread does: nothing of it runs any more. */
export function closeHeld(): void {
  closeHeldIn(memory);
}

/** Closes what a thread held that has ended. */
export function closeHeldIn(list: SharedArrayBuffer): void {
  for (let slot = 0; slot < REGIONS_MAX; slot++) unmap(regionsOf(list), slot);
  const words = bitsOf(list);
  for (const [index, bits] of words.entries()) {
    if (bits === 0) continue;
    words[index] = 0;
    for (let bit = 0; bit < BITS; bit++) if ((bits & (1 << bit)) !== 0) closeDescriptor(index * BITS + bit);
  }
}
