/**
 * Stands between a handler and its reply and may put another answer in place of what the handler gives: decided at the
 * head (`replaces`). What follows of a reply that was replaced is taken and thrown away.
 */
import type { Sendable } from "../os/sendable.ts";
import type { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import type { Exchange } from "./exchange.ts";
import { DelegatingReply } from "./delegating-reply.ts";
import type { Borrower, Producer, ReplyState } from "./reply.ts";

export abstract class ReplaceableReply extends DelegatingReply {
  protected exchange: Exchange;
  /** Where the replaced reply stands; undefined while none was replaced. */
  protected replaced: ReplyState | undefined = undefined;
  private replacedProducer: Producer | undefined = undefined;

  constructor(exchange: Exchange) {
    super(exchange.reply);
    this.exchange = exchange;
  }

  /** Has another answer been given in place of this head? */
  protected abstract replaces(head: ReplyHead): boolean;

  /** What is sent of a head that is not replaced. Heads are shared between requests: a changed one is another one. */
  protected passed(head: ReplyHead): ReplyHead {
    return head;
  }

  /** Content of a replaced reply came. */
  protected abstract dropped(): void;

  /** Lets `other` answer past this reply. Afterwards the exchange is this reply's again: its producer still answers
   *  through it, while the other answer may have a producer of its own. */
  protected past<T>(other: () => T): T {
    const { exchange, inner } = this;
    inner.producer = undefined;
    exchange.reply = inner;
    const result = other();
    exchange.reply = this;
    return result;
  }

  override get state(): ReplyState {
    return this.replaced ?? this.inner.state;
  }

  override get producer(): Producer | undefined {
    return this.replaced === undefined ? this.inner.producer : this.replacedProducer;
  }

  override set producer(producer: Producer | undefined) {
    if (this.replaced === undefined) this.inner.producer = producer;
    else this.replacedProducer = producer;
  }

  override whole(head: ReplyHead, content: Uint8Array): void {
    if (this.replaces(head)) this.replaced = "finished";
    else this.inner.whole(this.passed(head), content);
  }

  /** Undefined where the reply behind has none (Reply.lend). */
  get lend(): ((head: ReplyHead, content: Uint8Array) => void) | undefined {
    return this.inner.lend === undefined ? undefined : this.lent;
  }

  protected lent(head: ReplyHead, content: Uint8Array): void {
    if (this.replaces(head)) this.replaced = "finished";
    else this.inner.lend?.(this.passed(head), content);
  }

  override start(head: ReplyHead, more?: boolean): void {
    if (this.replaces(head)) this.replaced = "started";
    else this.inner.start(this.passed(head), more);
  }

  override data(bytes: Uint8Array): boolean {
    if (this.replaced === undefined) return this.inner.data(bytes);
    this.dropped();
    return true;
  }

  protected override lentData(bytes: Uint8Array): boolean {
    if (this.replaced === undefined) return super.lentData(bytes);
    this.dropped();
    return true;
  }

  protected override offered(bytes: Uint8Array): number {
    if (this.replaced === undefined) return super.offered(bytes);
    this.dropped();
    return bytes.length;
  }

  protected override offeredFrom(source: Sendable, offset: number, length: number): number {
    if (this.replaced === undefined) return super.offeredFrom(source, offset, length);
    this.dropped();
    return length;
  }

  protected override lentOut(to: Borrower): boolean {
    return this.replaced === undefined && super.lentOut(to);
  }

  override end(trailers?: Fields): void {
    if (this.replaced === undefined) this.inner.end(trailers);
    else this.replaced = "finished";
  }

  override abort(why: string): void {
    if (this.replaced === undefined) this.inner.abort(why);
    else this.replaced = "gone";
  }

  override interim(head: ReplyHead): void {
    if (this.replaced === undefined) this.inner.interim(head);
  }
}
