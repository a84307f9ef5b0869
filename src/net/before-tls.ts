/**
 * What comes before TLS on a connection whose socket is Bun's: it is looked at and taken while it is still in the kernel, so
 * that Bun's first bytes are those of the handshake. Waiting is the loop's affair where the thread has one of its own.
 *
 *   paused ──▶ look: peek ─▶ take ─┬─ more ──▶ wait for bytes ─▶ look
 *                                  ├─ refused: whoever said so has closed the wire
 *                                  └─ so many bytes were before it ──▶ resumed, `done`
 */
import { consume, peek } from "../os/peek.ts";
import { EPOLLIN } from "../os/epoll.ts";
import type { Pollable } from "./loop.ts";
import { ownLoop } from "./own-loop.ts";
import type { SocketWire } from "./socket-wire.ts";

/** Given bytes: how many of them are not TLS's; all are, and more of the kind must come; or nothing may. */
export type Before = (bytes: Uint8Array) => number | "more" | "refused";

/** What comes is a short header; more than this at once is the handshake behind it. */
const LOOK_BYTES_MAX = 4096;
/** Where the thread has no loop of its own. */
const ASK_MS = 10;

export class BeforeTls implements Pollable {
  private readonly wire: SocketWire;
  private readonly fd: number;
  private readonly take: Before;
  private readonly done: () => void;
  private state: "new" | "waiting" | "over" = "new";

  constructor(wire: SocketWire, take: Before, done: () => void) {
    this.wire = wire;
    this.fd = wire.descriptor;
    this.take = take;
    this.done = done;
  }

  begin(): void {
    this.wire.pause();
    this.look();
  }

  /** The wire is closed. */
  closed(): void {
    if (this.state === "waiting") ownLoop()?.remove(this.fd, true);
    this.state = "over";
  }

  /** There are bytes, or the end. */
  ready(): void {
    if (!this.look()) this.finish();
  }

  /** False: there is nothing to look at. */
  private look(): boolean {
    if (this.state === "over") return true;
    const bytes = peek(this.fd, LOOK_BYTES_MAX);
    if (bytes.length === 0) return this.wait();
    const own = this.take(bytes);
    if (own === "refused") return true;
    consume(this.fd, own === "more" ? bytes.length : own);
    if (own === "more") return this.look() || true;
    this.finish();
    return true;
  }

  private wait(): boolean {
    const loop = ownLoop();
    if (loop === undefined) setTimeout(() => this.look(), ASK_MS);
    else if (this.state === "new") loop.add(this.fd, EPOLLIN, this);
    this.state = "waiting";
    return false;
  }

  /** Also at the connection's end, of which Bun tells. */
  private finish(): void {
    if (this.state === "waiting") ownLoop()?.remove(this.fd, false);
    this.state = "over";
    this.wire.resume();
    this.done();
  }
}
