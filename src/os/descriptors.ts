/**
 * How many descriptors this process has open, and how many it may have. Both belong to the whole process: its threads
 * share one table.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";

/** RLIMIT_NOFILE as it holds now (the soft limit); Infinity when there is none. */
export function descriptorsMax(): number {
  const limits = readFileSync("/proc/self/limits", "latin1");
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return soft === undefined || soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}

/** Since Linux 6.2 the size of that directory is the answer; before, its entries are counted (proc(5)), one of which is
 *  the descriptor that reads them. */
export function descriptorsOpen(): number {
  const { size } = statSync("/proc/self/fd");
  return size > 0 ? size : readdirSync("/proc/self/fd").length - 1;
}
