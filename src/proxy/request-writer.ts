/**
 * Puts one request on a connection: its head, then the spooled body, as fast as the upstream takes it and no more than
 * one turn's buffer ahead.
 */
import { concat } from "../base/bytes.ts";
import type { SpooledBody } from "../exchange/spool.ts";
import type { UpstreamConnection } from "./connection.ts";

/** Read from the temporary file at a time. */
const READ_BYTES = 128 * 1024;

/** Reads per wake-up, so that one upload lets the others have their turn. */
const TURNS_PER_WAKE_MAX = 8;

/** A body up to this size is copied behind the head: one write instead of two. */
const JOIN_BYTES_MAX = 16 * 1024;

export class RequestWriter {
  private readonly connection: UpstreamConnection;
  private readonly body: SpooledBody;
  private head: Uint8Array | undefined;
  private offset = 0;
  private buffer: Buffer | undefined = undefined;

  constructor(connection: UpstreamConnection, head: Uint8Array, body: SpooledBody) {
    this.connection = connection;
    this.body = body;
    this.head = head;
  }

  /** Writes what goes now; to be called again when the connection is writable. Throws when the body cannot be read. */
  write(): void {
    if (this.head !== undefined) this.writeHead(this.head);
    let turns = TURNS_PER_WAKE_MAX;
    while (this.offset < this.body.length && this.connection.written) {
      if (turns-- === 0) return void setImmediate(() => this.goOn());
      this.writePiece();
    }
    if (this.offset === this.body.length && this.connection.written) this.connection.requestWritten();
  }

  /** A turn later: through the connection, so that its guard holds and a request that is over is not gone on with. */
  private goOn(): void {
    this.connection.drained();
  }

  private writeHead(head: Uint8Array): void {
    this.head = undefined;
    const content = this.body.bytes();
    if (content === undefined) return void this.connection.write(head);
    // All of it: what the kernel does not take stays in the outbox, which copies nothing.
    this.offset = content.length;
    if (content.length <= JOIN_BYTES_MAX) return void this.connection.write(concat(head, content));
    this.connection.write(head);
    this.connection.write(content);
  }

  private writePiece(): void {
    const buffer = (this.buffer ??= Buffer.allocUnsafeSlow(READ_BYTES));
    const length = this.body.read(this.offset, buffer);
    this.offset += length;
    this.connection.write(length === buffer.length ? buffer : buffer.subarray(0, length));
  }
}
