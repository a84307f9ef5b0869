/**
 * A copy of an open file's bytes in memory of the kernel's own (memfd_create(2)), sealed: nobody can change it any more, this process
 * neither. What sendfile(2) has queued of it stays as it is until the client has it, which of a file on the disk is not so.
 *
 * It is a descriptor, not mapped anywhere: its memory counts for the machine and the control group, as long as it is open or
 * queued.
 */
import { libc, ptr } from "./libc.ts";
import { closeDescriptor } from "./sockets.ts";

const SYS_MEMFD_CREATE = process.arch === "arm64" ? 279 : 319;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE */
const SEALS = 1 | 2 | 4 | 8;

/** What /proc/PID/fd shows of it. */
const name = Buffer.from("server-file\0");
/** Over a buffer of its own, whose place never changes. */
const offset = new Uint32Array(new ArrayBuffer(8));
const offsetAt = ptr(offset);

/** The first `length` bytes of `source`; -1 when they cannot be had, or the kernel gives no such memory. */
export function copySealed(source: number, length: number): number {
  const fd = libc.syscall(SYS_MEMFD_CREATE, ptr(name), MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0, 0);
  if (fd === -1) return -1;
  if (copyAll(source, fd, length) && libc.fcntl(fd, F_ADD_SEALS, SEALS) === 0) return fd;
  closeDescriptor(fd);
  return -1;
}

function copyAll(source: number, to: number, length: number): boolean {
  offset.fill(0);
  for (let done = 0; done < length;) {
    const count = libc.sendfile(to, source, offsetAt, length - done);
    if (count <= 0) return false;
    done += count;
  }
  return true;
}
