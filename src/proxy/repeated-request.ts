/**
 * Requests that come again and again, byte for byte (http1/head-memo.ts): what such a head becomes for the upstream is worked
 * out once and then put together from three pieces.
 *
 *   request line, Host, the client's fields │ who the client is │ this hop's fields, framing, Connection
 *   kept with the head                        of the connection    kept with the head
 *
 * Nothing is decided here: the pieces are what dialect-http.ts writes for a head that comes once. What depends on more than
 * the head and the route is not kept (isAlike).
 */
import type { Exchange } from "../exchange/exchange.ts";
import type { RequestHead } from "../protocol/http/message.ts";
import { FieldLines, type RequestHeadWriter } from "../protocol/http1/write-request.ts";
import { hostField, ownFields, ownFieldsStay } from "./forward.ts";
import type { ProxyOptions, UpstreamOptions } from "./options.ts";

/** Before and behind the fields that say who the client is. */
interface Pieces {
  readonly begin: Buffer;
  readonly end: Buffer;
  readonly route: ProxyOptions;
  readonly mount: string;
  readonly underscores: boolean;
}

interface OwnLines {
  readonly host: string;
  readonly port: number | undefined;
  readonly protocol: string;
  readonly bytes: Buffer;
  readonly text: string;
}

/** Writes begin or end with a RequestHeadWriter. */
export interface PieceWriter {
  writeBegin(exchange: Exchange, fallbackHost: string, route: ProxyOptions): void;
  writeEnd(exchange: Exchange): number;
}

export class RepeatedRequests {
  private readonly kept = new WeakMap<RequestHead, Pieces>();
  private readonly own = new WeakMap<Exchange["peer"], OwnLines>();
  private readonly via: boolean;
  /** Does no option of the upstream look at the request? */
  private readonly isPlain: boolean;

  constructor({ via = true, headersUp, host }: UpstreamOptions) {
    this.via = via;
    this.isPlain = headersUp === undefined && (host === undefined || host.constant !== undefined);
  }

  /** Is the request of this exchange the same whenever its head comes, but for who the client is? */
  isAlike(exchange: Exchange, bodyLength: number, route: ProxyOptions): boolean {
    const { head } = exchange;
    if (head.repeats !== true || bodyLength !== 0 || !this.isPlain) return false;
    return head.upgrade === undefined && route.uri === undefined && ownFieldsStay(exchange);
  }

  /** The bytes of the head, which is at the beginning of `into.bytes` then. */
  write(
    exchange: Exchange,
    fallbackHost: string,
    route: ProxyOptions,
    into: RequestHeadWriter,
    pieces: PieceWriter,
  ): number {
    const { begin, end } = this.find(exchange, route) ?? this.make(exchange, fallbackHost, route, into, pieces);
    return into.join(begin, this.ownLinesOf(exchange).bytes, end);
  }

  private find({ head, mount, passesUnderscores }: Exchange, route: ProxyOptions): Pieces | undefined {
    const kept = this.kept.get(head);
    if (kept === undefined || kept.route !== route || kept.mount !== mount) return undefined;
    return kept.underscores === passesUnderscores ? kept : undefined;
  }

  private make(
    exchange: Exchange,
    fallbackHost: string,
    route: ProxyOptions,
    writer: RequestHeadWriter,
    pieces: PieceWriter,
  ): Pieces {
    const { head, mount, passesUnderscores: underscores } = exchange;
    pieces.writeBegin(exchange, fallbackHost, route);
    const begin = writer.split();
    const end = Buffer.from(writer.bytes.subarray(0, pieces.writeEnd(exchange)));
    const made = { begin, end, route, mount, underscores };
    this.kept.set(head, made);
    return made;
  }

  /** Our fields: the same for every request of a connection, as long as it asks for one host. */
  ownLinesOf(exchange: Exchange): OwnLines {
    const { peer, head, protocol } = exchange;
    const host = hostField(exchange);
    const kept = this.own.get(peer);
    if (kept !== undefined && kept.host === host && kept.protocol === protocol && kept.port === head.hostPort) {
      return kept;
    }
    const lines = new FieldLines();
    ownFields(exchange, lines, this.via);
    const { text } = lines;
    const made = { host, port: head.hostPort, protocol, text, bytes: Buffer.from(text, "latin1") };
    this.own.set(peer, made);
    return made;
  }
}
