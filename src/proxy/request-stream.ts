/**
 * A request body that goes on as it comes (`request_buffering = false`), with back-pressure: while the upstream does not
 * take it, the client is not read. Chunked when its length is not known. Once a byte has come the request cannot be sent
 * a second time.
 */
import { asBuffer } from "../base/bytes.ts";
import type { BodyFailure, BodyReader, RequestBody } from "../exchange/body.ts";
import type { Fields } from "../protocol/http/fields.ts";
import { LENGTH_UNKNOWN } from "../protocol/http/message.ts";
import { CHUNK_END, chunkHeader, encodeLastChunk, LAST_CHUNK } from "../protocol/http1/write.ts";
import type { UpstreamConnection } from "./connection.ts";
import type { BodyWriter } from "./request-writer.ts";

export interface RequestStreamOwner {
  /** The client left or sent what is no body; the session answers, if there is somebody to answer to. */
  bodyFailed(): void;
  /** Of the trailers that came, those that go on. */
  passable(trailers: Fields | undefined): Fields | undefined;
}

export class RequestStream implements BodyWriter, BodyReader {
  readonly length: number;
  /** Has a byte come that is not here any more? */
  consumed = false;
  private readonly body: RequestBody;
  private readonly owner: RequestStreamOwner;
  private connection: UpstreamConnection | undefined = undefined;
  /** What ends the chunks, once it is known; and on which connection it is. */
  private ending: Buffer | undefined = undefined;
  private endedOn: UpstreamConnection | undefined = undefined;
  private state: "unread" | "reading" | "paused" | "ended" | "over" = "unread";

  constructor(body: RequestBody, owner: RequestStreamOwner) {
    this.body = body;
    this.length = body.length;
    this.owner = owner;
  }

  /** The head is on this connection. */
  sendTo(connection: UpstreamConnection): void {
    this.connection = connection;
  }

  write(): void {
    if (this.state === "ended") return this.writeEnd();
    if (this.connection?.written !== true) return;
    const before = this.state;
    if (before !== "unread" && before !== "paused") return;
    this.state = "reading";
    if (before === "unread") this.body.read(this);
    else this.body.resume();
  }

  bodyData(bytes: Uint8Array): void {
    if (this.state === "over" || bytes.length === 0) return;
    this.consumed = true;
    const framed = this.length === LENGTH_UNKNOWN ? chunkOf(bytes) : bytes;
    if (this.connection?.writeCopying(framed, framed.length) === true || this.state !== "reading") return;
    this.state = "paused";
    this.body.pause();
  }

  bodyEnd(trailers?: Fields): void {
    if (this.state === "over") return;
    this.state = "ended";
    if (this.length === LENGTH_UNKNOWN) this.ending = lastChunk(this.owner.passable(trailers));
    this.writeEnd();
  }

  /** Of a body without content on another connection, too, when the first could not take it. */
  private writeEnd(): void {
    const { connection, ending } = this;
    if (connection === undefined) return;
    if (ending !== undefined && this.endedOn !== connection) {
      this.endedOn = connection;
      connection.write(ending);
    }
    if (connection.written) connection.requestWritten();
  }

  bodyFailed(_why: BodyFailure): void {
    if (this.state === "over") return;
    this.state = "over";
    this.owner.bodyFailed();
  }

  /** What still comes is the session's to discard. */
  close(): void {
    const before = this.state;
    this.state = "over";
    this.connection = undefined;
    if (before === "paused") this.body.resume();
  }
}

function chunkOf(bytes: Uint8Array): Buffer {
  return Buffer.concat([chunkHeader(bytes.length), asBuffer(bytes), CHUNK_END]);
}

function lastChunk(trailers: Fields | undefined): Buffer {
  return trailers === undefined ? LAST_CHUNK : encodeLastChunk(trailers);
}
