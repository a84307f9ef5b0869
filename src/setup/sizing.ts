/** How many processes and threads an app gets: from the cores, the memory, and what one process was seen to take. */
import type { Host } from "../machine/host.ts";

export interface Sizing {
  readonly processes: number;
  readonly threads: number;
  /** `2 cores and 1.9 GB of memory` */
  readonly machine: string;
  /** In words, for whoever is asked. */
  readonly reason: string;
}

/** The rest is for the server itself, the database, the page cache. */
const SHARE_OF_MEMORY = 0.5;
/** After the import a process grows by its first requests. */
const GROWTH = 1.5;
/** Of a project that could not be looked at: a middling one. */
const PRESUMED_BYTES = 120 * 2 ** 20;
/** The schema's default. */
export const DEFAULT_THREADS = 2;
/** Where memory allows fewer processes than there are cores. */
const THREADS_INSTEAD = 4;

export function sizePool(host: Pick<Host, "cores" | "memoryBytes">, processBytes: number | undefined): Sizing {
  const each = (processBytes ?? PRESUMED_BYTES) * GROWTH;
  const fit = host.memoryBytes === undefined ? Infinity : Math.floor((host.memoryBytes * SHARE_OF_MEMORY) / each);
  // One that waits for something must not be all there is.
  const wished = Math.max(2, host.cores);
  const processes = Math.max(1, Math.min(wished, fit));
  const machine = `${cores(host.cores)} and ${memory(host.memoryBytes)}`;
  const isShort = processes < wished;
  return {
    processes,
    threads: isShort ? THREADS_INSTEAD : DEFAULT_THREADS,
    machine,
    reason: [machine, size(processBytes), ...(isShort ? [SHORT] : [])].join("; "),
  };
}

const SHORT = "more would not fit, so each has more threads";

function cores(count: number): string {
  return count === 1 ? "1 core" : `${count} cores`;
}

function memory(bytes: number | undefined): string {
  return bytes === undefined ? "memory of a size that is unknown" : `${showBytes(bytes)} of memory`;
}

function size(bytes: number | undefined): string {
  return bytes === undefined
    ? "the project could not be measured"
    : `one process with the project takes ${showBytes(bytes)}`;
}

/** For reading: `48 MB`, `1.9 GB`. */
export function showBytes(bytes: number): string {
  const mega = bytes / 2 ** 20;
  return mega < 1000 ? `${Math.round(mega)} MB` : `${(mega / 1024).toFixed(1)} GB`;
}
