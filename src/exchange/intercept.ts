/**
 * Error pages in place of the errors that an app or upstream answers with (nginx: proxy_intercept_errors). Stands between
 * it and the reply: a head with such a status, if there is a page for it, is answered with the page, and what follows of
 * that reply is taken and thrown away.
 */
import { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import type { Handler } from "./exchange.ts";
import { ReplaceableReply } from "./replaceable-reply.ts";

/** What the status demands is kept of the reply that is replaced (RFC 9110 sections 15.5.2, 15.5.6, 10.2.3). */
const DEMANDED = ["WWW-Authenticate", "Allow", "Retry-After"] as const;

export function withIntercept(next: Handler): Handler {
  return (exchange) => {
    if (exchange.errorPages?.intercepts === true) exchange.reply = new InterceptedReply(exchange);
    next(exchange);
  };
}

class InterceptedReply extends ReplaceableReply {
  /** To the end, so that an upstream's connection can be used again. */
  protected override dropped(): void {}

  protected override replaces(head: ReplyHead): boolean {
    const { exchange, inner } = this;
    const pages = exchange.errorPages;
    if (head.status < 400 || pages === undefined || inner.state !== "waiting") return false;
    return this.past(() => pages.answer(exchange, head.status, demandedOf(head.fields)));
  }
}

function demandedOf(fields: Fields): Fields | undefined {
  const demanded = DEMANDED.flatMap((name) => fields.all(name.toLowerCase()).map((value) => [name, value] as const));
  return demanded.length === 0 ? undefined : Fields.of(demanded);
}
