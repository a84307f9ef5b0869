/**
 * A dialect: the few things in which upstream protocols differ, for the one engine (transaction.ts). How a request is
 * put on the wire, how a reply is read, and whether a connection can serve another request.
 */
import type { Exchange } from "../exchange/exchange.ts";
import type { Fields } from "../protocol/http/fields.ts";
import type { ProxyOptions } from "./options.ts";

export type ReplyEvent = "need-data" | "interim" | "head" | "data" | "end" | "failed";

export interface UpstreamReplyHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
  /** Content bytes; LENGTH_UNKNOWN for chunked and until-close. */
  readonly length: number;
  /** Does the upstream keep the connection open? */
  readonly persistent: boolean;
  /** The Keep-Alive field. */
  readonly keepAlive: string | undefined;
  /** Has this very object been a head before? Then it is one that comes again and again. */
  readonly repeats: boolean;
}

/** Reads one reply at a time; pulled (protocol/http1/client.ts is one). */
export interface ReplyParser {
  /** Before each request: HEAD replies have no content. */
  expect(method: string): void;
  /** Takes ownership of the bytes. */
  receive(bytes: Uint8Array): void;
  /** They were only lent: from now on it keeps nothing of them but in copies. */
  own(): void;
  /** May the end of the connection be that of the reply? */
  readonly mayEndWithConnection: boolean;
  /** `isCertain`: it is the server's own end, not one that somebody on the way may have made. */
  receivedEnd(isCertain: boolean): void;
  next(): ReplyEvent;
  /** Valid after "head" and "interim". */
  readonly head: UpstreamReplyHead;
  /** Valid after "data"; the memory is not written to again, unless it was lent. */
  readonly data: Uint8Array;
  /** Valid after "end". Not every protocol has them. */
  readonly trailers?: Fields | undefined;
  readonly failure: { readonly code: string; readonly message: string };
  /** After the head of a 101: what came behind it. Of protocols that know upgrades. */
  takeBuffered?(): Uint8Array;
  /** More than one reply has arrived: the connection is not to be used again. */
  readonly surplus: boolean;
}

export interface Dialect {
  /** Is the server behind it a further hop of HTTP, so that hops are counted (RFC 9110 section 7.6.2)? */
  readonly isHttpHop: boolean;
  readonly keepsAlive: boolean;
  /** Can it send a body whose length is not known before its end? */
  readonly takesChunks: boolean;
  makeParser(): ReplyParser;
  /** Puts what precedes the body at the beginning of `bytes` and returns how many bytes that is; -1 when the request does
   *  not fit the protocol (431). `fallbackHost` is for requests that name none. */
  encode(exchange: Exchange, bodyLength: number, fallbackHost: string, route: ProxyOptions): number;
  /** Of the trailers that came behind a request in chunks those that go on; undefined: none do. */
  passableTrailers(exchange: Exchange, sent: Fields | undefined): Fields | undefined;
  /** Used again for the next request. */
  readonly bytes: Buffer;
}
