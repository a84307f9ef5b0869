/**
 * Accepting in our own event loop (loop.ts). As many connections as wait are accepted in a turn, up to a bound: one is asked for at
 * first, and twice as many each time that more were there (nginx's multi_accept, without a call that fails for each that does not).
 */
import { closeDescriptor, LISTEN_BACKLOG } from "../os/sockets.ts";
import {
  acceptConnection,
  ownAddress,
  peerAddress,
  withLittleUnsent,
  withoutDelay,
  withoutWaiting,
} from "../os/stream-socket.ts";
import { EPOLLIN } from "../os/epoll.ts";
import type { TcpAddress } from "../os/socket-address.ts";
import type { Listener, ListenOptions } from "./listener.ts";
import type { Loop, Pollable } from "./loop.ts";
import { withoutPathModel } from "./path-model.ts";
import { PolledWire } from "./polled-wire.ts";

/** Accepted in one turn at most: the connections that are open wait that long. */
const BURST_MAX = 16;

/** Without descriptors or memory nothing can be accepted; the kernel would say at once that somebody waits. */
const PAUSE_MS = 50;

export class PolledListener implements Listener, Pollable {
  private readonly loop: Loop;
  private readonly options: ListenOptions;
  /** Of all its connections; undefined when it stands for every address of the machine. */
  private readonly own: TcpAddress | undefined;
  private state: "open" | "paused" | "stopped" = "open";
  private burst = 1;

  constructor(loop: Loop, options: ListenOptions) {
    this.loop = loop;
    this.options = options;
    withoutWaiting(options.fd);
    if (!options.unix) {
      withoutDelay(options.fd);
      withLittleUnsent(options.fd);
    }
    const own = ownAddress(options.fd);
    withoutPathModel(options.fd, own.host);
    this.own = own.host === "0.0.0.0" || own.host === "::" ? undefined : own;
    loop.add(options.fd, EPOLLIN, this);
  }

  ready(): void {
    for (let left = this.burst; left > 0; left--) {
      const fd = acceptConnection(this.options.fd);
      if (fd < 0) return this.refused(-fd);
      this.accepted(fd);
      if (this.state !== "open") return;
    }
    this.burst = Math.min(BURST_MAX, this.burst * 2);
  }

  private accepted(fd: number): void {
    const wire = new PolledWire(this.loop, fd, peerAddress(), this.own, false, !this.options.unix);
    wire.owner = this.options.accept(wire);
    wire.begin();
  }

  private refused(code: number): void {
    this.burst = 1;
    if (!isShortage(code)) return;
    this.leave("paused");
    setTimeout(() => this.goOn(), PAUSE_MS);
  }

  private goOn(): void {
    if (this.state !== "paused") return;
    this.state = "open";
    this.loop.add(this.options.fd, EPOLLIN, this);
  }

  private leave(state: "paused" | "stopped"): void {
    // The master has the same socket: closing this descriptor would not take it out of the kernel's set.
    if (this.state === "open") this.loop.remove(this.options.fd, false);
    this.state = state;
  }

  /** What is still queued when the last descriptor is closed is reset by the kernel. A flood cannot keep it from ending. */
  finish(): void {
    if (this.state !== "open") return this.stop();
    // All else beforehand: whoever comes between the last one and the close is lost.
    this.leave("stopped");
    for (let left = LISTEN_BACKLOG; left > 0; left--) {
      const fd = acceptConnection(this.options.fd);
      if (fd < 0) break;
      this.accepted(fd);
    }
    closeDescriptor(this.options.fd);
  }

  stop(): void {
    if (this.state === "stopped") return;
    this.leave("stopped");
    closeDescriptor(this.options.fd);
  }
}

const ENOMEM = 12;
const ENFILE = 23;
const EMFILE = 24;
const ENOBUFS = 105;

function isShortage(code: number): boolean {
  return code === EMFILE || code === ENFILE || code === ENOMEM || code === ENOBUFS;
}
