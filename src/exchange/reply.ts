/**
 * The sink of a reply. The session that carries the exchange implements it; framing, HEAD, 204/304, Date and
 * keep-alive are its business. Handlers say what to send, in one of two ways:
 *
 *   reply.whole(head, bytes)                                     one call, one write
 *   reply.start(head); reply.data(…)…; reply.end()               a stream; or reply.abort(why) if it breaks
 */
import type { Sendable } from "../os/sendable.ts";
import { copyOf } from "../base/bytes.ts";
import type { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";

/** `waiting` nothing sent · `started` head sent · `finished` by end/whole · `gone` the client left or abort. */
export type ReplyState = "waiting" | "started" | "finished" | "gone";

/** Head and content at once. `lent`: the content is somebody else's after the call. */
export function giveWhole(reply: Reply, head: ReplyHead, content: Uint8Array, lent: boolean): void {
  if (!lent) reply.whole(head, content);
  else if (reply.lend !== undefined) reply.lend(head, content);
  else reply.whole(head, copyOf(content));
}

/** As reply.whole, by who knows nothing of the exchange after the call (Reply.resign). */
export function lastly(reply: Reply, head: ReplyHead, content: Uint8Array): void {
  reply.resign?.();
  reply.whole(head, content);
}

/** Told what happens to the reply that it makes. */
export interface Producer {
  /** The bytes given last were taken: more may be given. Not called after `end`. */
  drained(): void;
  /** The client left (or the server stops): stop working; nothing more can be sent. Called once, and never after
   *  `finished`. */
  gone(): void;
}

/** Takes the descriptor of a client's connection, on which whatever was given before is, to write content to it: in chunks (RFC 9112
 *  section 7.1) or, where a length was announced, as it is. False: it did not get there. */
export type Borrower = (descriptor: number, isChunked: boolean) => boolean;

/** What went to the client while its connection was lent; bytes. */
export interface Returned {
  /** Content, with that in the rest which comes with it. */
  readonly content: number;
  /** Written, chunk headers and the like among them. */
  readonly written: number;
}

export interface Reply {
  readonly state: ReplyState;
  /** Status sent, 0 before. */
  readonly status: number;
  /** Set by a handler that goes on working after it returned. */
  producer: Producer | undefined;
  /** Head and content at once. `content` may be longer than what is sent (HEAD, 304): the session cuts it. The bytes
   *  are the session's until the exchange is over: they must not be changed. */
  whole(head: ReplyHead, content: Uint8Array): void;
  /** As whole, but the bytes are the caller's again after the call: what is not sent at once is copied. Undefined where
   *  bytes are changed on their way. */
  readonly lend?: ((head: ReplyHead, content: Uint8Array) => void) | undefined;
  /** Whoever calls it calls `whole` or `lend` next, and knows nothing of the exchange after that: the session may use it for
   *  another request (front/exchanges.ts). Undefined where somebody between goes on knowing of it. */
  resign?(): void;
  /** `more`: content follows before the caller returns to the loop, so that both may be sent together. */
  start(head: ReplyHead, more?: boolean): void;
  /** True: all of it was taken, go on, the buffer is yours again. False: the session holds the bytes (do not change
   *  them) and wants no more until `producer.drained()`. Bytes beyond the announced length are cut. */
  data(bytes: Uint8Array): boolean;
  /** As data, but the bytes are the caller's again after the call: what is not taken at once is copied. Undefined where bytes are
   *  changed on their way. */
  readonly lendData?: ((bytes: Uint8Array) => boolean) | undefined;
  /** As data, but nothing is held: how many of the bytes were taken. After fewer than all `producer.drained()` tells when to
   *  offer the rest again. For sources that can be read twice; undefined where bytes are changed on their way. */
  readonly offer?: ((bytes: Uint8Array) => number) | undefined;
  /** As offer, of the bytes at `offset` of what the kernel sends by itself. Undefined, too, where the connection cannot take them from
   *  there. */
  readonly offerFrom?: ((source: Sendable, offset: number, length: number) => number) | undefined;
  /** Bytes that were taken and that the client has not read, where that is a program of this machine; undefined where nobody knows, or
   *  bytes are changed on their way. */
  readonly unread?: number | undefined;
  /** Lends the client's connection while all that was given is on it. Until `returned` nothing else of this reply is written. False: it
   *  is not to be had now. Undefined where bytes are changed on their way, or the connection has no descriptor that bytes can be
   *  written to. */
  readonly loan?: ((to: Borrower) => boolean) | undefined;
  /** The loan is over. `rest` goes to the client next, as it is (the end of a chunk); for the rest as data. */
  returned?(rest: Uint8Array, counts: Returned): boolean;
  /** The reply is complete. If fewer bytes than announced were given, the client sees a truncated reply. Trailers reach a
   *  client that takes them (RFC 9110 section 6.5) when the length was not known; for others they are dropped. */
  end(trailers?: Fields): void;
  /** The reply cannot be completed: the client must see that. Before `start` it is a plain 502. */
  abort(why: string): void;
  /** Closes the connection without an answer (nginx: 444), as long as nothing was sent; undefined where that cannot be. */
  drop?(): void;
  /** An interim reply such as 103 (RFC 9110 section 15.2); dropped for HTTP/1.0 clients. */
  interim(head: ReplyHead): void;
}

/** Of a request whose client is no longer there, or never was: it takes everything and sends nothing. */
export const GONE_REPLY: Reply = {
  state: "gone",
  status: 0,
  producer: undefined,
  whole: () => {},
  start: () => {},
  data: () => true,
  end: () => {},
  abort: () => {},
  interim: () => {},
};
