/** HTTP/1.1 to an upstream (RFC 9112), with persistent connections. The message is written anew from parsed fields. */
import type { Exchange } from "../exchange/exchange.ts";
import { applyRules, fieldValue } from "../exchange/reply-headers.ts";
import { evaluate } from "../exchange/template.ts";
import { type FieldName, fieldName, Fields } from "../protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type RequestHead } from "../protocol/http/message.ts";
import { ClientConnection } from "../protocol/http1/client.ts";
import { DEFAULT_HEAD_LIMITS } from "../protocol/http1/limits.ts";
import { ResponseMemo } from "../protocol/http1/response-memo.ts";
import { RequestHeadWriter } from "../protocol/http1/write-request.ts";
import type { Dialect } from "./dialect.ts";
import { clientFields, type ForwardRules, ownFields, ownFieldsStay, requestFields } from "./forward.ts";
import { addHopFields, connectionOptions } from "./hops.ts";
import type { ProxyOptions, UpstreamOptions } from "./options.ts";
import { RepeatedBytes } from "./repeated-bytes.ts";
import { type PieceWriter, RepeatedRequests } from "./repeated-request.ts";
import { announcedTrailers, requestTrailers } from "./request-trailers.ts";
import { strippedTarget, uriTarget } from "./target.ts";
import { addUpgrade, offeredUpgrade } from "./upgrade.ts";

export function makeHttpDialect(options: UpstreamOptions): Dialect {
  return new HttpDialect(options);
}

const TRAILER = fieldName("Trailer");

/** One for each front: requests are encoded one at a time. */
const writer = new RequestHeadWriter();

class HttpDialect implements Dialect, PieceWriter {
  readonly isHttpHop = true;
  /** False: each request asks for its connection to be closed (keepalive = 0). */
  readonly keepsAlive: boolean;
  readonly takesChunks = true;
  private readonly options: UpstreamOptions;
  private readonly via: boolean;
  private readonly repeated: RepeatedRequests;
  private readonly last = new RepeatedBytes();
  bytes: Buffer = writer.bytes;
  private readonly memo = new ResponseMemo();

  constructor(options: UpstreamOptions) {
    this.options = options;
    this.keepsAlive = options.keepalive > 0;
    this.via = options.via ?? true;
    this.repeated = new RepeatedRequests(options);
  }

  makeParser(): ClientConnection {
    return new ClientConnection(DEFAULT_HEAD_LIMITS, this.memo);
  }

  encode(exchange: Exchange, bodyLength: number, fallbackHost: string, route: ProxyOptions): number {
    const { repeated, last } = this;
    const alike = repeated.isAlike(exchange, bodyLength, route);
    const known = alike ? last.find(exchange, route) : undefined;
    if (known !== undefined) {
      this.bytes = known;
      return known.length;
    }
    const length = alike
      ? repeated.write(exchange, fallbackHost, route, writer, this)
      : this.write(exchange, bodyLength, fallbackHost, route);
    this.bytes = writer.bytes;
    if (alike) last.keep(exchange, route, writer.bytes, length);
    return length;
  }

  private write(exchange: Exchange, bodyLength: number, fallbackHost: string, route: ProxyOptions): number {
    const { headersUp } = this.options;
    if (headersUp === undefined) {
      this.writeBegin(exchange, fallbackHost, route);
      if (ownFieldsStay(exchange)) writer.addLines(this.repeated.ownLinesOf(exchange).text);
      else ownFields(exchange, writer, this.via);
    } else {
      const fields = new Fields();
      requestFields(exchange, fields, this.rulesOf(exchange, fallbackHost));
      applyRules(headersUp, fields, exchange);
      writer.begin(exchange.head.method, targetOf(exchange, route));
      for (let i = 0; i < fields.length; i++) writer.add(fields.names[i] as FieldName, fields.values[i] as string);
    }
    return this.writeEnd(exchange, bodyLength);
  }

  writeBegin(exchange: Exchange, fallbackHost: string, route: ProxyOptions): void {
    writer.begin(exchange.head.method, targetOf(exchange, route));
    clientFields(exchange, writer, this.rulesOf(exchange, fallbackHost));
  }

  writeEnd(exchange: Exchange, bodyLength = 0): number {
    addHopFields(exchange, writer);
    const announced = bodyLength === LENGTH_UNKNOWN ? announcedTrailers(exchange, this.options.headersUp) : undefined;
    if (announced !== undefined) writer.add(TRAILER, announced);
    const upgrade = offeredUpgrade(exchange, this.options);
    if (upgrade !== "") addUpgrade(exchange, upgrade, writer);
    return writer.finish(bodyLength, connectionOptions(exchange, this.keepsAlive, upgrade !== ""));
  }

  passableTrailers(exchange: Exchange, sent: Fields | undefined): Fields | undefined {
    return requestTrailers(exchange, sent, this.options.headersUp);
  }

  private rulesOf(exchange: Exchange, fallbackHost: string): ForwardRules {
    return { host: this.hostOf(exchange), fallbackHost, via: this.via };
  }

  /** Undefined, also when the template gives nothing: the client's. */
  private hostOf(exchange: Exchange): string | undefined {
    const { host } = this.options;
    if (host === undefined) return undefined;
    const value = fieldValue(evaluate(host, exchange));
    return value === "" ? undefined : value;
  }
}

function targetOf(exchange: Exchange, route: ProxyOptions): string {
  if (route.uri !== undefined) return uriTarget(exchange, route.uri);
  if (route.stripPrefix === true && exchange.mount !== "") return strippedTarget(exchange);
  return originTarget(exchange.head);
}

/** RFC 9112 section 3.2.1: an origin server is asked in origin-form, path and query byte for byte. */
function originTarget(head: RequestHead): string {
  if (head.form !== "absolute") return head.target;
  // Section 3.2.4: no path and no query, and the method is OPTIONS: the whole server is asked.
  if (head.method === "OPTIONS" && /^[a-z]+:\/\/[^/?#]*$/i.test(head.target)) return "*";
  return head.query === undefined ? head.rawPath : `${head.rawPath}?${head.query}`;
}
