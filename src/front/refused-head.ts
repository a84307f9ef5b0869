/**
 * The head of an answer to what never became a request, or is not let in: nothing is known of its site, so it gets the
 * fields that the default site of the listener sets, without one those of the server (nginx: the default server's, too).
 */
import { errorPage } from "../exchange/canned.ts";
import type { Peer } from "../exchange/exchange.ts";
import { finishedHead, type HeaderRules } from "../exchange/reply-headers.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import { unreadExchange } from "./unread-exchange.ts";

export function refusedHead(status: number, peer: Peer, rules: HeaderRules | undefined): ReplyHead {
  const { fields, content } = errorPage(status);
  const head = { status, reason: undefined, fields, length: content.length };
  if (rules === undefined) return head;
  const exchange = unreadExchange(peer);
  exchange.headerRules = rules;
  return finishedHead(exchange, head);
}
