/** What a server's processes hold in memory, kernel buffers apart. */
import { readFileSync } from "node:fs";
import { descendants } from "./processes.ts";

/** Of the process and its descendants, shared pages counted once for each. */
export function residentBytes(pid: number): number {
  const pids = [pid, ...descendants(pid).map((process) => process.pid)];
  return pids.reduce((sum, each) => sum + rssOf(each), 0);
}

function rssOf(pid: number): number {
  try {
    const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    return Number(found?.[1] ?? 0) * 1024;
  } catch {
    // it has ended
    return 0;
  }
}
