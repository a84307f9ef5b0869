/** The reply to a request that may change what is kept: when it is no error, what is kept of that URL is forgotten, before
 *  the client can know (RFC 9111 section 4.4). */
import { DelegatingReply } from "../exchange/delegating-reply.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import { placeOf } from "./request.ts";

export class ChangingReply extends DelegatingReply {
  private readonly exchange: Exchange;
  private readonly changed: (places: readonly string[]) => void;

  constructor(exchange: Exchange, changed: (places: readonly string[]) => void) {
    super(exchange.reply);
    this.exchange = exchange;
    this.changed = changed;
  }

  override whole(head: ReplyHead, content: Uint8Array): void {
    this.judge(head);
    super.whole(head, content);
  }

  override start(head: ReplyHead, more?: boolean): void {
    this.judge(head);
    super.start(head, more);
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
