/** pread(2): reads at a place without moving the descriptor's own, so that many may read through one descriptor. And preadv2(2), which
 *  knows what lies in the kernel's cache. */
import { assert } from "../base/assert.ts";
import { EAGAIN, EINTR, errno, preadDirect, preadvDirect, ptr } from "./libc.ts";

/** Up to `length` bytes at `position` into `into`; 0 at the end of the file, -errno when it cannot be read. */
export function readAt(fd: number, into: Uint8Array, offset: number, length: number, position: number): number {
  assert(offset >= 0 && length >= 0 && offset + length <= into.length, "a read stays inside its buffer");
  if (length === 0) return 0;
  for (;;) {
    const got = preadDirect(fd, ptr(into, offset), length, position);
    if (got >= 0) return got;
    const code = errno();
    if (code !== EINTR) return -code;
  }
}

const RWF_NOWAIT = 8;
const TWO_32 = 2 ** 32;
const byte = new Uint8Array(new ArrayBuffer(8));
/** struct iovec: where, and one byte; words of thirty-two bits. */
const vector = new Uint32Array(new ArrayBuffer(16));
vector[2] = 1;

/** Is the byte at `position` in the kernel's cache, so that nobody waits for a disk to read it? Yes where the file system cannot tell:
 *  tmpfs, which has no disk. */
export function isCachedAt(fd: number, position: number): boolean {
  // Both are asked for their places each time: what only an address leads to is collected.
  const at = Number(ptr(byte));
  vector[0] = at % TWO_32;
  vector[1] = at / TWO_32;
  return preadvDirect(fd, ptr(vector), position, RWF_NOWAIT) !== -1 || errno() !== EAGAIN;
}
