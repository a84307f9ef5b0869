/** A reply of a connection without encryption: it takes what the kernel sends by itself, too. */
import type { Sendable } from "../../src/os/sendable.ts";
import { RecordedReply } from "../support/exchange.ts";
import { sentFrom } from "../support/sendable.ts";

export class FedReply extends RecordedReply {
  room = Number.POSITIVE_INFINITY;
  /** Bytes that the kernel sent. */
  fed = 0;

  offer(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.room);
    this.room -= taken;
    super.data(bytes.subarray(0, taken));
    return this.state === "started" ? taken : bytes.length;
  }

  offerFrom(source: Sendable, offset: number, length: number): number {
    const bytes = sentFrom(source, offset, Math.min(length, this.room));
    const taken = bytes.length;
    this.room -= taken;
    this.fed += taken;
    super.data(bytes);
    return this.state === "started" ? taken : length;
  }

  make(room: number): void {
    this.room = room;
    this.producer?.drained();
  }
}
