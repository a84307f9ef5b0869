/** recv(2) with MSG_PEEK: what a stream socket has received and nobody has read. */
import { libc, ptr } from "./libc.ts";

const MSG_PEEK = 2;
const MSG_DONTWAIT = 0x40;

/** Up to `bytesMax` of it; none when nothing has come, or when the socket is broken. */
export function peek(fd: number, bytesMax: number): Uint8Array {
  const bytes = new Uint8Array(bytesMax);
  const count = libc.recv(fd, ptr(bytes), bytesMax, MSG_PEEK | MSG_DONTWAIT);
  return bytes.subarray(0, Math.max(0, count));
}
