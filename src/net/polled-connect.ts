/**
 * Connecting in our own event loop (loop.ts), without TLS: the twin of polled-listen.ts. A connection to this machine is usually
 * there when it is asked for a second time, so that the loop need not be.
 */
import { getSystemErrorName } from "node:util";
import { EINPROGRESS, OsError } from "../os/libc.ts";
import { EPOLLOUT } from "../os/epoll.ts";
import { AF_UNIX, familyOf, type TcpAddress, tcpName, unixName } from "../os/socket-address.ts";
import { closeDescriptor } from "../os/sockets.ts";
import { beginConnect, goOnConnecting, withoutDelay } from "../os/stream-socket.ts";
import { type ConnectAddress, type ConnectOwner, showAddress } from "./connect-address.ts";
import type { Loop, Pollable } from "./loop.ts";
import { PolledWire } from "./polled-wire.ts";

const UNIX_PEER: TcpAddress = { host: "unix:", port: 0 };

export class PolledAttempt implements Pollable {
  private state: "trying" | "waiting" | "done" = "trying";
  private readonly loop: Loop;
  private readonly address: ConnectAddress;
  private readonly owner: ConnectOwner;
  private name: Uint8Array = new Uint8Array(0);
  private fd = -1;

  constructor(loop: Loop, address: ConnectAddress, owner: ConnectOwner) {
    this.loop = loop;
    this.address = address;
    this.owner = owner;
  }

  begin(): void {
    const began = this.address.kind === "fd" ? this.address.fd : this.beginSocket(this.address);
    if (began < 0) return this.loop.afterwards(() => this.refused(-began));
    this.fd = began;
    this.loop.afterwards(() => this.ask());
  }

  /** A descriptor, or -errno. */
  private beginSocket(address: Exclude<ConnectAddress, { kind: "fd" }>): number {
    try {
      this.name = address.kind === "unix" ? unixName(address.path) : tcpName(address);
    } catch (error) {
      if (error instanceof OsError) return -error.errno;
      throw error;
    }
    return beginConnect(address.kind === "unix" ? AF_UNIX : familyOf(address), this.name);
  }

  /** Is it there? */
  private ask(): void {
    if (this.state === "done") return;
    const code = this.address.kind === "fd" ? 0 : goOnConnecting(this.fd, this.name);
    if (code === 0) return this.arrived();
    if (code !== EINPROGRESS) return this.refused(code);
    if (this.state === "trying") this.loop.add(this.fd, EPOLLOUT, this);
    this.state = "waiting";
  }

  ready(): void {
    this.ask();
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
    if (this.state === "done") return;
    this.leave();
    this.owner.failed(`connect to ${showAddress(this.address)}: ${getSystemErrorName(-code)}`);
  }

  cancel(): void {
    if (this.state !== "done") this.leave();
  }

  private leave(): void {
    if (this.state === "waiting") this.loop.remove(this.fd, true);
    this.state = "done";
    if (this.fd !== -1) closeDescriptor(this.fd);
    this.fd = -1;
  }
}
