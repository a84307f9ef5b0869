/**
 * Orphans of process 1: in a container their parent is this server, whoever they are, and dead ones stay in the table of
 * processes until it asks for them. The runtime asks for its own children at once, so a dead one that is seen twice is
 * nobody's.
 */
import { readdirSync } from "node:fs";
import { libc } from "./libc.ts";
import { processState } from "./process-state.ts";

const WNOHANG = 1;

/** A dead process costs an entry in a table. */
const REAP_MS = 1_000;

/** For the life of a container. */
export function reapOrphans(): void {
  const orphans = new Orphans();
  setInterval(() => orphans.reap(), REAP_MS);
}

class Orphans {
  private seen: ReadonlySet<number> = new Set();

  /** Now and then. */
  reap(): void {
    const dead = deadChildren();
    for (const pid of dead) if (this.seen.has(pid)) libc.waitpid(pid, null, WNOHANG);
    this.seen = new Set(dead);
  }
}

function deadChildren(): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter(isDeadChild).map(Number);
}

function isDeadChild(pid: string): boolean {
  const state = processState(pid);
  return state?.letter === "Z" && state.parent === process.pid;
}
