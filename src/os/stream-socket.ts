/**
 * What is done with a stream socket from an event loop, none of which waits: accept, connect, receive, send, shut down. Sockets are
 * TCP or unix; addresses are text as people write them, of IPv4 in its own form also on a socket for both families.
 *
 * Not here: who waits for what (net/loop), and listening (sockets.ts).
 */
import type { Pointer } from "bun:ffi";
import {
  check,
  EAGAIN,
  EALREADY,
  ECONNRESET,
  EINPROGRESS,
  EINTR,
  EISCONN,
  EPIPE,
  errno,
  libc,
  ptr,
  receiveDirect,
  sendDirect,
} from "./libc.ts";
import { NAME_BYTES_MAX, readName, type TcpAddress } from "./socket-address.ts";

const SOCK_STREAM = 1;
const O_NONBLOCK = 0o4000;
const SOCK_NONBLOCK = O_NONBLOCK;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_LINGER = 13;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_INFO = 11;
const TCP_QUICKACK = 12;
const TCP_CONGESTION = 13;
const TCP_NOTSENT_LOWAT = 25;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_MORE = 0x8000;
const MSG_EOR = 0x80;
const SHUT_WR = 1;
const TWO_32 = 2 ** 32;

/** Over buffers of their own, whose places never change. */
const name = new Uint8Array(new ArrayBuffer(NAME_BYTES_MAX));
const nameAt = ptr(name);
const nameView = new DataView(name.buffer);
const nameLength = new Int32Array(new ArrayBuffer(4));
const nameLengthAt = ptr(nameLength);
/** Sixty-four bits, the low ones first. */
const fileOffset = new Uint32Array(new ArrayBuffer(8));
const fileOffsetAt = ptr(fileOffset);
const option = new Int32Array(new ArrayBuffer(8));
const optionAt = ptr(option);
const reno = new Uint8Array(new ArrayBuffer(4));
reno.set(Buffer.from("reno"));
const renoAt = ptr(reno);

/** A connection, which does not wait and is close-on-exec, or -errno. `peerAddress()` is of this one until the next call. */
export function acceptConnection(listener: number): number {
  nameLength[0] = NAME_BYTES_MAX;
  const fd = libc.accept4(listener, nameAt, nameLengthAt, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return fd === -1 ? -errno() : fd;
}

export function peerAddress(): TcpAddress {
  return readName(name, nameView);
}

/** Of this end. */
export function ownAddress(fd: number): TcpAddress {
  nameLength[0] = NAME_BYTES_MAX;
  if (libc.getsockname(fd, nameAt, nameLengthAt) === -1) return { host: "", port: 0 };
  return readName(name, nameView);
}

/** Up to `length` bytes to the memory at `address`. 0 is the end of what the peer sends; -errno otherwise. */
export function receive(fd: number, address: number, length: number): number {
  const count = receiveDirect(fd, address as Pointer, length, MSG_DONTWAIT);
  return count === -1 ? -errno() : count;
}

/** Memory of its own, whose place never changes, from which nearly everything small is sent: to ask for its place each time would be
 *  a sixth of what our own code does for a message of a WebSocket. */
let usual: Uint8Array | undefined = undefined;
let usualAt = 0;

export function sendMostlyFrom(bytes: Uint8Array): void {
  usual = bytes;
  usualAt = ptr(bytes);
}

/** How many bytes the kernel took, 0 when it has no room now; -errno when the connection is broken. `more`: others follow at once,
 *  and TCP sends both together. */
export function send(fd: number, bytes: Uint8Array, offset: number, length: number, more = false): number {
  const flags = more ? MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE : MSG_DONTWAIT | MSG_NOSIGNAL;
  return sendWith(fd, bytes, offset, length, flags);
}

/** As send; what is sent next is not added to it in one buffer of the kernel's (MSG_EOR), which grows to 64 KiB before the kernel asks
 *  whether it holds enough. */
export function sendApart(fd: number, bytes: Uint8Array, offset: number, length: number): number {
  return sendWith(fd, bytes, offset, length, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR);
}

function sendWith(fd: number, bytes: Uint8Array, offset: number, length: number, flags: number): number {
  const address = bytes === usual ? ((usualAt + offset) as Pointer) : ptr(bytes, offset);
  const count = sendDirect(fd, address, length, flags);
  return count !== -1 ? count : refused(errno());
}

function refused(code: number): number {
  return code === EAGAIN || code === EINTR ? 0 : -code;
}

/** As send or sendApart, of the memory at `address`. -EFAULT: it is not there. */
export function sendFromMemory(fd: number, address: number, length: number, apart: boolean): number {
  const flags = apart ? MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR : MSG_DONTWAIT | MSG_NOSIGNAL;
  const count = sendDirect(fd, address as Pointer, length, flags);
  return count !== -1 ? count : refused(errno());
}

/**
 * As send, of the bytes at `offset` of the open file `source`, which the kernel queues without copying them: nobody may change them
 * any more (sealed-copy.ts). A short count need not mean that there is no room, since a signal may end the call early, so it is asked
 * until the kernel says so: only then does it tell when there is room again.
 */
export function sendFrom(fd: number, source: number, offset: number, length: number): number {
  let done = 0;
  while (done < length) {
    fileOffset[0] = (offset + done) % TWO_32;
    fileOffset[1] = (offset + done) / TWO_32;
    const count = libc.sendfile(fd, source, fileOffsetAt, length - done);
    if (count > 0) {
      done += count;
      continue;
    }
    const code = count === 0 ? EPIPE : errno();
    if (code === EINTR) continue;
    return code === EAGAIN || done > 0 ? done : -code;
  }
  return done;
}

/** A socket that does not wait and is close-on-exec, or -errno. */
export function makeSocket(family: number): number {
  const fd = libc.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return fd === -1 ? -errno() : fd;
}

/** To `to` (socket-address.ts): 0 when the connection is there, EINPROGRESS while it is not (then this is asked again), another errno
 *  when it came to nothing. */
export function connectSocket(fd: number, to: Uint8Array): number {
  for (;;) {
    if (libc.connect(fd, ptr(to), to.length) === 0) return 0;
    const code = errno();
    if (code === EINTR) continue;
    if (code === EISCONN) return 0;
    return code === EALREADY ? EINPROGRESS : code;
  }
}

/** SO_ERROR: why it is broken; 0 when it is not. It is told once. */
export function socketError(fd: number): number {
  option[0] = 0;
  nameLength[0] = 4;
  if (libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, optionAt, nameLengthAt) === -1) return errno() || ECONNRESET;
  return option[0];
}

/** What is called on it does not wait; so for all duplicates. */
export function withoutWaiting(fd: number): void {
  const F_GETFL = 3;
  const F_SETFL = 4;
  check(libc.fcntl(fd, F_SETFL, check(libc.fcntl(fd, F_GETFL, 0), "fcntl", `${fd}`) | O_NONBLOCK), "fcntl", `${fd}`);
}

/** TCP_NODELAY; connections inherit it from the socket that accepts them. To no effect on what is no TCP socket. */
export function withoutDelay(fd: number): void {
  option[0] = 1;
  libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, optionAt, 4);
}

/** An even number: once, and then as before (net/ipv4/tcp.c, __tcp_sock_set_quickack). */
const ONCE = 2;

/** TCP_QUICKACK: what has come is acknowledged now, if it is not yet. Else the kernel waits for something to send with it, 40 ms, in
 *  which a client that has not set TCP_NODELAY sends nothing more. */
export function acknowledge(fd: number): void {
  option[0] = ONCE;
  libc.setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, optionAt, 4);
}

/** What the kernel holds of a reply beside what is on its way, bytes, before it takes no more; where nobody says otherwise. */
const UNSENT_BYTES_MAX = 64 * 1024;

/** TCP_NOTSENT_LOWAT, inherited and without effect as above. A send buffer grows to megabytes, of kernel memory that nobody
 *  counts as ours: measured, a thousand slow readers of a large file took 2 MiB each. Of a connection it may be changed at any time. */
export function withLittleUnsent(fd: number, bytes = UNSENT_BYTES_MAX): void {
  option[0] = bytes;
  libc.setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, optionAt, 4);
}

const SYS_IOCTL = process.arch === "arm64" ? 29 : 16;
const SIOCOUTQ = 0x5411;

/** Bytes written that the peer has not acknowledged yet (tcp(7), SIOCOUTQ); of a unix socket those that it has not read, and what they
 *  take besides. Infinite when it cannot be told. */
export function unacknowledgedOf(fd: number): number {
  return libc.syscall(SYS_IOCTL, fd, SIOCOUTQ, optionAt, 0, 0) === 0 ? (option[0] as number) : Number.POSITIVE_INFINITY; // written
}

/** struct tcp_info (linux/tcp.h) up to tcpi_bytes_acked, which is its last number of 64 bits here. */
const info = new BigUint64Array(new ArrayBuffer(16 * 8));
const infoAt = ptr(info);
const BYTES_ACKED = 15;

/** Bytes that were written to it since it is a connection, by whoever has it; also when it is broken. 0 for what is no TCP socket. */
export function writtenTo(fd: number): number {
  nameLength[0] = info.byteLength;
  if (libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, infoAt, nameLengthAt) === -1) return 0;
  return Number(info[BYTES_ACKED]) + unacknowledgedOf(fd);
}

/** TCP_CONGESTION: the connection models its path no more. Reno is in every kernel and only counts; BBR, where it is the machine's
 *  default, computes with each acknowledgement. To no effect on what is no TCP socket, and where Reno is not allowed. */
export function withReno(fd: number): void {
  libc.setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, renoAt, reno.length);
}

/** FIN behind what was sent. */
export function shutdownSending(fd: number): void {
  libc.shutdown(fd, SHUT_WR);
}

/** An address of no family: of TCP, to connect to it ends the connection. */
const nobody = new Uint8Array(new ArrayBuffer(16));

/** Breaks a connection with a reset now, whoever has a duplicate of it (connect(2), AF_UNSPEC). What is no TCP socket has FIN behind
 *  what was sent. */
export function breakConnection(fd: number): void {
  if (libc.connect(fd, ptr(nobody), nobody.length) === -1) shutdownSending(fd);
}

/** Closes with a reset: what was not sent yet is thrown away, and the peer can tell. */
export function resetConnection(fd: number): void {
  option[0] = 1;
  option[1] = 0;
  libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, optionAt, 8);
  libc.close(fd);
}
