/** What the kernel says of a process, its own or another: /proc/PID/stat (proc(5)). */
import { readFileSync } from "node:fs";

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

/** Is there such a process, this user's or another's? One that has ended counts until its parent asks how (kill(2), signal 0). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
