/**
 * What a program of this machine has not read yet of a TCP connection with us: its own socket says so (sock_diag(7)), whose ends
 * are ours the other way round.
 *
 *     nlmsghdr        0 len  4 type  6 flags  8 seq  12 pid
 *     inet_diag_req   16 family  17 protocol  20 states  24 id        id    0 port  2 peer's port  4 address  20 peer's  36 interface
 *     inet_diag_msg   16 family  17 state  20 id  72 rqueue                 40 cookie
 */
import { hold } from "./held.ts";
import { libc, ptr } from "./libc.ts";
import { AF_INET, AF_INET6, type TcpAddress, tcpName } from "./socket-address.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST = 1;
const IPPROTO_TCP = 6;
const MSG_DONTWAIT = 0x40;
const REQUEST_BYTES = 72;
const ID_BYTES = 48;
/** Whatever it is (INET_DIAG_NOCOOKIE). */
const ANY = 0xffffffff;

/** enum tcp_states: those in which there may be something to read. */
const READABLE_STATES = new Set([1, 4, 5, 8, 9]);

/** Over buffers of their own, whose places never change. */
const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
const requestBytes = new Uint8Array(request.buffer);
const answer = new DataView(new ArrayBuffer(1024));
const answerBytes = new Uint8Array(answer.buffer);

/** Of this thread, which has its own copy of this module. -1: there is none here (seccomp, a kernel without it). */
let netlink: number | undefined = undefined;

function opened(): number {
  const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  return fd === -1 ? -1 : hold(fd);
}

/** Bytes that came to `peer` from `own` and are not read; undefined where that is no socket of this machine, or nobody tells. */
export function unreadByPeer(own: TcpAddress, peer: TcpAddress): number | undefined {
  netlink ??= opened();
  if (netlink === -1) return undefined;
  ask(own, peer);
  if (libc.send(netlink, ptr(requestBytes), REQUEST_BYTES, MSG_DONTWAIT) !== REQUEST_BYTES) return undefined;
  const length = libc.recv(netlink, ptr(answerBytes), answerBytes.length, MSG_DONTWAIT);
  if (length < 80 || answer.getUint16(4, true) !== SOCK_DIAG_BY_FAMILY) return undefined;
  // Another socket that listens on its port is found where there is none.
  const isIt = requestBytes.subarray(24, 60).every((byte, i) => answerBytes[20 + i] === byte);
  return isIt && READABLE_STATES.has(answer.getUint8(17)) ? answer.getUint32(72, true) : undefined;
}

function ask(own: TcpAddress, peer: TcpAddress): void {
  const [theirs, ours] = [tcpName(peer), tcpName(own)];
  const isIpv6 = theirs.length > 16;
  const [from, to] = isIpv6 ? [8, 24] : [4, 8];
  requestBytes.fill(0);
  request.setUint32(0, REQUEST_BYTES, true);
  request.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  request.setUint16(6, NLM_F_REQUEST, true);
  requestBytes[16] = isIpv6 ? AF_INET6 : AF_INET;
  requestBytes[17] = IPPROTO_TCP;
  request.setUint32(20, ANY, true);
  requestBytes.set(theirs.subarray(2, 4), 24);
  requestBytes.set(ours.subarray(2, 4), 26);
  requestBytes.set(theirs.subarray(from, to), 28);
  requestBytes.set(ours.subarray(from, to), 44);
  request.setUint32(24 + ID_BYTES - 8, ANY, true);
  request.setUint32(24 + ID_BYTES - 4, ANY, true);
}
