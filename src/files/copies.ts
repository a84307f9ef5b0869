/**
 * Copies of files that are too large for the cache and are asked for again and again: in memory of the kernel's, which sends them by
 * itself (os/sealed-copy.ts). Measured against a read and a send for each piece: half the processor time for each byte of a file of
 * 1 MiB. What all copies of a front take has a bound.
 */
import type { FileStat } from "../os/file-stat.ts";
import { copySealed, memoryOfCopy } from "../os/sealed-copy.ts";
import { hasSettled } from "./cache.ts";

/** Larger files are sent piece by piece as they are: to copy this much takes 1 ms, in which all others wait. */
export const COPIED_FILE_BYTES_MAX = 4 * 1024 * 1024;

/** All copies of one front: half as much again as the cache has. */
export const COPIES_BYTES_MAX = 32 * 1024 * 1024;

export function isCopyable({ size }: FileStat): boolean {
  return size <= COPIED_FILE_BYTES_MAX;
}

export class Copies {
  private readonly bytesMax: number;
  /** Taken. */
  bytes = 0;

  constructor(bytesMax: number = COPIES_BYTES_MAX) {
    this.bytesMax = bytesMax;
  }

  /** A descriptor, to be held and closed by the caller, who gives the bytes back then; -1 where there is to be no copy. What was written
   *  lately may be being written still. */
  make(fd: number, stats: FileStat): number {
    const { size } = stats;
    const bytes = memoryOfCopy(size);
    if (!isCopyable(stats) || this.bytes + bytes > this.bytesMax || !hasSettled(stats)) return -1;
    const copy = copySealed(fd, size);
    if (copy !== -1) this.bytes += bytes;
    return copy;
  }

  giveBack({ size }: FileStat): void {
    this.bytes -= memoryOfCopy(size);
  }
}
