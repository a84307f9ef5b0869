/**
 * Listening sockets, socket pairs and what passes over them. The master makes every listening socket here, so that
 * it outlives the front thread that serves it. All descriptors are close-on-exec.
 */
import { chmodSync, closeSync, constants, fstatSync, lchownSync, lstatSync, openSync, unlinkSync } from "node:fs";
import {
  closeDirect,
  check,
  EADDRINUSE,
  EAGAIN,
  EINTR,
  EMSGSIZE,
  ENOBUFS,
  EPIPE,
  errno,
  libc,
  OsError,
  ptr,
} from "./libc.ts";
import { AF_INET6, AF_UNIX, familyOf, type TcpAddress, tcpName, unixName } from "./socket-address.ts";

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
const SO_SNDBUFFORCE = 32;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const O_PATH = 0o10000000;
const MSG_NOSIGNAL = 0x4000;

/** Length of the accept queue; the kernel clips it to net.core.somaxconn. nginx: 511, uWSGI: 100. */
export const LISTEN_BACKLOG = 4096;

/** `count` sockets on one address that share its connections through SO_REUSEPORT (one for each front thread).
 *  Port 0 takes a free port, the same for all. Throws OsError, EADDRINUSE too when another server has the port; without
 *  `probes` only when that does not share it. */
export function listenTcp(address: TcpAddress, count: number, probes = true): { fds: number[]; port: number } {
  if (probes) refuseTaken(address);
  const fds: number[] = [];
  let port = address.port;
  try {
    for (let i = 0; i < count; i++) {
      const fd = bindTcp({ host: address.host, port }, true);
      fds.push(fd);
      if (port === 0) port = boundPort(fd);
    }
    for (const fd of fds) check(libc.listen(fd, LISTEN_BACKLOG), "listen", show(address));
  } catch (error) {
    for (const fd of fds) libc.close(fd);
    throw error;
  }
  return { fds, port };
}

/** SO_REUSEPORT would let a second server of the same user join the port unseen: try once without it. */
function refuseTaken(address: TcpAddress): void {
  if (address.port === 0) return;
  libc.close(bindTcp(address, false));
}

function bindTcp(address: TcpAddress, share: boolean): number {
  const family = familyOf(address);
  const fd = check(libc.socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket", show(address));
  try {
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (share) setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (family === AF_INET6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    const name = tcpName(address);
    check(libc.bind(fd, ptr(name), name.length), "bind", show(address));
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

function boundPort(fd: number): number {
  const name = new Uint8Array(28);
  const length = new Uint32Array([name.length]);
  check(libc.getsockname(fd, ptr(name), ptr(length)), "getsockname", String(fd));
  return new DataView(name.buffer).getUint16(2, false);
}

/** Is that socket bound to that address? */
export function isBoundTo(
  fd: number,
  address: ({ readonly kind: "tcp" } & TcpAddress) | { readonly kind: "unix"; readonly path: string },
): boolean {
  const bound = new Uint8Array(110);
  const length = new Uint32Array([bound.length]);
  if (libc.getsockname(fd, ptr(bound), ptr(length)) === -1) return false;
  if (address.kind === "unix") return Buffer.from(unixName(address.path)).equals(bound.subarray(0, length[0]));
  const wanted = tcpName(address);
  // Of IPv6 the scope is the kernel's to choose.
  const compared = wanted.length === 28 ? 24 : 8;
  return Buffer.from(wanted.subarray(0, compared)).equals(bound.subarray(0, compared));
}

/** A listening unix socket at `path`. A stale file (nobody listens) is replaced, a live one is EADDRINUSE, anything
 *  that is not a socket is left alone and refused. `mode` is set before anyone can connect. */
export function listenUnix(path: string, mode: number, owner?: { readonly uid: number; readonly gid: number }): number {
  const name = unixName(path);
  removeStale(path, name);
  const fd = check(libc.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket", path);
  try {
    check(libc.bind(fd, ptr(name), name.length), "bind", path);
    changeMode(path, mode);
    // Afterwards its mode is the owner's to change.
    if (owner !== undefined) lchownSync(path, owner.uid, owner.gid);
    check(libc.listen(fd, LISTEN_BACKLOG), "listen", path);
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** Of what has that name itself, not of what it leads to by now: others may write the directory. */
export function changeMode(path: string, mode: number): void {
  const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    if (!fstatSync(fd).isSocket()) throw new Error(`${path} is not the socket any more that was made there`);
    chmodSync(`/proc/self/fd/${fd}`, mode);
  } finally {
    closeSync(fd);
  }
}

function removeStale(path: string, name: Uint8Array): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket() || isLive(name)) throw new OsError("bind", path, EADDRINUSE);
  unlinkSync(path);
}

function isLive(name: Uint8Array): boolean {
  const fd = check(libc.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket", "probe");
  try {
    return libc.connect(fd, ptr(name), name.length) === 0;
  } finally {
    libc.close(fd);
  }
}

/** Two connected ends. `packet` keeps message boundaries and lets many readers share one end. */
export function socketPair(kind: "stream" | "packet"): [number, number] {
  const type = (kind === "stream" ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC;
  const pair = new Int32Array(2);
  check(libc.socketpair(AF_UNIX, type, 0, ptr(pair)), "socketpair", kind);
  return [pair[0] as number, pair[1] as number];
}

/** A pipe [read end, write end]. */
export function pipe(): [number, number] {
  const pair = new Int32Array(2);
  check(libc.pipe2(ptr(pair), 0o2000000), "pipe2", "");
  return [pair[0] as number, pair[1] as number];
}

/** Asks for `bytes` of kernel buffer in both directions; without privilege the kernel clips it to its wmem_max. */
export function setBuffers(fd: number, bytes: number): void {
  const value = new Int32Array([bytes]);
  if (libc.setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, ptr(value), 4) === -1)
    setOption(fd, SOL_SOCKET, SO_SNDBUF, bytes);
  setOption(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

export type SendResult = "sent" | "full" | "too-large" | "closed";

/** One packet, whole or not at all, without waiting. */
export function sendPacket(fd: number, bytes: Uint8Array, length: number): SendResult {
  for (;;) {
    if (libc.send(fd, ptr(bytes), length, MSG_DONTWAIT | MSG_NOSIGNAL) !== -1) return "sent";
    switch (errno()) {
      case EINTR:
        continue;
      case EAGAIN:
      case ENOBUFS:
        return "full";
      case EMSGSIZE:
        return "too-large";
      case EPIPE:
      default:
        return "closed";
    }
  }
}

/** `bytes` with descriptors beside them (SCM_RIGHTS, unix(7)) on a stream socket. False when the peer is gone or
 *  its buffer is full; the caller treats both as a dead peer, since these messages are rare and small.
 *
 *      msghdr   0 name*  8 namelen  16 iov*  24 iovlen  32 control*  40 controllen  48 flags
 *      cmsghdr  0 len(u64)  8 level(i32)  12 type(i32)  16 fds(i32…)
 */
export function sendDescriptors(fd: number, bytes: Uint8Array, descriptors: readonly number[]): boolean {
  const control = new Uint8Array(16 + align8(descriptors.length * 4));
  const header = new DataView(control.buffer);
  header.setBigUint64(0, BigInt(16 + descriptors.length * 4), true);
  header.setInt32(8, SOL_SOCKET, true);
  header.setInt32(12, SCM_RIGHTS, true);
  descriptors.forEach((descriptor, i) => header.setInt32(16 + i * 4, descriptor, true));
  const iov = new BigUint64Array([BigInt(ptr(bytes)), BigInt(bytes.length)]);
  const message = new BigUint64Array([0n, 0n, BigInt(ptr(iov)), 1n, BigInt(ptr(control)), BigInt(control.length), 0n]);
  if (descriptors.length === 0) message[4] = message[5] = 0n;
  return libc.sendmsg(fd, ptr(message), MSG_DONTWAIT | MSG_NOSIGNAL) === bytes.length;
}

function align8(n: number): number {
  return (n + 7) & ~7;
}

/** One datagram to the unix socket at `path` (`@` at its beginning: in the abstract namespace). False: nobody takes it. */
export function sendDatagram(path: string, text: string): boolean {
  const name = unixName(path);
  const isAbstract = path.startsWith("@");
  if (isAbstract) name[2] = 0;
  const fd = check(libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket", path);
  try {
    // An abstract name has no closing NUL: it would be a part of it (unix(7)).
    if (libc.connect(fd, ptr(name), name.length - (isAbstract ? 1 : 0)) === -1) return false;
    const bytes = Buffer.from(text);
    return libc.send(fd, ptr(bytes), bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL) === bytes.length;
  } finally {
    libc.close(fd);
  }
}

/** A second descriptor of the same open socket, close-on-exec. Bun closes what it is given, so it gets one of these. */
export function duplicate(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030;
  return check(libc.fcntl(fd, F_DUPFD_CLOEXEC, 0), "fcntl", `F_DUPFD_CLOEXEC ${fd}`);
}

/** Of one that came from another process: is not to be passed on by accident. */
export function closeOnExec(fd: number): void {
  const F_SETFD = 2;
  const FD_CLOEXEC = 1;
  check(libc.fcntl(fd, F_SETFD, FD_CLOEXEC), "fcntl", `F_SETFD ${fd}`);
}

/** `number` means what `fd` does from now on, and `fd` is closed. Whoever had its number goes on with it. */
export function putInPlace(fd: number, number: number): void {
  const O_CLOEXEC = 0o2000000;
  check(libc.dup3(fd, number, O_CLOEXEC), "dup3", `${fd} as ${number}`);
  closeDescriptor(fd);
}

export function closeDescriptor(fd: number): void {
  closeDirect(fd);
}

function setOption(fd: number, level: number, option: number, value: number): void {
  const bytes = new Int32Array([value]);
  check(libc.setsockopt(fd, level, option, ptr(bytes), 4), "setsockopt", `${fd}, ${level}, ${option}`);
}

function show(address: TcpAddress): string {
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
