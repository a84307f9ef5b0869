/**
 * The answer to what never became a request, or is not let in: nothing is known of its site, so it gets the error pages and
 * the fields of the default site of the listener, without one the fields of the server (nginx: the default server's, too).
 * Pages are files and texts here: another path of the site would be asked with a request, and there is none.
 */
import { EMPTY } from "../base/bytes.ts";
import { answer, errorPage } from "../exchange/canned.ts";
import type { Peer } from "../exchange/exchange.ts";
import type { Reply } from "../exchange/reply.ts";
import { finishedHead } from "../exchange/reply-headers.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import type { RefusalOptions } from "./options.ts";
import { unreadExchange } from "./unread-exchange.ts";

export interface RefusedReply {
  readonly head: ReplyHead;
  readonly content: Uint8Array;
}

export function refusedReply(status: number, peer: Peer, options: RefusalOptions = {}): RefusedReply {
  const { refusalRules, refusalPages } = options;
  if (refusalRules === undefined && refusalPages === undefined) return plainRefusal(status);
  const exchange = unreadExchange(peer);
  exchange.headerRules = refusalRules;
  exchange.errorPages = refusalPages;
  const reply = new HeldReply();
  exchange.reply = reply;
  answer(exchange, status);
  return { head: finishedHead(exchange, reply.head), content: reply.content };
}

function plainRefusal(status: number): RefusedReply {
  const { fields, content } = errorPage(status);
  return { head: { status, reason: undefined, fields, length: content.length }, content };
}

/** Keeps what it is given at once; nobody answers otherwise here. */
class HeldReply implements Reply {
  state: Reply["state"] = "waiting";
  status = 0;
  producer = undefined;
  head: ReplyHead = plainRefusal(500).head;
  content: Uint8Array = EMPTY;

  whole(head: ReplyHead, content: Uint8Array): void {
    this.state = "finished";
    this.status = head.status;
    this.head = head;
    this.content = content;
  }

  start(): void {}
  data(): boolean {
    return true;
  }
  end(): void {}
  abort(): void {}
  interim(): void {}
}
