/**
 * A request as the packet that a Python thread receives: header, WSGI environ, inline body, in one buffer that every
 * request uses again. PEP 3333 "environ Variables"; what is the same for all requests (wsgi.version, wsgi.errors…) is
 * added by python/worker.py. Nothing that a client sends can name a `wsgi.` key.
 */
import type { CgiSink } from "../exchange/cgi.ts";
import { cgiVariables, isSecure, pathInfo, scriptName } from "../exchange/cgi.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { SpooledBody } from "../exchange/spool.ts";
import * as frames from "./frames.ts";
import { MarshalWriter } from "./marshal.ts";

/** What the channel knows about a request beside the exchange. */
export interface Addressing {
  readonly id: number;
  readonly front: number;
  readonly epoch: number;
  /** CLOCK_MONOTONIC. */
  readonly deadlineMs: number;
  /** How long it may run; 0 for any time. */
  readonly limitMs: number;
  /** May the client's connection be asked for? */
  readonly lends: boolean;
}

export class RequestEncoder implements CgiSink {
  readonly buffer = Buffer.allocUnsafeSlow(frames.REQUEST_FRAME_BYTES_MAX);
  private readonly view = new DataView(this.buffer.buffer);
  private readonly writer = new MarshalWriter(this.buffer);

  /** Bytes of the packet at the beginning of `buffer`; 0 when it is larger than a packet may be. */
  encode(exchange: Exchange, body: SpooledBody, to: Addressing): number {
    const { writer } = this;
    writer.begin(frames.REQUEST_HEADER_BYTES);
    this.environ(exchange, body.length);
    const environBytes = writer.position - frames.REQUEST_HEADER_BYTES;
    const inline = body.length <= frames.INLINE_BODY_BYTES_MAX ? body.bytes() : undefined;
    if (inline !== undefined) writer.bytes(inline);
    if (writer.overflowed) return 0;
    frames.writeRequestHeader(this.view, {
      id: to.id,
      front: to.front,
      flags: flagsOf(exchange, inline === undefined, to.lends),
      epoch: to.epoch,
      environBytes,
      bodyBytes: inline?.length ?? 0,
      deadlineMs: to.deadlineMs,
      limitMs: to.limitMs,
    });
    return writer.position;
  }

  private environ(exchange: Exchange, contentLength: number): void {
    const { writer } = this;
    writer.beginDict();
    writer.pair("SCRIPT_NAME", scriptName(exchange));
    writer.pair("PATH_INFO", pathInfo(exchange));
    writer.pair("wsgi.url_scheme", isSecure(exchange) ? "https" : "http");
    cgiVariables(exchange, contentLength, this);
    // Behind what the client sent: of two the later counts, and a client does not name its own requests (request-id.ts).
    writer.pair("HTTP_X_REQUEST_ID", exchange.requestId);
    writer.endDict();
  }

  variable(name: string, value: string): void {
    this.writer.pair(name, value);
  }
}

function flagsOf(exchange: Exchange, pulled: boolean, lends: boolean): number {
  const head = exchange.head.method === "HEAD" ? frames.FLAG_HEAD_METHOD : 0;
  const flags = pulled ? head | frames.FLAG_PULLED_BODY : head;
  return lends ? flags | frames.FLAG_LENDS : flags;
}
