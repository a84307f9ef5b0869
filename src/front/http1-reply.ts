/**
 * The reply sink of an HTTP/1 connection: what a handler may do with a reply, and when. One object per connection, begun anew
 * for each request. How a reply looks on the wire is the writer's business, what follows from its end the session's.
 *
 *   waiting ──start──▶ started ──end──▶ finished          gone: the client left, nothing is written any more
 *      └────────────whole────────────▶ finished
 */
import type { Sendable } from "../os/sendable.ts";
import { assert } from "../base/assert.ts";
import { answer } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { Borrower, Producer, Reply, ReplyState, Returned } from "../exchange/reply.ts";
import { finishedHead } from "../exchange/reply-headers.ts";
import type { Outbox } from "../net/outbox.ts";
import type { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import type { ServerConnection } from "../protocol/http1/connection.ts";
import { encodeInterimHead, REPLY_BEGIN } from "../protocol/http1/write.ts";
import type { ReplyWriter } from "./reply-writer.ts";

export interface Http1ReplyOwner {
  /** The one that is being answered. */
  readonly exchange: Exchange | undefined;
  /** A reply begins: may the connection go on after it? */
  decidePersistence(): boolean;
  /** The content of the reply that has begun ends with the connection. */
  lastReply(): void;
  replied(): void;
  /** The reply cannot be completed; nothing of an answer is possible any more when `fatal`. */
  broken(why: string, fatal: boolean): void;
  destroy(): void;
}

export class Http1Reply implements Reply {
  state: ReplyState = "waiting";
  producer: Producer | undefined = undefined;
  /** Does nobody who answers know of the exchange any more? */
  left = false;
  private readonly owner: Http1ReplyOwner;
  private readonly connection: ServerConnection;
  private readonly outbox: Outbox;
  private readonly writer: ReplyWriter;

  constructor(owner: Http1ReplyOwner, connection: ServerConnection, outbox: Outbox, writer: ReplyWriter) {
    this.owner = owner;
    this.connection = connection;
    this.outbox = outbox;
    this.writer = writer;
  }

  begin(): void {
    this.state = "waiting";
    this.left = false;
    this.writer.reset();
  }

  resign(): void {
    this.left = true;
  }

  get status(): number {
    return this.writer.status;
  }

  whole(head: ReplyHead, content: Uint8Array): void {
    if (this.state === "gone") return;
    assert(this.state === "waiting", "one reply to a request");
    const { owner, writer } = this;
    writer.whole(this.connection.head, finishedHead(owner.exchange, head), content, owner.decidePersistence());
    if (writer.endsConnection) owner.lastReply();
    this.finish();
  }

  lend(head: ReplyHead, content: Uint8Array): void {
    if (this.state === "gone") return;
    assert(this.state === "waiting", "one reply to a request");
    const { owner, writer } = this;
    writer.lend(this.connection.head, finishedHead(owner.exchange, head), content, owner.decidePersistence());
    if (writer.endsConnection) owner.lastReply();
    this.finish();
  }

  start(head: ReplyHead, more = false): void {
    if (this.state === "gone") return;
    assert(this.state === "waiting", "one reply to a request");
    this.state = "started";
    const { owner, writer } = this;
    writer.start(this.connection.head, finishedHead(owner.exchange, head), owner.decidePersistence(), more);
    if (writer.endsConnection) owner.lastReply();
  }

  data(bytes: Uint8Array): boolean {
    if (this.state === "gone") return true;
    assert(this.state === "started", "data belongs to a reply that was started");
    return this.writer.data(bytes);
  }

  lendData(bytes: Uint8Array): boolean {
    if (this.state === "gone") return true;
    assert(this.state === "started", "data belongs to a reply that was started");
    return this.writer.data(bytes, true);
  }

  offer(bytes: Uint8Array): number {
    return this.state === "started" ? this.writer.offer(bytes) : bytes.length;
  }

  /** Undefined where the wire cannot (Reply.offerFrom). */
  get offerFrom(): ((source: Sendable, offset: number, length: number) => number) | undefined {
    return this.outbox.takesFiles ? this.offeredFrom : undefined;
  }

  private offeredFrom(source: Sendable, offset: number, length: number): number {
    return this.state === "started" ? this.writer.offerFrom(source, offset, length) : length;
  }

  get unread(): number | undefined {
    return this.outbox.unread;
  }

  /** Undefined where the wire cannot (Reply.loan). */
  get loan(): ((to: Borrower) => boolean) | undefined {
    return this.outbox.lends ? this.lentOut : undefined;
  }

  private lentOut(to: Borrower): boolean {
    return this.state === "started" && this.writer.loan(to);
  }

  returned(rest: Uint8Array, counts: Returned): boolean {
    return this.state === "gone" || this.writer.returned(rest, counts);
  }

  end(trailers?: Fields): void {
    if (this.state === "gone") return;
    assert(this.state === "started", "end belongs to a reply that was started");
    const complete = this.writer.end(trailers, this.connection.head);
    if (!complete) return this.abort("the reply is shorter than its Content-Length");
    this.finish();
  }

  private finish(): void {
    this.state = "finished";
    this.producer = undefined;
    this.owner.replied();
  }

  abort(why: string): void {
    if (this.state === "gone" || this.state === "finished") return;
    const { exchange } = this.owner;
    const answerable = this.state === "waiting" && exchange !== undefined;
    if (!answerable) this.producer = undefined;
    this.owner.broken(why, !answerable);
    if (answerable) answer(exchange, 502);
  }

  drop(): void {
    if (this.state !== "waiting") return;
    this.producer = undefined;
    this.owner.destroy();
  }

  interim(head: ReplyHead): void {
    if (this.state === "waiting" && this.connection.head.minor === 1) this.outbox.write(encodeInterimHead(head));
  }

  /** The client has said all that it had to say, or is gone: the kernel of one that is gone resets the connection when anything comes.
   *  False: nothing can be sent for that, as in the middle of a reply with a length (Deadlines, `left`). */
  probe(): boolean {
    if (this.state === "waiting") this.outbox.writeAhead(REPLY_BEGIN);
    return this.state !== "started" || this.writer.probe();
  }

  /** The connection is no longer HTTP/1: nothing is written here any more. */
  release(): void {
    this.state = "finished";
    this.producer = undefined;
  }

  /** The client left, or the connection is destroyed. Returns who worked on a reply that was not complete, to be told. */
  leave(): Producer | undefined {
    const { producer } = this;
    this.producer = undefined;
    if (this.state === "finished") return undefined;
    this.state = "gone";
    return producer;
  }
}
