/** What a service holds in memory with all that it has started: every process of its session. Linux (proc(5)). */
import { readdirSync, readFileSync } from "node:fs";
import { processState } from "../os/process-state.ts";

const KIB = 1024;

/** Resident bytes of the processes of session `session`, shared pages counted in each; undefined when none can be read. */
export function sessionMemory(session: number): number | undefined {
  const sizes = readdirSync("/proc").flatMap((name) =>
    /^\d+$/.test(name) && processState(name)?.session === session ? (residentBytes(name) ?? []) : [],
  );
  return sizes.length === 0 ? undefined : sizes.reduce((sum, size) => sum + size, 0);
}

function residentBytes(pid: string): number | undefined {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`) ?? "")?.[1];
  return kib === undefined ? undefined : Number(kib) * KIB;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // it has ended meanwhile
    return undefined;
  }
}
