/**
 * One request and its reply, whatever protocol carried it: HTTP/1.1 and the uwsgi protocol today, HTTP/2 later.
 * A handler is a function of an exchange; it answers through `exchange.reply`, now or later, exactly once.
 */
import type { RequestHead } from "../protocol/http/message.ts";
import type { RequestBody } from "./body.ts";
import type { Reply } from "./reply.ts";

/** Where the request came from. One object per connection, shared by its exchanges. */
export interface Peer {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Scheme https, as far as it can be believed. */
  readonly secure: boolean;
}

export type Handler = (exchange: Exchange) => void;

export class Exchange {
  /** Names this request in logs and in the app channel; unique in its front thread. */
  readonly id: number;
  readonly head: RequestHead;
  readonly peer: Peer;
  readonly body: RequestBody;
  readonly reply: Reply;
  /** `HTTP/1.1`, as the access log and SERVER_PROTOCOL show it. */
  readonly protocol: string;
  /** CGI variables from a gateway in front of us (uwsgi protocol); undefined when the client speaks HTTP to us. */
  readonly params: ReadonlyMap<string, string> | undefined;
  /** base/clock monotonicMs at the first byte of the request. */
  readonly startedMs: number;

  /** Canonical name of the site that answers; "" before one is chosen. */
  site = "";
  /** Path prefix of the route that matched, without its closing slash: SCRIPT_NAME of an app mounted there. */
  mount = "";
  /** Largest body this route takes, bytes; 0 for no bound. */
  bodyBytesMax = 0;

  constructor(facts: ExchangeFacts) {
    this.id = facts.id;
    this.head = facts.head;
    this.peer = facts.peer;
    this.body = facts.body;
    this.reply = facts.reply;
    this.protocol = facts.protocol;
    this.params = facts.params;
    this.startedMs = facts.startedMs;
  }
}

export interface ExchangeFacts {
  readonly id: number;
  readonly head: RequestHead;
  readonly peer: Peer;
  readonly body: RequestBody;
  readonly reply: Reply;
  readonly protocol: string;
  readonly params: ReadonlyMap<string, string> | undefined;
  readonly startedMs: number;
}
