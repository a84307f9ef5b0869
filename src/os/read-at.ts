/** pread(2): reads at a place without moving the descriptor's own, so that many may read through one descriptor. */
import { assert } from "../base/assert.ts";
import { EINTR, errno, preadDirect, ptr } from "./libc.ts";

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
