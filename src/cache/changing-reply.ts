/** The reply to a request that may change what is kept: when it is no error, what is kept of that URL is forgotten, before
 *  the client can know (RFC 9111 section 4.4). */
import type { Exchange } from "../exchange/exchange.ts";
import type { Producer, Reply, ReplyState } from "../exchange/reply.ts";
import type { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import { placeOf } from "./request.ts";

export class ChangingReply implements Reply {
  private readonly exchange: Exchange;
  private readonly inner: Reply;
  private readonly changed: (places: readonly string[]) => void;

  constructor(exchange: Exchange, changed: (places: readonly string[]) => void) {
    this.exchange = exchange;
    this.inner = exchange.reply;
    this.changed = changed;
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
    this.judge(head);
    this.inner.whole(head, content);
  }

  start(head: ReplyHead): void {
    this.judge(head);
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

  interim(head: ReplyHead): void {
    this.inner.interim(head);
  }

  /** Also what Location and Content-Location name, on the same host: elsewhere it would be a way to empty other caches. */
  private judge({ status, fields }: ReplyHead): void {
    if (status < 200 || status >= 400) return;
    const { head } = this.exchange;
    const named = ["location", "content-location"].flatMap((name) => fields.all(name));
    this.changed([placeOf(this.exchange), ...named.flatMap((url) => placeOfUrl(url, head.host, head.rawPath))]);
  }
}

function placeOfUrl(url: string, host: string, base: string): string[] {
  if (!URL.canParse(url, `http://${host}${base}`)) return [];
  const { hostname, pathname, search } = new URL(url, `http://${host}${base}`);
  return hostname === host ? [`${host}${pathname}${search}`] : [];
}
