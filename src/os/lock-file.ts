/**
 * A file that says which process holds it: locked with flock(2) as long as the process lives, its pid inside. A file
 * that a dead process left behind is not locked, however it died, and is simply taken over.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync } from "node:fs";
import { statSync, unlinkSync, writeSync } from "node:fs";
import { libc } from "./libc.ts";

const LOCK_EX_NB = 2 | 4;
const LOCK_MODE = 0o600;
/** Of pid files: other programs read them. */
export const PID_FILE_MODE = 0o644;
/** Somebody may remove the file between our opening and our locking it. */
const TRIES = 10;

export interface LockFile {
  /** Locked as long as a process has it open. */
  readonly fd: number;
  /** This process holds it: says so in the file. */
  claim(): void;
  /** Is it still what its path names? Somebody may have removed it. */
  isInPlace(): boolean;
  /** Removes it. */
  release(): void;
  /** It is another process's, which was given the descriptor. */
  leave(): void;
}

/** The lock, or the pid of the process that has it (undefined: it has not written it yet). Throws what the file system
 *  throws. */
export function acquireLock(path: string, mode = LOCK_MODE): LockFile | { readonly heldBy: number | undefined } {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, mode);
    if (libc.flock(fd, LOCK_EX_NB) === -1) {
      closeSync(fd);
      return { heldBy: pidIn(path) };
    }
    if (isSameFile(fd, path)) {
      const lock = heldLock(fd, path);
      lock.claim();
      return lock;
    }
    closeSync(fd);
  }
  throw new Error(`${path}: it is removed as often as it is made`);
}

/** One whose lock came with its descriptor. */
export function heldLock(fd: number, path: string): LockFile {
  return {
    fd,
    claim: () => {
      // Never empty: whoever looks at the wrong moment finds a number, with the rest of a longer one in a line of its own.
      ftruncateSync(fd, writeSync(fd, `${process.pid}\n`, 0));
    },
    isInPlace: () => isSameFile(fd, path),
    release: () => {
      // Removed while it is still ours: whoever waits for it sees that it is gone and makes another.
      if (isSameFile(fd, path)) removeOrEmpty(fd, path);
      closeSync(fd);
    },
    leave: () => closeSync(fd),
  };
}

/** Who was root when it was made may not remove it from root's directory any more; then nobody's number is in it. */
function removeOrEmpty(fd: number, path: string): void {
  try {
    unlinkSync(path);
  } catch {
    ftruncateSync(fd, 0);
  }
}

function isSameFile(fd: number, path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  const own = fstatSync(fd);
  return found !== undefined && found.ino === own.ino && found.dev === own.dev;
}

/** Of a lock or pid file, also another program's; undefined: it is not there, or says nothing. */
export function pidIn(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, "latin1"));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
