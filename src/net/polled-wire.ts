/**
 * A Wire over a descriptor in our own event loop (loop.ts): plain TCP, unix sockets, socket pairs. TLS is Bun's (socket-wire.ts).
 * Both directions are independent: a peer that has half-closed still gets its answer.
 *
 *   interest of the loop:  EPOLLIN  always, each change once (EPOLLET); EPOLLRDHUP tells of an end behind bytes
 *                          EPOLLOUT while the kernel had no room for what was written
 *                          errors and hang-ups always
 *
 * What was told and not taken up, as the wire was paused or there was more than one receive takes, is remembered (`unread`): so the
 * kernel need not look at each wire again after it was read, nor be told of pauses. A receive that brings less than it could has
 * brought all there is (epoll(7), question 9).
 */
import { monotonicMs } from "../base/clock.ts";
import { EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from "../os/epoll.ts";
import { EAGAIN, EINTR } from "../os/libc.ts";
import { unreadByPeer } from "../os/peer-unread.ts";
import { sendBetween } from "../os/send-between.ts";
import type { Sendable } from "../os/sendable.ts";
import type { TcpAddress } from "../os/socket-address.ts";
import { closeDescriptor, sendDescriptors } from "../os/sockets.ts";
import {
  breakConnection,
  ownAddress,
  receive,
  resetConnection,
  send,
  sendApart,
  shutdownSending,
  unacknowledgedOf,
  withLittleUnsent,
  writtenTo,
} from "../os/stream-socket.ts";
import type { Loop, Pollable } from "./loop.ts";
import { withoutPathModel } from "./path-model.ts";
import { Pace, SLOW_UNSENT_BYTES, SLOW_WRITE_BYTES } from "./pace.ts";
import { type ReceiveBuffer, USUAL_BYTES } from "./receive-buffer.ts";
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
  private shared: boolean;
  /** Was it lent? Whoever got it, or was forked by that, may still have it. */
  private wasLent = false;
  /** What had been written when it was lent last, by whoever; bytes. */
  private writtenBefore = 0;
  writtenSinceLoan = 0;
  /** Of the entry in the loop; 0 before there is one. */
  private number = 0;
  private interest = 0;
  /** Events that were told and are not taken up yet. */
  private unread = 0;
  private paused = false;
  /** Bytes that are taken with one call. */
  private share = USUAL_BYTES;
  private input: "open" | "ended" = "open";
  private output: "open" | "shut" | "broken" = "open";
  /** Did the kernel refuse some of what was written last? */
  private full = false;
  private told = false;

  /** Is the kernel given little of what is written, until the peer is known to be fast (pace.ts)? */
  private readonly paced: boolean;
  /** Is it as the machine has them? Where what listens is for every address, it is known here alone that a peer is near. */
  private isUsual = true;
  /** Undefined as long as nothing large was written. */
  private pace: Pace | undefined = undefined;

  constructor(loop: Loop, fd: number, peer: TcpAddress, own: TcpAddress | undefined, shared = false, paced = false) {
    this.loop = loop;
    this.buffer = loop.buffer;
    this.fd = fd;
    this.remoteAddress = peer.host;
    this.remotePort = peer.port;
    this.own = own;
    this.shared = shared;
    this.paced = paced;
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
    if ((events & ~EPOLLOUT) !== 0 && this.fd !== -1) this.readable(events & ~EPOLLOUT);
  }

  private writable(): void {
    this.full = false;
    this.pace?.hasRoom(monotonicMs());
    this.owner?.drained();
    this.balance();
  }

  private readable(events: number): void {
    if (this.input === "ended") return this.goneFor(events);
    if (this.paused) return this.remember(events);
    const asked = this.share;
    const count = receive(this.fd, this.buffer.address, asked);
    if (count === 0) return this.output === "broken" ? this.lost() : this.endOfInput(events);
    if (count < 0 && count !== -EINTR && (count !== -EAGAIN || this.output === "broken")) return this.lost();
    if (count > 0) this.give(count);
    // There is more, and who got this has taken it.
    if (count === asked && !this.paused) this.share = this.buffer.capacity;
    const isAll = count < asked && count !== -EINTR && events === EPOLLIN;
    if (!isAll && this.fd !== -1 && count !== -EAGAIN) this.readLater(events);
  }

  /** Both sides have ended, or the peer is gone. */
  private goneFor(events: number): void {
    if ((events & (EPOLLHUP | EPOLLERR)) !== 0) this.lost();
  }

  /** A peer that is gone is told of while nobody reads only if it broke the connection, or somebody waits for it to read; and not if
   *  what it had sent is wanted. */
  private remember(events: number): void {
    const isBroken = (events & EPOLLERR) !== 0 || (this.full && (events & EPOLLHUP) !== 0);
    if (isBroken && this.owner?.hearsOut !== true) return this.lost();
    this.unread |= events;
  }

  /** The others have their turn before. */
  private readLater(events: number): void {
    this.unread |= events;
    if (!this.paused) this.loop.afterwards(() => this.readOn());
  }

  private readOn(): void {
    const { unread } = this;
    this.unread = 0;
    if (unread !== 0 && this.fd !== -1) this.readable(unread);
  }

  private give(count: number): void {
    const { owner, buffer } = this;
    if (owner === undefined || owner.glance?.(buffer.lend(count)) === true) return;
    owner.received(buffer.take(count));
  }

  private endOfInput(events: number): void {
    this.input = "ended";
    this.owner?.ended();
    if ((events & EPOLLHUP) !== 0) this.loop.afterwards(() => this.lost());
  }

  /** The loop's interest becomes what this wire can do with. */
  private balance(): void {
    if (this.fd === -1) return;
    const interest = EPOLLIN | EPOLLRDHUP | EPOLLET | (this.full ? EPOLLOUT : 0);
    if (this.number === 0) this.number = this.loop.add(this.fd, interest, this);
    else if (interest !== this.interest) this.loop.modify(this.fd, interest, this.number);
    this.interest = interest;
  }

  // ── Wire ──────────────────────────────────────────────────────────────────────────────────────────────────────

  write(bytes: Uint8Array, offset: number, length: number, more = false): number {
    if (this.fd === -1 || this.output !== "open") return 0;
    if (length > SLOW_WRITE_BYTES && this.isUsual) this.forgetPath();
    if (length > SLOW_WRITE_BYTES && this.paced && this.pace?.isFast !== true)
      return this.writeApart(bytes, offset, length);
    return this.took(send(this.fd, bytes, offset, length, more), length);
  }

  writeFrom(source: Sendable, offset: number, length: number): number {
    if (this.fd === -1 || this.output !== "open") return 0;
    if (length > SLOW_WRITE_BYTES && this.isUsual) this.forgetPath();
    if (source.isCopied && length > SLOW_WRITE_BYTES && this.paced && this.pace?.isFast !== true)
      return this.writeApart(source, offset, length);
    const taken = source.sendTo(this.fd, offset, length, false);
    if (taken === length && this.pace?.isFast === false) this.judge(this.pace, length);
    return this.took(taken, length);
  }

  /** What is on its way is asked for before: what arrives in between is counted twice, not never. */
  get unreadByPeer(): number | undefined {
    if (this.fd === -1 || this.remotePort === 0) return undefined;
    const underWay = unacknowledgedOf(this.fd);
    const arrived = unreadByPeer(this.ownName(), { host: this.remoteAddress, port: this.remotePort });
    return arrived === undefined ? undefined : underWay + arrived;
  }

  writeBetween(before: Uint8Array, bytes: Uint8Array, after: Uint8Array): number {
    if (this.fd === -1 || this.output !== "open") return 0;
    const length = before.length + bytes.length + after.length;
    if (length <= SLOW_WRITE_BYTES || !this.paced || this.pace?.isFast === true)
      return this.took(sendBetween(this.fd, before, bytes, after), length);
    let done = 0;
    for (const part of [before, bytes, after]) {
      const taken = this.write(part, 0, part.length, part !== after);
      done += taken;
      if (taken < part.length) break;
    }
    return done;
  }

  /** Only of a peer that is known to be fast, where that is looked at: who borrows it does not. */
  loan(to: (descriptor: number) => boolean): boolean {
    if (this.fd === -1 || this.output !== "open" || this.full) return false;
    if (this.paced && this.pace?.isFast !== true) return false;
    const before = writtenTo(this.fd);
    if (!to(this.fd)) return false;
    this.shared = true;
    this.wasLent = true;
    this.writtenBefore = before;
    return true;
  }

  /** Before it is closed. */
  private endLoan(fd: number, end: (fd: number) => void): void {
    if (!this.wasLent) return;
    this.writtenSinceLoan = writtenTo(fd) - this.writtenBefore;
    end(fd);
  }

  writeWith(bytes: Uint8Array, descriptor: number): boolean {
    return this.fd !== -1 && this.output === "open" && sendDescriptors(this.fd, bytes, [descriptor]);
  }

  private writeApart(bytes: Uint8Array | Sendable, offset: number, length: number): number {
    this.pace ??= this.begunSlowly();
    let done = 0;
    for (let taken = 0; done < length; done += taken) {
      const asked = Math.min(SLOW_WRITE_BYTES, length - done);
      taken =
        bytes instanceof Uint8Array
          ? sendApart(this.fd, bytes, offset + done, asked)
          : bytes.sendTo(this.fd, offset + done, asked, true);
      if (taken < 0) return done + this.broke();
      if (taken < asked) return this.took(done + taken, length);
    }
    this.judge(this.pace, length);
    return length;
  }

  private begunSlowly(): Pace {
    withLittleUnsent(this.fd, SLOW_UNSENT_BYTES);
    return new Pace();
  }

  private took(taken: number, length: number): number {
    if (taken === length) return taken;
    if (taken < 0) return this.broke();
    this.full = true;
    if (this.pace !== undefined) this.judge(this.pace, taken);
    this.balance();
    return taken;
  }

  private judge(pace: Pace, taken: number): void {
    if (!pace.took(taken, monotonicMs())) return;
    if (pace.isFast) withLittleUnsent(this.fd);
    else withLittleUnsent(this.fd, SLOW_UNSENT_BYTES);
  }

  /** Its owner hears of it, but not in the middle of what it does. */
  private broke(): number {
    this.output = "broken";
    this.loop.afterwards(() => this.readOut());
    return 0;
  }

  /** A server that will not have the body of a request answers, closes and so resets the connection. Its answer is still there: the
   *  kernel gives what came before it tells of the error, which the write took; so the end of what came is that of the wire. */
  private readOut(): void {
    if (this.fd === -1 || this.input === "ended" || this.owner?.hearsOut !== true) return this.lost();
    this.readable(EPOLLERR);
  }

  carryMessages(): void {
    if (this.fd !== -1 && this.isUsual) this.forgetPath();
  }

  private forgetPath(): void {
    this.isUsual = false;
    withoutPathModel(this.fd, this.remoteAddress);
  }

  pause(): void {
    this.paused = true;
    this.share = USUAL_BYTES;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.unread !== 0) this.readLater(0);
  }

  shutdown(): void {
    if (this.fd === -1 || this.output !== "open") return;
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
    this.endLoan(fd, breakConnection);
    resetConnection(fd);
    this.tellLater();
  }

  private leave(): void {
    const { fd } = this;
    this.loop.remove(fd, !this.shared);
    this.fd = -1;
    this.endLoan(fd, shutdownSending);
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
