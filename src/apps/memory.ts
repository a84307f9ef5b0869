/**
 * What memory a process holds, as the kernel counts it (proc(5)). Two numbers that answer two questions: how large has
 * it grown (resident: what limits and the out-of-memory killer go by, shared pages counted in full), and what does it
 * cost this machine (proportional: each shared page divided among those that share it, so that a pool can be summed).
 */
import { readFileSync } from "node:fs";

/** Bytes resident in memory (VmRSS); undefined when there is no such process, or it is a zombie. Costs about 20 µs. */
export function residentBytes(pid: number): number | undefined {
  return kibibytes(`/proc/${pid}/status`, /^VmRSS:\s+(\d+) kB$/m);
}

/** Its share of the machine's memory (PSS). The kernel walks every page for it, milliseconds for a large process: for
 *  people who ask, not for a loop. Undefined also when it belongs to another user. */
export function proportionalBytes(pid: number): number | undefined {
  return kibibytes(`/proc/${pid}/smaps_rollup`, /^Pss:\s+(\d+) kB$/m);
}

function kibibytes(file: string, field: RegExp): number | undefined {
  let text: string;
  try {
    text = readFileSync(file, "latin1");
  } catch {
    return undefined;
  }
  const found = field.exec(text)?.[1];
  return found === undefined ? undefined : Number(found) * 1024;
}
