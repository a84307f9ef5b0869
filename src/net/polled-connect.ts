/**
 * Connecting in our own event loop (loop.ts), without TLS: the twin of polled-listen.ts. A connection to this machine is usually
 * there when it is asked for a second time, so that the loop need not be.
 */
import { getSystemErrorName } from "node:util";
import { EMPTY } from "../base/bytes.ts";
import { EINPROGRESS, OsError } from "../os/libc.ts";
import { EPOLLOUT } from "../os/epoll.ts";
import { AF_UNIX, familyOf, type TcpAddress, tcpName, unixName } from "../os/socket-address.ts";
import { closeDescriptor } from "../os/sockets.ts";
import { connectSocket, makeSocket, withoutDelay } from "../os/stream-socket.ts";
import { type ConnectAddress, type ConnectOwner, showAddress } from "./connect-address.ts";
import type { Loop, Pollable } from "./loop.ts";
import { PolledWire } from "./polled-wire.ts";

const UNIX_PEER: TcpAddress = { host: "unix:", port: 0 };

type SocketPlace = Exclude<ConnectAddress, { kind: "fd" }>;

/** Those who connect again and again come with the same object. */
const names = new WeakMap<SocketPlace, Uint8Array>();

/** Throws OsError when there is no such name. */
function nameOf(address: SocketPlace): Uint8Array {
  let name = names.get(address);
  if (name === undefined) {
    name = address.kind === "unix" ? unixName(address.path) : tcpName(address);
    names.set(address, name);
  }
  return name;
}

export class PolledAttempt implements Pollable {
  private state: "trying" | "waiting" | "done" = "trying";
  private readonly loop: Loop;
  private readonly address: ConnectAddress;
  private readonly owner: ConnectOwner;
  /** Empty when nobody has to be asked: the descriptor is a connection already. */
  private name: Uint8Array = EMPTY;
  private fd = -1;

  constructor(loop: Loop, address: ConnectAddress, owner: ConnectOwner) {
    this.loop = loop;
    this.address = address;
    this.owner = owner;
  }

  /** Its owner hears nothing before this has returned. */
  begin(): void {
    const code = this.address.kind === "fd" ? this.takeUp(this.address.fd) : this.makeOne(this.address);
    const next = code === 0 ? this.arrived : code === EINPROGRESS ? this.ask : () => this.refused(code);
    this.loop.afterwards(() => {
      if (this.state !== "done") next.call(this);
    });
  }

  private takeUp(fd: number): number {
    this.fd = fd;
    return 0;
  }

  /** 0, EINPROGRESS or why there is none. */
  private makeOne(address: SocketPlace): number {
    try {
      this.name = nameOf(address);
    } catch (error) {
      if (error instanceof OsError) return error.errno;
      throw error;
    }
    this.fd = makeSocket(address.kind === "unix" ? AF_UNIX : familyOf(address));
    return this.fd < 0 ? -this.fd : connectSocket(this.fd, this.name);
  }

  private ask(): void {
    const code = connectSocket(this.fd, this.name);
    if (code === 0) return this.arrived();
    if (code !== EINPROGRESS) return this.refused(code);
    if (this.state === "trying") this.loop.add(this.fd, EPOLLOUT, this);
    this.state = "waiting";
  }

  ready(): void {
    if (this.state === "waiting") this.ask();
  }

  private arrived(): void {
    const { loop, fd, address, owner } = this;
    if (this.state === "waiting") loop.remove(fd, false);
    this.state = "done";
    const peer = address.kind === "tcp" ? address : UNIX_PEER;
    if (address.kind === "tcp") withoutDelay(fd);
    const wire = new PolledWire(loop, fd, peer, address.kind === "tcp" ? undefined : UNIX_PEER, address.kind === "fd");
    wire.owner = owner;
    owner.connected(wire);
    wire.begin();
  }

  private refused(code: number): void {
    this.leave();
    this.owner.failed(`connect to ${showAddress(this.address)}: ${getSystemErrorName(-code)}`);
  }

  cancel(): void {
    if (this.state !== "done") this.leave();
  }

  private leave(): void {
    if (this.state === "waiting") this.loop.remove(this.fd, true);
    this.state = "done";
    if (this.fd >= 0) closeDescriptor(this.fd);
    this.fd = -1;
  }
}
