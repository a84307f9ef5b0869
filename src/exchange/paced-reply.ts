/**
 * A reply that goes out no faster than so many bytes per second (nginx: limit_rate, X-Accel-Limit-Rate). It stands before
 * the session's reply; what comes too early is held here, one piece at a time, since it says that it is full. The one timer
 * in the way of a reply, and only of one that is limited.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import type { Producer, Reply, ReplyState } from "./reply.ts";

const INTERVAL_MS = 50;

export class PacedReply implements Reply, Producer {
  producer: Producer | undefined = undefined;
  private readonly inner: Reply;
  private readonly bytesPerMs: number;
  private readonly startedMs = monotonicMs();
  private given = 0;
  private rest: Uint8Array | undefined = undefined;
  /** The session takes no more for now. */
  private full = false;
  private timer: Timer | undefined = undefined;
  private ending: { readonly trailers: Fields | undefined } | undefined = undefined;

  constructor(inner: Reply, bytesPerSecond: number) {
    this.inner = inner;
    this.bytesPerMs = bytesPerSecond / 1000;
    inner.producer = this;
  }

  get state(): ReplyState {
    return this.ending !== undefined && this.inner.state === "started" ? "finished" : this.inner.state;
  }

  get status(): number {
    return this.inner.status;
  }

  whole(head: ReplyHead, content: Uint8Array): void {
    this.start(head);
    this.data(content);
    this.end();
  }

  start(head: ReplyHead): void {
    this.inner.start(head);
  }

  data(bytes: Uint8Array): boolean {
    if (this.inner.state === "gone") return true;
    this.rest = bytes;
    this.go();
    return this.rest === undefined && !this.full;
  }

  /** Gives what time allows; the timer asks again. */
  private go(): void {
    const { rest, inner } = this;
    if (rest === undefined || this.full || inner.state === "gone") return;
    const allowed = Math.floor((monotonicMs() - this.startedMs + INTERVAL_MS) * this.bytesPerMs) - this.given;
    const length = Math.min(rest.length, Math.max(0, allowed));
    if (length > 0) {
      this.given += length;
      this.rest = length === rest.length ? undefined : rest.subarray(length);
      this.full = !inner.data(rest.subarray(0, length));
    }
    if (this.rest !== undefined && !this.full) this.timer ??= setTimeout(() => this.ring(), INTERVAL_MS);
  }

  private ring(): void {
    this.timer = undefined;
    this.go();
    this.settle();
  }

  /** All that was given is gone: ends, or asks for more. */
  private settle(): void {
    if (this.rest !== undefined || this.full || this.inner.state !== "started") return;
    if (this.ending !== undefined) this.inner.end(this.ending.trailers);
    else this.producer?.drained();
  }

  end(trailers?: Fields): void {
    this.ending = { trailers };
    if (this.rest === undefined && !this.full) this.inner.end(trailers);
  }

  abort(why: string): void {
    this.stop();
    this.inner.abort(why);
  }

  interim(head: ReplyHead): void {
    this.inner.interim(head);
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.rest = undefined;
  }

  // ── Producer ──────────────────────────────────────────────────────────────────────────────────────────────────

  drained(): void {
    this.full = false;
    this.go();
    this.settle();
  }

  gone(): void {
    this.stop();
    this.producer?.gone();
  }
}
