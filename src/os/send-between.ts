/**
 * One send(2) of bytes with a few before and behind them, wherever those lie (sendmsg(2)). For each call less, the kernel looks once
 * less whether there is something to be transmitted.
 *
 *     msghdr   0 name*  8 namelen  16 iov*  24 iovlen  32 control*  40 controllen  48 flags
 *     iovec    0 base*  8 len
 */
import { EAGAIN, EINTR, errno, libc, ptr } from "./libc.ts";

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** What stands before and behind is copied here: at most so many bytes each. */
export const BESIDE_BYTES_MAX = 32;

/** All over buffers of their own, whose places never change; words of 32 bits, the low ones first. */
const beside = new Uint8Array(new ArrayBuffer(2 * BESIDE_BYTES_MAX));
const besideAt = ptr(beside);
const vector = new Uint32Array(new ArrayBuffer(3 * 16));
const message = new Uint32Array(new ArrayBuffer(56));
const messageAt = ptr(message);
const TWO_32 = 2 ** 32;

putAddress(message, 4, ptr(vector));
putAddress(vector, 0, besideAt);
putAddress(vector, 8, besideAt + BESIDE_BYTES_MAX);

/** A word takes what is below 2^32 of a number. */
function putAddress(words: Uint32Array, at: number, address: number): void {
  words[at] = address;
  words[at + 1] = address / TWO_32;
}

/** How many bytes of the three the kernel took, 0 when it has no room now; -errno when the connection is broken. */
export function sendBetween(fd: number, before: Uint8Array, bytes: Uint8Array, after: Uint8Array): number {
  beside.set(before, 0);
  beside.set(after, BESIDE_BYTES_MAX);
  // Named here, it is not garbage.
  message[6] = 3;
  vector[2] = before.length;
  putAddress(vector, 4, ptr(bytes));
  vector[6] = bytes.length;
  vector[10] = after.length;
  const count = libc.sendmsg(fd, messageAt, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count !== -1) return count;
  const code = errno();
  return code === EAGAIN || code === EINTR ? 0 : -code;
}
