/**
 * Receiving a descriptor that another process passes (SCM_RIGHTS, unix(7)). The sending side is `sendDescriptors` in
 * sockets.ts. Only packet sockets are received from here: one packet, one descriptor.
 *
 *     msghdr   0 name*  8 namelen  16 iov*  24 iovlen  32 control*  40 controllen  48 flags
 *     cmsghdr  0 len(u64)  8 level(i32)  12 type(i32)  16 fds(i32…)
 */
import { closeSync } from "node:fs";
import { EINTR, errno, libc, ptr } from "./libc.ts";

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_CTRUNC = 0x08;
const MSG_CMSG_CLOEXEC = 0x40000000;

const CONTROL_HEADER_BYTES = 16;
/** Room for two, so that a sender that breaks the rule cannot make the kernel drop one unseen. */
const CONTROL_BYTES = CONTROL_HEADER_BYTES + 8;

/** `bytes` of the packet are in `into`; `fd` is the caller's to close, -1 when none came along. */
export interface PassedDescriptor {
  readonly bytes: number;
  readonly fd: number;
}

/** The next packet, without waiting; undefined when there is none (or the other side is gone). */
export function receiveDescriptor(socket: number, into: Uint8Array): PassedDescriptor | undefined {
  const control = new Uint8Array(CONTROL_BYTES);
  const iov = new BigUint64Array([BigInt(ptr(into)), BigInt(into.length)]);
  const message = new BigUint64Array([0n, 0n, BigInt(ptr(iov)), 1n, BigInt(ptr(control)), BigInt(CONTROL_BYTES), 0n]);
  for (;;) {
    const bytes = libc.recvmsg(socket, ptr(message), MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (bytes > 0) return { bytes, fd: passed(new DataView(control.buffer), message) };
    if (bytes === 0 || errno() !== EINTR) return undefined;
  }
}

function passed(control: DataView, message: BigUint64Array): number {
  const length = Number(message[5]);
  const flags = Number((message[6] as bigint) & 0xffffffffn);
  if (length < CONTROL_HEADER_BYTES + 4) return -1;
  if (control.getInt32(8, true) !== SOL_SOCKET || control.getInt32(12, true) !== SCM_RIGHTS) return -1;
  const end = Math.min(length, Number(control.getBigUint64(0, true)));
  const [fd = -1, ...surplus] = descriptors(control, end);
  for (const each of surplus) closeSync(each);
  if ((flags & MSG_CTRUNC) === 0 && surplus.length === 0) return fd;
  if (fd !== -1) closeSync(fd);
  return -1;
}

function descriptors(control: DataView, end: number): number[] {
  const found: number[] = [];
  for (let at = CONTROL_HEADER_BYTES; at + 4 <= end; at += 4) found.push(control.getInt32(at, true));
  return found;
}
