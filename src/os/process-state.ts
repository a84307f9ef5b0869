/** What the kernel says of a process, its own or another: /proc/PID/stat (proc(5)). */
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessState {
  /** R, S, D, T (stopped), Z (ended, but its parent has not asked how), … */
  readonly letter: string;
  readonly parent: number;
  readonly session: number;
}

/** Undefined: there is no such process, or it may not be seen. */
export function processState(pid: number | string): ProcessState | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // PID (NAME) STATE PARENT GROUP SESSION …: the name may hold spaces and brackets.
    const [letter = "", parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { letter, parent: Number(parent), session: Number(session) };
  } catch {
    return undefined;
  }
}

/** Nothing of it is left but its row in the table of processes. Its first thread may be dead while others are still on their way
 *  out: until the last one is gone its sockets and locks are held. */
export function hasEnded(pid: number): boolean {
  return processState(pid)?.letter === "Z" && threadsOf(pid) <= 1;
}

function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    // it has ended meanwhile
    return 0;
  }
}

/** Is there such a process, this user's or another's? One that has ended counts until its parent asks how (kill(2), signal 0). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
