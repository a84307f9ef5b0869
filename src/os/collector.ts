/**
 * How the engine collects garbage in this process. Left to itself it marks while the program runs, on a thread of its own: on a
 * machine whose processors are all busy a front then waits until that thread has had its turn. Measured, small proxied replies at
 * half of what the machine carries: the 99th percentile is 10 to 15 ms so, and 2 to 3 ms when each front collects for itself, in
 * one go (nginx 2 to 5 ms in the same run); processor time for each request is the same.
 *
 * And a front marks by itself: what it has is marked in a millisecond, for which helpers are not worth waking. Measured, a uwsgi
 * upstream, whose connections are made for each request: 4 % of the processor time; proxied over kept connections 1 %.
 *
 * The engine reads this from its environment before anything of ours runs, so the process becomes itself once more: same number,
 * same descriptors, 15 ms.
 */
import { fullGC } from "bun:jsc";
import { fstatSync, readdirSync, readlinkSync } from "node:fs";
import { execute } from "./launch.ts";
import { libc } from "./libc.ts";

const F_SETFD = 2;

/** For a process of this executable that is to serve: it need not become itself once more. */
export const COLLECTS_ALONE: Readonly<Record<string, string>> = {
  BUN_JSC_useConcurrentGC: "0",
  BUN_JSC_numberOfGCMarkers: "1",
};

let isDue = false;

/** Garbage of this thread that weighs more than the engine knows is collected when the events of this turn are dealt with: 10 ms for a
 *  cache of a thousand files. */
export function collectSoon(): void {
  if (isDue) return;
  isDue = true;
  setImmediate(() => {
    isDue = false;
    fullGC();
  });
}

/** To be called once, before anything is opened or taken up. Returns when it is so, or cannot be; a value that somebody else has
 *  chosen stays. Programs that are started from here do not see it. */
export function collectAlone(): void {
  const chosen: Record<string, string> = {};
  for (const name of Object.keys(COLLECTS_ALONE)) {
    const value = process.env[name];
    if (value !== undefined) chosen[name] = value;
    delete process.env[name];
  }
  const isSo = Object.keys(chosen).length === Object.keys(COLLECTS_ALONE).length;
  // From the sources there is a script between the executable and its words.
  if (isSo || !Bun.main.startsWith("/$bunfs/")) return;
  const words = [process.argv0, ...process.argv.slice(2)];
  const env = { ...(process.env as Record<string, string>), ...COLLECTS_ALONE, ...chosen };
  try {
    keepGiven();
    execute({ program: process.execPath, words, env });
  } catch {
    // It was replaced or removed since it was started, or nothing tells what is open: it serves as it is.
  }
}

/** The runtime marks what it was given (systemd's sockets, a lock) as to be closed when another program begins. */
function keepGiven(): void {
  for (const name of readdirSync("/proc/self/fd")) {
    const fd = Number(name);
    if (fd > 2 && isGiven(fd)) libc.fcntl(fd, F_SETFD, 0);
  }
}

/** The runtime's own are events and directories. */
function isGiven(fd: number): boolean {
  try {
    return !readlinkSync(`/proc/self/fd/${fd}`).startsWith("anon_inode:") && !fstatSync(fd).isDirectory();
  } catch {
    // That of the list itself.
    return false;
  }
}
