/**
 * Puts a spooled body on a connection, behind the head: as fast as the upstream takes it and no more than one turn's
 * buffer ahead.
 */
import type { SpooledBody } from "../exchange/spool.ts";
import type { UpstreamConnection } from "./connection.ts";

/** Read from the temporary file at a time. */
const READ_BYTES = 128 * 1024;

/** Reads per wake-up, so that one upload lets the others have their turn. */
const TURNS_PER_WAKE_MAX = 8;

/** Whoever sends a body on a connection. */
export interface BodyWriter {
  /** Writes what goes now; to be called again when the connection is writable. Throws when the body cannot be read. */
  write(): void;
}

export class RequestWriter implements BodyWriter {
  private readonly connection: UpstreamConnection;
  private readonly body: SpooledBody;
  private offset = 0;
  private buffer: Buffer | undefined = undefined;

  constructor(connection: UpstreamConnection, body: SpooledBody) {
    this.connection = connection;
    this.body = body;
  }

  write(): void {
    if (this.offset === 0) this.writeMemory();
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

  /** All of it at once: what the kernel does not take stays in the outbox, which copies nothing. */
  private writeMemory(): void {
    const content = this.body.bytes();
    if (content === undefined) return;
    this.offset = content.length;
    this.connection.write(content);
  }

  private writePiece(): void {
    const buffer = (this.buffer ??= Buffer.allocUnsafeSlow(READ_BYTES));
    const length = this.body.read(this.offset, buffer);
    this.offset += length;
    this.connection.write(length === buffer.length ? buffer : buffer.subarray(0, length));
  }
}
