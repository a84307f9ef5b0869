/**
 * The client for whom a reply is fetched: is given the pieces at its own pace, while the fetch goes on at the server's. The
 * pieces that wait here are those that the cache keeps anyway.
 */
import type { Producer, Reply } from "../exchange/reply.ts";
import type { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";

export interface FeedOwner {
  /** Nothing waits any more. */
  fed(): void;
  clientGone(): void;
}

export class ClientFeed implements Producer {
  readonly reply: Reply;
  private readonly owner: FeedOwner;
  private readonly queue: Uint8Array[] = [];
  private busy = false;
  private ending: { readonly trailers: Fields | undefined } | undefined = undefined;

  constructor(reply: Reply, owner: FeedOwner) {
    this.reply = reply;
    this.owner = owner;
    reply.producer = this;
  }

  start(head: ReplyHead): void {
    this.reply.start(head);
  }

  /** True when nothing waits, and the bytes are the caller's again. */
  give(bytes: Uint8Array): boolean {
    this.queue.push(bytes);
    this.go();
    return !this.busy && this.queue.length === 0;
  }

  private go(): void {
    const { reply, queue } = this;
    while (queue.length > 0 && !this.busy && reply.state === "started") {
      const first = queue.shift();
      if (first !== undefined) this.busy = !reply.data(first);
    }
    if (this.ending !== undefined && queue.length === 0 && !this.busy && reply.state === "started") {
      reply.end(this.ending.trailers);
    }
  }

  end(trailers: Fields | undefined): void {
    this.ending = { trailers };
    this.go();
  }

  drained(): void {
    this.busy = false;
    this.go();
    if (!this.busy && this.queue.length === 0 && this.ending === undefined) this.owner.fed();
  }

  gone(): void {
    this.queue.length = 0;
    this.owner.clientGone();
  }
}
