/**
 * Temporary files that no name leads to: they vanish with their descriptor, also when the process is killed.
 * open(2) O_TMPFILE where the file system has it, else a random name that is unlinked at once.
 */
import { closeSync, constants, openSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";

const O_TMPFILE = 0o20200000;
const O_CLOEXEC = 0o2000000;

/** A descriptor for reading and writing, mode 0600. Throws what the file system throws (ENOSPC, EACCES…). */
export function openTemporary(directory: string): number {
  try {
    return openSync(directory, O_TMPFILE | O_CLOEXEC | constants.O_RDWR, 0o600);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
  const path = join(directory, `server-${randomBytes(12).toString("hex")}`);
  const flags = O_CLOEXEC | constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
  const fd = openSync(path, flags, 0o600);
  try {
    unlinkSync(path);
  } catch (unlinkError) {
    closeSync(fd);
    throw unlinkError;
  }
  return fd;
}

function isUnsupported(error: unknown): boolean {
  const code = (error as { code?: string }).code;
  return code === "EOPNOTSUPP" || code === "ENOTSUP" || code === "EISDIR" || code === "EINVAL";
}
