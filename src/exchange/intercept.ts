/**
 * Error pages in place of the errors that an app or upstream answers with (nginx: proxy_intercept_errors). Stands between
 * it and the reply: a head with such a status, if there is a page for it, is answered with the page, and what follows of
 * that reply is taken and thrown away.
 */
import { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import type { Exchange, Handler } from "./exchange.ts";
import type { Producer, Reply, ReplyState } from "./reply.ts";

/** What the status demands is kept of the reply that is replaced (RFC 9110 sections 15.5.2, 15.5.6, 10.2.3). */
const DEMANDED = ["WWW-Authenticate", "Allow", "Retry-After"] as const;

export function withIntercept(next: Handler): Handler {
  return (exchange) => {
    if (exchange.errorPages?.intercepts === true) exchange.reply = new InterceptedReply(exchange);
    next(exchange);
  };
}

class InterceptedReply implements Reply {
  private readonly exchange: Exchange;
  private readonly inner: Reply;
  /** Where the replaced reply stands; undefined while none was replaced. */
  private replaced: ReplyState | undefined = undefined;
  private replacedProducer: Producer | undefined = undefined;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
    this.inner = exchange.reply;
  }

  get state(): ReplyState {
    return this.replaced ?? this.inner.state;
  }

  get status(): number {
    return this.inner.status;
  }

  get producer(): Producer | undefined {
    return this.replaced === undefined ? this.inner.producer : this.replacedProducer;
  }

  /** The page may have a producer of its own by now. */
  set producer(producer: Producer | undefined) {
    if (this.replaced === undefined) this.inner.producer = producer;
    else this.replacedProducer = producer;
  }

  whole(head: ReplyHead, content: Uint8Array): void {
    if (this.replaces(head)) this.replaced = "finished";
    else this.inner.whole(head, content);
  }

  start(head: ReplyHead): void {
    if (this.replaces(head)) this.replaced = "started";
    else this.inner.start(head);
  }

  data(bytes: Uint8Array): boolean {
    return this.replaced !== undefined || this.inner.data(bytes);
  }

  end(trailers?: Fields): void {
    if (this.replaced === undefined) this.inner.end(trailers);
    else this.replaced = "finished";
  }

  abort(why: string): void {
    if (this.replaced === undefined) this.inner.abort(why);
    else this.replaced = "gone";
  }

  interim(head: ReplyHead): void {
    if (this.replaced === undefined) this.inner.interim(head);
  }

  private replaces(head: ReplyHead): boolean {
    const { exchange, inner } = this;
    const pages = exchange.errorPages;
    if (head.status < 400 || pages === undefined || inner.state !== "waiting") return false;
    // The page goes past us; afterwards the exchange is ours again, for its producer still answers through it.
    inner.producer = undefined;
    exchange.reply = inner;
    const answered = pages.answer(exchange, head.status, demandedOf(head.fields));
    exchange.reply = this;
    return answered;
  }
}

function demandedOf(fields: Fields): Fields | undefined {
  const demanded = DEMANDED.flatMap((name) => fields.all(name.toLowerCase()).map((value) => [name, value] as const));
  return demanded.length === 0 ? undefined : Fields.of(demanded);
}
