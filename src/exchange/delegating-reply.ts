/** A reply that passes everything on to another one: what stands between a handler and the session overrides its part. */
import type { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import type { Producer, Reply, ReplyState } from "./reply.ts";

export class DelegatingReply implements Reply {
  protected readonly inner: Reply;

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

  start(head: ReplyHead): void {
    this.inner.start(head);
  }

  data(bytes: Uint8Array): boolean {
    return this.inner.data(bytes);
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
