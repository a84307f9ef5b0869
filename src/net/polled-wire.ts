/**
 * A Wire over a descriptor in our own event loop (loop.ts): plain TCP, unix sockets, socket pairs. TLS is Bun's (socket-wire.ts).
 * Both directions are independent: a peer that has half-closed still gets its answer.
 *
 *   interest of the loop:  EPOLLIN  unless paused, or the peer has ended
 *                          EPOLLOUT while the kernel had no room for what was written
 *                          errors and hang-ups always, but for a wire whose owner is deaf to them as it is paused
 */
import { EPOLLERR, EPOLLIN, EPOLLOUT } from "../os/epoll.ts";
import { EAGAIN, EINTR } from "../os/libc.ts";
import type { TcpAddress } from "../os/socket-address.ts";
import { closeDescriptor } from "../os/sockets.ts";
import { ownAddress, receive, resetConnection, send, shutdownSending } from "../os/stream-socket.ts";
import type { Loop, Pollable } from "./loop.ts";
import type { ReceiveBuffer } from "./receive-buffer.ts";
import type { OwnedWire, WireOwner } from "./wire.ts";

export class PolledWire implements OwnedWire, Pollable {
  readonly secure = false;
  owner: WireOwner | undefined = undefined;
  readonly remoteAddress: string;
  readonly remotePort: number;

  private readonly loop: Loop;
  private readonly buffer: ReceiveBuffer;
  /** -1 when it is closed. */
  private fd: number;
  private own: TcpAddress | undefined;
  /** Has somebody else a duplicate of the descriptor? */
  private readonly shared: boolean;
  /** Of the entry in the loop; 0 before there is one. */
  private number = 0;
  private muted = false;
  private interest = 0;
  private paused = false;
  private input: "open" | "ended" = "open";
  private output: "open" | "shut" = "open";
  /** Did the kernel refuse some of what was written last? */
  private full = false;
  private told = false;

  constructor(loop: Loop, fd: number, peer: TcpAddress, own: TcpAddress | undefined, shared = false) {
    this.loop = loop;
    this.buffer = loop.buffer;
    this.fd = fd;
    this.remoteAddress = peer.host;
    this.remotePort = peer.port;
    this.own = own;
    this.shared = shared;
  }

  /** Its owner is set: events may come. */
  begin(): void {
    if (this.fd !== -1) this.balance();
  }

  get localAddress(): string {
    return this.ownName().host;
  }

  get localPort(): number {
    return this.ownName().port;
  }

  private ownName(): TcpAddress {
    return (this.own ??= ownAddress(this.fd));
  }

  // ── Pollable ──────────────────────────────────────────────────────────────────────────────────────────────────

  ready(events: number): void {
    if ((events & EPOLLOUT) !== 0) this.writable();
    if ((events & ~EPOLLOUT) !== 0 && this.fd !== -1) this.readable(events);
  }

  private writable(): void {
    this.full = false;
    this.owner?.drained();
    this.balance();
  }

  private readable(events: number): void {
    // Both sides have ended, or the peer is gone.
    if (this.input === "ended") return this.lost();
    if (this.paused) return (events & EPOLLERR) !== 0 || this.full ? this.lost() : this.mute();
    const count = receive(this.fd, this.buffer.address, this.buffer.capacity);
    if (count > 0) this.give(count);
    else if (count === 0) this.endOfInput();
    else if (count !== -EAGAIN && count !== -EINTR) this.lost();
  }

  private give(count: number): void {
    const { owner, buffer } = this;
    if (owner === undefined || owner.glance?.(buffer.lend(count)) === true) return;
    owner.received(buffer.take(count));
  }

  private endOfInput(): void {
    this.input = "ended";
    this.owner?.ended();
    this.balance();
  }

  /** The loop's interest becomes what this wire can do with. */
  private balance(): void {
    if (this.fd === -1) return;
    const reads = !this.paused && this.input === "open";
    const interest = (reads ? EPOLLIN : 0) | (this.full ? EPOLLOUT : 0);
    if (this.number === 0) this.number = this.loop.add(this.fd, interest, this);
    else if (this.muted) this.unmute(interest);
    else if (interest !== this.interest) this.loop.modify(this.fd, interest, this.number);
    this.interest = interest;
  }

  /** A peer that is gone is told without end: not while nobody listens. What it sent is still to be read. */
  private mute(): void {
    this.muted = true;
    this.loop.mute(this.fd);
  }

  private unmute(interest: number): void {
    if (this.paused) return;
    this.muted = false;
    this.loop.unmute(this.fd, interest, this.number);
  }

  // ── Wire ──────────────────────────────────────────────────────────────────────────────────────────────────────

  write(bytes: Uint8Array, offset: number, length: number): number {
    if (this.fd === -1 || this.output === "shut") return 0;
    const taken = send(this.fd, bytes, offset, length);
    if (taken === length) return taken;
    if (taken < 0) return this.broke();
    this.full = true;
    this.balance();
    return taken;
  }

  /** Its owner hears of it, but not in the middle of what it does. */
  private broke(): number {
    this.output = "shut";
    this.loop.afterwards(() => this.lost());
    return 0;
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.balance();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.balance();
  }

  shutdown(): void {
    if (this.fd === -1 || this.output === "shut") return;
    this.output = "shut";
    shutdownSending(this.fd);
  }

  close(): void {
    if (this.fd === -1) return;
    this.leave();
    this.tellLater();
  }

  abort(): void {
    if (this.fd === -1) return;
    const { fd } = this;
    this.loop.remove(fd, !this.shared);
    this.fd = -1;
    resetConnection(fd);
    this.tellLater();
  }

  private leave(): void {
    const { fd } = this;
    this.loop.remove(fd, !this.shared);
    this.fd = -1;
    closeDescriptor(fd);
  }

  private tellLater(): void {
    if (this.owner !== undefined) this.loop.afterwards(() => this.tell());
  }

  /** The last call to its owner. */
  private tell(): void {
    if (this.told) return;
    this.told = true;
    const { owner } = this;
    this.owner = undefined;
    owner?.closed();
  }

  private lost(): void {
    if (this.fd !== -1) this.leave();
    this.tell();
  }
}
