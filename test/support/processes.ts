/** Processes as /proc shows them: who descends from whom, who still lives. Linux only, as the product. */
import { readdirSync, readFileSync } from "node:fs";

export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Ticks since boot when it began: tells it from a later one with the same pid. */
  readonly started: number;
  readonly state: string;
  readonly command: string;
  /** utime + stime, in ticks of 10 ms. */
  readonly cpuTicks: number;
}

/** Undefined when there is none. Fields of /proc/PID/stat: proc(5). */
export function processAt(pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const name = stat.lastIndexOf(")");
    const fields = stat.slice(name + 2).split(" ");
    const field = (number: number) => Number(fields[number - 3]);
    return {
      pid,
      parent: field(4),
      started: field(22),
      state: fields[0] ?? "?",
      command: readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim(),
      cpuTicks: field(14) + field(15),
    };
  } catch {
    return undefined;
  }
}

/** One that has ended and was not waited for is dead. */
export function lives(pid: number): boolean {
  const now = processAt(pid);
  return now !== undefined && !hasEnded(now);
}

/** Its first thread may be dead while others still are on their way out, and hold all its descriptors. */
function hasEnded({ pid, state }: Process): boolean {
  return state === "Z" && threadsOf(pid) <= 1;
}

function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

function everyProcess(): Process[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => processAt(Number(pid)) ?? []);
}

/** Children, their children and so on; not `pid` itself. */
export function descendants(pid: number): Process[] {
  const all = everyProcess();
  const found: Process[] = [];
  const parents = [pid];
  for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
    for (const process of all) {
      if (process.parent !== parent) continue;
      found.push(process);
      parents.push(process.pid);
    }
  }
  return found;
}

/** Those whose environment holds `NAME=value`, zombies left out (their environment is gone). */
export function withEnvironment(name: string, value: string): Process[] {
  return everyProcess().filter((process) => {
    try {
      return `\0${readFileSync(`/proc/${process.pid}/environ`, "latin1")}`.includes(`\0${name}=${value}\0`);
    } catch {
      return false;
    }
  });
}

/** Is it the same process still, and not a zombie that only waits for its parent to look? */
export function isAlive(process: Process): boolean {
  const now = processAt(process.pid);
  return now !== undefined && now.started === process.started && !hasEnded(now);
}

/** utime + stime in milliseconds of a process, all its threads and descendants (ended ones that were waited for too). */
export function treeCpuMs(pid: number): number {
  const TICK_MS = 10;
  const tree = [processAt(pid), ...descendants(pid)];
  return tree.reduce((sum, process) => sum + (process?.cpuTicks ?? 0) * TICK_MS, 0);
}
