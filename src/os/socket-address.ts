/**
 * The names of sockets (struct sockaddr), in both directions: TCP over IPv4 and IPv6, and unix.
 *
 *   sockaddr_in    0 family(u16)  2 port(u16, network order)  4 address
 *   sockaddr_in6   0 family(u16)  2 port(u16, network order)  4 flow  8 address  24 scope
 *   sockaddr_un    0 family(u16)  2 path, closed by NUL
 */
import { showAddressBytes } from "../base/ip-address.ts";
import { OsError } from "./libc.ts";

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** sizeof(struct sockaddr_un), the largest of the three. */
export const NAME_BYTES_MAX = 110;

/** Longest path of a unix socket, its NUL left out (unix(7)). */
const PATH_BYTES_MAX = 107;
const ENAMETOOLONG = 36;

/** Where a TCP socket stands: `host` is a literal IPv4 or IPv6 address (no brackets), `port` 0..65535. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

export function familyOf({ host }: TcpAddress): number {
  return host.includes(":") ? AF_INET6 : AF_INET;
}

export function tcpName(address: TcpAddress): Uint8Array {
  return familyOf(address) === AF_INET6 ? inet6Name(address) : inetName(address);
}

function inetName(address: TcpAddress): Uint8Array {
  const name = new Uint8Array(16);
  const view = new DataView(name.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, address.port, false);
  name.set(address.host.split(".").map(Number), 4);
  return name;
}

function inet6Name(address: TcpAddress): Uint8Array {
  const name = new Uint8Array(28);
  const view = new DataView(name.buffer);
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, address.port, false);
  const [head = "", tail] = address.host.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  left.forEach((group, i) => view.setUint16(8 + i * 2, parseInt(group, 16), false));
  right.forEach((group, i) => view.setUint16(8 + (8 - right.length + i) * 2, parseInt(group, 16), false));
  return name;
}

/** Throws OsError when the path is too long. */
export function unixName(path: string): Uint8Array {
  const text = Buffer.from(path);
  if (text.length > PATH_BYTES_MAX) {
    const why = `${path}: longer than the ${PATH_BYTES_MAX} bytes of a unix socket path`;
    throw new OsError("bind", why, ENAMETOOLONG);
  }
  const name = new Uint8Array(2 + text.length + 1);
  new DataView(name.buffer).setUint16(0, AF_UNIX, true);
  name.set(text, 2);
  return name;
}

/** Of a name that the kernel wrote. A unix socket is `unix:`, port 0; an IPv4 peer on a socket for both families is itself. */
export function readName(name: Uint8Array, view: DataView): TcpAddress {
  switch (view.getUint16(0, true)) {
    case AF_INET:
      return { host: `${name[4]}.${name[5]}.${name[6]}.${name[7]}`, port: view.getUint16(2, false) };
    case AF_INET6:
      return { host: showAddressBytes(name.subarray(8, 24)), port: view.getUint16(2, false) };
    default:
      return { host: "unix:", port: 0 };
  }
}
