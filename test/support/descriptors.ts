/** Which descriptors of this process are open on files below a directory: the way tests see that none was leaked. */
import { readdirSync, readlinkSync } from "node:fs";

/** Unlinked temporary files count too: the kernel shows them as `/directory/#123 (deleted)`. */
export function openBelow(directory: string): number {
  let count = 0;
  for (const fd of readdirSync("/proc/self/fd")) if (target(fd).startsWith(`${directory}/`)) count++;
  return count;
}

function target(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // the descriptor that readdir itself used
    return "";
  }
}
