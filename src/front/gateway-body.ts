/**
 * The content of a request that came in a uwsgi packet: exactly CONTENT_LENGTH bytes behind it. Bytes are held while
 * nobody asks for them, a little of them; then the wire is paused and the kernel's buffer holds the gateway back.
 */
import { assert } from "../base/assert.ts";
import { monotonicMs } from "../base/clock.ts";
import type { BodyFailure, BodyReader, RequestBody } from "../exchange/body.ts";
import type { Wire } from "../net/wire.ts";
import { RECEIVE_BYTES_MAX } from "./options.ts";
import { Pace } from "./pace.ts";

/** `unread`: nobody has asked for it. `broken`: the rest is received and thrown away. */
type BodyPhase = "unread" | "reading" | "paused" | "broken" | "received";

export interface GatewayBodyOwner {
  /** Largest body the route takes; 0 for no bound. */
  bodyBytesMax(): number;
  bodyTooLarge(): void;
}

export class GatewayBody implements RequestBody {
  readonly length: number;
  /** When what is awaited now began: the deadline counts from here. */
  sinceMs = monotonicMs();

  private readonly wire: Wire;
  private readonly owner: GatewayBodyOwner;
  private phase: BodyPhase = "unread";
  private reader: BodyReader | undefined = undefined;
  /** Received and not yet delivered; and how many are still to be delivered in all. */
  private held: Uint8Array[] = [];
  private heldBytes = 0;
  private remaining: number;
  private delivering = false;
  private wirePaused = false;
  private bytes = 0;
  private readonly pace = new Pace();

  constructor(length: number, wire: Wire, owner: GatewayBodyOwner) {
    this.length = this.remaining = length;
    this.wire = wire;
    this.owner = owner;
    if (length === 0) this.phase = "received";
  }

  /** Have all of its bytes come, read or not? */
  get arrived(): boolean {
    return this.remaining === this.heldBytes;
  }

  /** Is a reader waiting for bytes that have not come? */
  get awaited(): boolean {
    return this.phase === "reading";
  }

  /** Does the gateway keep up `rateMin` bytes per second? Asked at each sweep. */
  isTooSlow(nowMs: number, rateMin: number): boolean {
    return this.pace.isTooSlow(nowMs, this.bytes, this.awaited, rateMin);
  }

  /** Takes ownership. Bytes beyond CONTENT_LENGTH are nobody's: never another packet (uWSGI issue 2336). */
  receive(bytes: Uint8Array): void {
    const length = Math.min(bytes.length, this.remaining - this.heldBytes);
    if (length <= 0) return;
    if (this.phase === "reading") this.sinceMs = monotonicMs();
    this.bytes += length;
    this.held.push(length === bytes.length ? bytes : bytes.subarray(0, length));
    this.heldBytes += length;
    this.deliver();
  }

  read(reader: BodyReader): void {
    if (this.length === 0) return reader.bodyEnd();
    if (this.phase === "broken") return reader.bodyFailed("aborted");
    assert(this.phase === "unread", "a request body is read once");
    this.reader = reader;
    this.phase = "reading";
    this.sinceMs = monotonicMs();
    const bound = this.owner.bodyBytesMax();
    if (bound > 0 && this.length > bound) this.owner.bodyTooLarge();
    else this.deliver();
  }

  pause(): void {
    if (this.phase === "reading") this.phase = "paused";
  }

  resume(): void {
    if (this.phase !== "paused") return;
    this.phase = "reading";
    this.sinceMs = monotonicMs();
    this.deliver();
  }

  /** No more will be delivered; the reader is told. */
  fail(why: BodyFailure): void {
    const { reader } = this;
    this.reader = undefined;
    if (this.phase !== "received") this.phase = "broken";
    reader?.bodyFailed(why);
  }

  /** Lets the rest come in, to be thrown away by whoever gets it. */
  release(): void {
    this.held = [];
    if (this.wirePaused) this.wire.resume();
    this.wirePaused = false;
  }

  private deliver(): void {
    if (this.delivering) return;
    this.delivering = true;
    try {
      while (this.deliverOne());
    } finally {
      this.delivering = false;
    }
    if (this.remaining === 0 && this.phase === "reading") this.complete();
    this.balanceReceiving();
  }

  private deliverOne(): boolean {
    if (this.phase !== "reading" && this.phase !== "broken") return false;
    const bytes = this.held.shift();
    if (bytes === undefined) return false;
    this.heldBytes -= bytes.length;
    this.remaining -= bytes.length;
    if (this.phase === "reading") this.reader?.bodyData(bytes);
    return true;
  }

  private complete(): void {
    const { reader } = this;
    this.phase = "received";
    this.reader = undefined;
    reader?.bodyEnd();
  }

  private balanceReceiving(): void {
    const enough = this.heldBytes > RECEIVE_BYTES_MAX;
    if (enough === this.wirePaused) return;
    this.wirePaused = enough;
    if (enough) this.wire.pause();
    else this.wire.resume();
  }
}
