/** What a service holds in memory with all that it has started: every process of its session. Linux (proc(5)). */
import { readdirSync, readFileSync } from "node:fs";

const SESSION_FIELD = 3;
const KIB = 1024;

/** Resident bytes of the processes of session `session`, shared pages counted in each; undefined when none can be read. */
export function sessionMemory(session: number): number | undefined {
  const sizes = readdirSync("/proc").flatMap((name) =>
    /^\d+$/.test(name) && sessionOf(name) === session ? (residentBytes(name) ?? []) : [],
  );
  return sizes.length === 0 ? undefined : sizes.reduce((sum, size) => sum + size, 0);
}

/** The name of a program may hold spaces and brackets: fields are counted from behind it. */
function sessionOf(pid: string): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[SESSION_FIELD]);
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
