/**
 * Processor time of another process, all its threads, to the nanosecond: the clock that clock_getcpuclockid(3) names, of which
 * /proc/PID/stat shows whole ticks of 10 ms, user and system rounded apart.
 */
import { ptr } from "bun:ffi";
import { libc } from "../../src/os/libc.ts";
import { descendants } from "../../test/support/processes.ts";

/** linux/posix-timers.h: CPUCLOCK_SCHED of a process, which is complemented and shifted. */
const CPUCLOCK_SCHED = 2;
const clockOf = (pid: number) => (~pid << 3) | CPUCLOCK_SCHED;

const time = new BigInt64Array(2);

/** 0 for one that has ended. */
function cpuOf(pid: number): number {
  if (libc.clock_gettime(clockOf(pid), ptr(time)) !== 0) return 0;
  return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
}

/** In milliseconds, of a process and all that it has started and that lives. */
export function treeCpuMs(pid: number): number {
  return [pid, ...descendants(pid).map((process) => process.pid)].reduce((sum, each) => sum + cpuOf(each), 0);
}
