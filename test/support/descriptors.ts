/** Which descriptors of this process are open on files below a directory: the way tests see that none was leaked. */
import { readdirSync, readlinkSync } from "node:fs";

/** Unlinked temporary files count too: the kernel shows them as `/directory/#123 (deleted)`. */
export function openBelow(directory: string): number {
  let count = 0;
  for (const fd of readdirSync("/proc/self/fd")) if (target(fd).startsWith(`${directory}/`)) count++;
  return count;
}

/** Copies of files in memory (os/sealed-copy.ts) that a process has open. */
export function openCopies(pid: number | "self" = "self"): number {
  const names = readdirSync(`/proc/${pid}/fd`);
  return names.filter((fd) => target(fd, pid).startsWith("/memfd:server-file")).length;
}

function target(fd: string, pid: number | "self" = "self"): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    // the descriptor that readdir itself used, or one that was closed meanwhile
    return "";
  }
}
