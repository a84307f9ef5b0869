/**
 * A connection to the private listener: one GET, one answer, and the end. The codec is that of the fronts, so what is
 * ambiguous is refused here as there; there are no bodies, no pipelining, nothing else to go wrong.
 */
import { monotonicMs } from "../base/clock.ts";
import { Outbox } from "../net/outbox.ts";
import type { OwnedWire, WireOwner } from "../net/wire.ts";
import type { RequestHead } from "../protocol/http/message.ts";
import { reasonPhrase } from "../protocol/http/status.ts";
import { ServerConnection } from "../protocol/http1/connection.ts";
import { DEFAULT_HEAD_LIMITS } from "../protocol/http1/limits.ts";

/** For the request, and for taking the answer. */
const PATIENCE_MS = 30_000;

export interface Answer {
  readonly status: number;
  /** Field lines. */
  readonly fields: readonly string[];
  readonly content: string;
}

export class PrivateSession implements WireOwner {
  private readonly wire: OwnedWire;
  private readonly outbox: Outbox;
  private readonly connection = new ServerConnection(DEFAULT_HEAD_LIMITS);
  private readonly answer: (head: RequestHead) => Answer | Promise<Answer>;
  private readonly over: () => void;
  private readonly untilMs = monotonicMs() + PATIENCE_MS;
  private state: "reading" | "answering" | "closing" = "reading";

  constructor(wire: OwnedWire, answer: PrivateSession["answer"], over: () => void) {
    this.wire = wire;
    this.outbox = new Outbox(wire);
    this.answer = answer;
    this.over = over;
  }

  received(bytes: Uint8Array): void {
    if (this.state !== "reading") return;
    this.connection.receive(bytes);
    const event = this.connection.next();
    if (event === "head") void this.reply(this.connection.head);
    if (event === "failed") this.write({ status: this.connection.failure.status, fields: [], content: "" }, false);
  }

  private async reply(head: RequestHead): Promise<void> {
    this.state = "answering";
    try {
      this.write(await this.answer(head), head.method === "HEAD");
    } catch (error) {
      this.write({ status: 500, fields: ["Content-Type: text/plain"], content: `${String(error)}\n` }, false);
    }
  }

  private write({ status, fields, content }: Answer, headOnly: boolean): void {
    if (this.state === "closing") return;
    this.state = "closing";
    const body = Buffer.from(content);
    const lines = [`HTTP/1.1 ${status} ${reasonPhrase(status)}`, ...fields, ...ALWAYS];
    const head = Buffer.from(`${lines.join("\r\n")}\r\nContent-Length: ${body.length}\r\n\r\n`);
    this.outbox.write(headOnly ? head : Buffer.concat([head, body]));
    if (this.outbox.empty) this.finish();
  }

  /** Half, so that what the peer still sends does not cost it the answer. */
  private finish(): void {
    this.wire.shutdown();
  }

  tick(nowMs: number): void {
    if (nowMs > this.untilMs) this.wire.abort();
  }

  end(): void {
    this.wire.abort();
  }

  drained(): void {
    if (this.outbox.flush() && this.state === "closing") this.finish();
  }

  ended(): void {
    if (this.state !== "answering" && this.outbox.empty) this.wire.close();
  }

  closed(): void {
    this.state = "closing";
    this.over();
  }
}

/** Nothing here is to be kept, framed, or believed to be something else than it says. */
const ALWAYS = [
  "Cache-Control: no-store",
  "X-Content-Type-Options: nosniff",
  "X-Frame-Options: DENY",
  "Referrer-Policy: no-referrer",
  "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:",
  "Connection: close",
];
