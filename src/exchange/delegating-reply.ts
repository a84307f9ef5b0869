/** A reply that passes everything on to another one: what stands between a handler and the session overrides its part. */
import type { Sendable } from "../os/sendable.ts";
import type { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import type { Borrower, Producer, Reply, ReplyState, Returned } from "./reply.ts";

export class DelegatingReply implements Reply {
  protected inner: Reply;

  constructor(inner: Reply) {
    this.inner = inner;
  }

  get state(): ReplyState {
    return this.inner.state;
  }

  get status(): number {
    return this.inner.status;
  }

  get producer(): Producer | undefined {
    return this.inner.producer;
  }

  set producer(producer: Producer | undefined) {
    this.inner.producer = producer;
  }

  whole(head: ReplyHead, content: Uint8Array): void {
    this.inner.whole(head, content);
  }

  start(head: ReplyHead, more?: boolean): void {
    this.inner.start(head, more);
  }

  data(bytes: Uint8Array): boolean {
    return this.inner.data(bytes);
  }

  /** Undefined where the reply behind has none (Reply.lendData). */
  get lendData(): ((bytes: Uint8Array) => boolean) | undefined {
    return this.inner.lendData === undefined ? undefined : this.lentData;
  }

  protected lentData(bytes: Uint8Array): boolean {
    return this.inner.lendData?.(bytes) ?? true;
  }

  /** Undefined where the reply behind has none (Reply.offer). */
  get offer(): ((bytes: Uint8Array) => number) | undefined {
    return this.inner.offer === undefined ? undefined : this.offered;
  }

  protected offered(bytes: Uint8Array): number {
    return this.inner.offer?.(bytes) ?? 0;
  }

  /** Undefined where the reply behind has none (Reply.offerFrom). */
  get offerFrom(): ((source: Sendable, offset: number, length: number) => number) | undefined {
    return this.inner.offerFrom === undefined ? undefined : this.offeredFrom;
  }

  protected offeredFrom(source: Sendable, offset: number, length: number): number {
    return this.inner.offerFrom?.(source, offset, length) ?? 0;
  }

  get unread(): number | undefined {
    return this.inner.unread;
  }

  /** Undefined where the reply behind has none (Reply.loan). */
  get loan(): ((to: Borrower) => boolean) | undefined {
    return this.inner.loan === undefined ? undefined : this.lentOut;
  }

  protected lentOut(to: Borrower): boolean {
    return this.inner.loan?.(to) ?? false;
  }

  returned(rest: Uint8Array, counts: Returned): boolean {
    return this.inner.returned?.(rest, counts) ?? true;
  }

  end(trailers?: Fields): void {
    this.inner.end(trailers);
  }

  abort(why: string): void {
    this.inner.abort(why);
  }

  drop(): void {
    if (this.inner.drop === undefined) this.inner.abort("the connection cannot be closed without an answer");
    else this.inner.drop();
  }

  interim(head: ReplyHead): void {
    this.inner.interim(head);
  }
}
