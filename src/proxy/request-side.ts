/**
 * The request's side of a transaction: its body, collected before anybody works on it or going on as it comes, and the
 * writing of head and body on one connection after the other, as often as it is tried.
 */
import { answer } from "../exchange/canned.ts";
import type { Member } from "../base/members.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { collectBody, EMPTY_BODY, type SpooledBody, type SpoolFailure, type SpoolOwner } from "../exchange/spool.ts";
import type { Fields } from "../protocol/http/fields.ts";
import { LENGTH_UNKNOWN } from "../protocol/http/message.ts";
import type { UpstreamConnection } from "./connection.ts";
import { RequestStream, type RequestStreamOwner } from "./request-stream.ts";
import { type BodyWriter, RequestWriter } from "./request-writer.ts";
import { isIdempotent } from "./retry.ts";
import type { SettledOptions } from "./settled.ts";
import type { Upstream } from "./upstream.ts";

export interface RequestSideOwner {
  /** It can be sent. */
  requestReady(): void;
  requestRefused(status: number, why: string): void;
  /** The client left, or the session answers it. */
  requestLost(): void;
  /** Its time is over (Upstream.breakOff). */
  brokenOff(): void;
}

export class RequestSide implements SpoolOwner, RequestStreamOwner, Member {
  /** Among those of its upstream whose body is not here yet. */
  place = -1;
  exchange: Exchange;
  private readonly upstream: Upstream;
  private readonly options: SettledOptions;
  private readonly owner: RequestSideOwner;
  private body: SpooledBody = EMPTY_BODY;
  private collecting: "to be begun" | "begun" | "done" | "broken off" = "to be begun";
  private stream: RequestStream | undefined = undefined;
  private connection: UpstreamConnection | undefined = undefined;
  private writer: BodyWriter | undefined = undefined;

  constructor(exchange: Exchange, upstream: Upstream, options: SettledOptions, owner: RequestSideOwner) {
    this.exchange = exchange;
    this.upstream = upstream;
    this.options = options;
    this.owner = owner;
  }

  collect(): void {
    const { exchange, owner } = this;
    const { length } = exchange.body;
    if (length === 0) return owner.requestReady();
    if (!this.streams(length)) return this.collectWhole();
    const { bodyBytesMax } = exchange;
    if (bodyBytesMax > 0 && length > bodyBytesMax) return answer(exchange, 413);
    this.stream = new RequestStream(exchange.body, this);
    owner.requestReady();
  }

  private collectWhole(): void {
    this.collecting = "begun";
    collectBody(this.exchange, this.options.body, this);
    if (this.collecting === "begun") this.upstream.collecting.add(this);
  }

  get route(): object | undefined {
    return this.options.route.identity;
  }

  /** What still comes of the body is nobody's. */
  breakOff(): void {
    this.collectedAll("broken off");
    this.owner.brokenOff();
  }

  private collectedAll(how: "done" | "broken off"): void {
    this.collecting = how;
    this.upstream.collecting.delete(this);
  }

  /** A protocol that needs the length first gets what has none when it is all here. */
  private streams(length: number): boolean {
    const { options, dialect } = this.upstream;
    return options.requestBuffering === false && (length !== LENGTH_UNKNOWN || dialect.takesChunks);
  }

  collected(body: SpooledBody): void {
    if (this.collecting === "broken off") return body.close();
    this.collectedAll("done");
    this.body = body;
    this.owner.requestReady();
  }

  /** For all but `storage` the session answers. */
  failed(why: SpoolFailure, detail?: string): void {
    if (this.collecting === "broken off") return;
    this.collectedAll("done");
    if (why === "storage") this.owner.requestRefused(507, detail ?? "the request body cannot be stored");
    else this.owner.requestLost();
  }

  bodyFailed(): void {
    this.owner.requestLost();
  }

  passable(trailers: Fields | undefined): Fields | undefined {
    return this.upstream.dialect.passableTrailers(this.exchange, trailers);
  }

  /** For the error log. */
  get name(): string {
    const { head, peer } = this.exchange;
    return `request "${head.method} ${head.target}" of ${peer.remoteAddress}`;
  }

  /** Has the server not seen it, or does it not matter? */
  mayRepeatOn(connection: UpstreamConnection): boolean {
    return this.repeatable && (connection.bytesWritten === 0 || isIdempotent(this.exchange.head.method));
  }

  /** Was there no body? */
  get isBare(): boolean {
    return this.body === EMPTY_BODY && this.stream === undefined;
  }

  /** Can it be sent (again) from its first byte? */
  get repeatable(): boolean {
    return this.stream?.consumed !== true;
  }

  /** Does nothing more of it depend on the client? */
  get complete(): boolean {
    return this.stream === undefined;
  }

  /** Head and, if it is small, body with one write. */
  sendTo(connection: UpstreamConnection): void {
    const { exchange, upstream, options, body, stream } = this;
    const { dialect } = upstream;
    const length = dialect.encode(exchange, stream?.length ?? body.length, upstream.host, options.route);
    if (length === -1) {
      return this.owner.requestRefused(431, "the request head does not fit in a packet of 65535 bytes");
    }
    const { bytes } = dialect;
    const content = stream === undefined ? body.bytes() : undefined;
    const joined = content !== undefined && length + content.length <= bytes.length;
    if (joined && content.length > 0) bytes.set(content, length);
    const written = connection.writeCopying(bytes, joined ? length + content.length : length);
    this.connection = connection;
    if (!joined) this.beginBody(connection);
    else if (written) connection.requestWritten();
  }

  private beginBody(connection: UpstreamConnection): void {
    if (this.stream === undefined) {
      this.writer = new RequestWriter(connection, this.body);
    } else {
      this.stream.sendTo(connection);
      this.writer = this.stream;
    }
    this.goOn();
  }

  /** The connection takes more. */
  goOn(): void {
    try {
      if (this.writer !== undefined) this.writer.write();
      else if (this.connection?.written === true) this.connection.requestWritten();
    } catch (error) {
      this.owner.requestRefused(500, `the request body cannot be read back: ${(error as Error).message}`);
    }
  }

  /** The connection is given up; there may be another. */
  detach(): void {
    this.connection = undefined;
    this.writer = undefined;
  }

  close(): void {
    this.detach();
    this.body.close();
    this.stream?.close();
  }
}
