/** recv(2) on a stream socket whose reader is another: what it has received and nobody has read is looked at, or taken away. */
import { libc, ptr } from "./libc.ts";

const MSG_PEEK = 2;
const MSG_DONTWAIT = 0x40;

/** Up to `bytesMax` of it; none when nothing has come, or when the socket is broken. */
export function peek(fd: number, bytesMax: number): Uint8Array {
  return receive(fd, bytesMax, MSG_PEEK | MSG_DONTWAIT);
}

/** So many bytes that `peek` has shown: nobody else gets them. */
export function consume(fd: number, length: number): void {
  receive(fd, length, MSG_DONTWAIT);
}

function receive(fd: number, bytesMax: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(bytesMax);
  const count = libc.recv(fd, ptr(bytes), bytesMax, flags);
  return bytes.subarray(0, Math.max(0, count));
}
