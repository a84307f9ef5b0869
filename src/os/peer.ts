/** Who is at the other end of a unix socket, as the kernel saw it when the connection was made (SO_PEERCRED, unix(7)). */
import { check, libc, ptr } from "./libc.ts";

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Throws OsError when `fd` is no connected unix socket. */
export function peerCredentials(fd: number): PeerCredentials {
  const found = new Int32Array(3);
  const length = new Uint32Array([found.byteLength]);
  check(libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ptr(found), ptr(length)), "getsockopt", `SO_PEERCRED ${fd}`);
  const [pid = 0, uid = 0, gid = 0] = found;
  // Both are unsigned: 4294967295 is "nobody that this namespace knows".
  return { pid, uid: uid >>> 0, gid: gid >>> 0 };
}
