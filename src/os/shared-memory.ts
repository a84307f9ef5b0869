/**
 * Memory that the master, the front threads and the Python children see at once: a mapped file without a name.
 * Children get the descriptor and map it themselves.
 */
import { closeSync, ftruncateSync } from "node:fs";
import { openTemporary } from "./temporary.ts";

export interface SharedMemory {
  /** Live view of the mapping; the same memory in every process that maps `fd`. */
  readonly bytes: Uint8Array;
  readonly fd: number;
  close(): void;
}

/** `size` bytes of zeroes. The directory should be on memory (/dev/shm), which is where it is looked for first. */
export function openSharedMemory(size: number, directory: string): SharedMemory {
  const fd = openTemporary(directory);
  ftruncateSync(fd, size);
  const bytes = Bun.mmap(`/proc/self/fd/${fd}`, { shared: true });
  return { bytes, fd, close: () => closeSync(fd) };
}
