/**
 * A connection that is not let in: it is answered 503 and half-closed, and goes when its client has seen that, or after a
 * moment. Its request is not read. Few of them are kept at a time; the others are reset, as a flood deserves.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Wire, WireOwner } from "../net/wire.ts";
import { Outbox } from "../net/outbox.ts";
import type { RefusalOptions } from "./options.ts";
import { type RefusedReply, refusedReply } from "./refused-reply.ts";
import { ReplyWriter } from "./reply-writer.ts";
import { peerOf } from "./session.ts";

/** How long the client may take to close: a round trip, even of a slow network. */
const REFUSAL_LINGER_MS = 1_000;

/** Kept at a time by a front. Each is a descriptor that others may need. */
const REFUSALS_MAX = 64;

/** 503: another server, or another moment, may do (RFC 9110 section 15.6.4). */
const STATUS = 503;

/** Owns a connection that was reset. */
const NOBODY: WireOwner = { received: () => {}, drained: () => {}, ended: () => {}, closed: () => {} };

export class Refusals {
  private readonly open = new Set<Refusal>();
  private readonly scratch: Buffer;

  constructor(scratch: Buffer) {
    this.scratch = scratch;
  }

  /** The owner that the wire has from now on. */
  refuse(wire: Wire, options?: RefusalOptions): WireOwner {
    if (this.open.size >= REFUSALS_MAX) {
      wire.abort();
      return NOBODY;
    }
    const refusal = new Refusal(wire, this.scratch, refusedReply(STATUS, peerOf(wire), options), () =>
      this.open.delete(refusal),
    );
    this.open.add(refusal);
    return refusal;
  }

  tick(nowMs: number): void {
    for (const refusal of this.open) refusal.tick(nowMs);
  }

  close(): void {
    for (const refusal of this.open) refusal.close();
  }
}

class Refusal implements WireOwner {
  private readonly wire: Wire;
  private readonly over: () => void;
  private readonly sinceMs = monotonicMs();

  constructor(wire: Wire, scratch: Buffer, reply: RefusedReply, over: () => void) {
    this.wire = wire;
    this.over = over;
    // A fresh socket takes a page of a few hundred bytes; one that does not is not waited for.
    new ReplyWriter(new Outbox(wire), scratch).refusal(reply);
    wire.shutdown();
  }

  received(): void {
    // read and thrown away: unread bytes would make the close a reset, which destroys the answer
  }

  drained(): void {}

  ended(): void {
    this.close();
  }

  closed(): void {
    this.over();
  }

  close(): void {
    this.over();
    this.wire.close();
  }

  tick(nowMs: number): void {
    if (nowMs - this.sinceMs <= REFUSAL_LINGER_MS) return;
    this.over();
    this.wire.abort();
  }
}
