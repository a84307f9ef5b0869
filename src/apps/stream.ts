/**
 * The front's end of the stream from one Python thread: frames in, answers to PULL out. One request runs on it at a
 * time. It lives until the worker is gone, whose last words are read before anyone is told that it closed.
 */
import { closeSync } from "node:fs";
import { connect } from "../net/connect.ts";
import type { ConnectOwner } from "../net/connect-address.ts";
import { Outbox } from "../net/outbox.ts";
import type { Wire } from "../net/wire.ts";
import type { FileInboxes } from "./file-inbox.ts";
import {
  cancelFrame,
  failFrame,
  loanFrame,
  noLoanFrame,
  FRAME_HEADER_BYTES,
  type FrameEvent,
  FrameReader,
  PULL_BYTES_MAX,
  readFilePart,
  readReturned,
  writeDataHeader,
} from "./frames.ts";
import type { AppRequest } from "./request.ts";

/** Frames behind which more comes unless they are the last. */
const CONTENT: ReadonlySet<string> = new Set(["reply", "data", "return"]);

/** For the next part of a request body, of whichever stream: fresh memory for each costs as much as to fill it. */
let freeFrame: Buffer | undefined;

export interface StreamOwner {
  /** The request that waits for a reply by this id; undefined when nobody does. */
  find(id: number): AppRequest | undefined;
  readonly files: FileInboxes;
  streamClosed(stream: AppStream): void;
  streamFailed(why: string): void;
  /** It came to a Python thread too late, and was not run. */
  expired(request: AppRequest): void;
}

export class AppStream implements ConnectOwner {
  readonly worker: number;
  /** For $upstream_addr. */
  readonly name: string;
  readonly generation: number;
  private readonly owner: StreamOwner;
  private readonly reader = new FrameReader();
  private readonly attempt: { cancel(): void };
  private wire: Wire | undefined;
  private outbox: Outbox | undefined;
  private state: "reads" | "paused-briefly" | "paused" = "reads";
  /** Is what the reader shows only lent? */
  private lends = false;
  private open = true;
  /** The request whose reply has begun here. */
  private current: AppRequest | undefined;
  /** The id that CANCEL was sent for last. */
  private cancelled = 0;

  constructor(worker: number, generation: number, fd: number, owner: StreamOwner, app: string) {
    this.worker = worker;
    // People count from 1, and so does the log.
    this.name = `app:${app}#${worker + 1}`;
    this.generation = generation;
    this.owner = owner;
    this.attempt = connect({ kind: "fd", fd }, this);
  }

  connected(wire: Wire): void {
    if (!this.open) return wire.abort();
    this.wire = wire;
    this.outbox = new Outbox(wire);
  }

  failed(why: string): void {
    this.owner.streamFailed(why);
    this.closed();
  }

  /** Replies are passed on as they come; what cannot be passed on at once is copied. */
  glance(bytes: Buffer): boolean {
    this.lends = true;
    try {
      this.received(bytes);
    } finally {
      this.lends = false;
      this.reader.own();
    }
    return true;
  }

  received(bytes: Uint8Array): void {
    this.reader.receive(bytes);
    this.read();
  }

  /** What came before a pause waits with the reader. */
  private read(): void {
    while (this.open && this.state === "reads") {
      const event = this.reader.next();
      if (event === "need-data") return;
      if (event === "malformed") this.foreign();
      else this.dispatch(event);
    }
  }

  private foreign(): void {
    this.owner.streamFailed("a Python thread sent what is no frame; its stream was closed");
    this.close();
  }

  private dispatch(event: Exclude<FrameEvent, "need-data" | "malformed">): void {
    const { reader } = this;
    const request = this.owner.find(reader.id);
    if (request === undefined) return this.unwanted(event);
    switch (event) {
      case "reply":
        this.current = request;
        request.replyBegins(this, reader, this.lends);
        break;
      case "data":
        request.replyData(reader.data, reader.last, this.lends);
        break;
      case "abort":
        return request.replyAborted("the application failed while it sent its reply");
      case "pull":
        return this.pull(request, reader.length);
      case "expired":
        return this.owner.expired(request);
      case "return":
        request.loanReturned(reader.head, readReturned(reader.data), reader.last);
        break;
      case "file":
        return request.replyFile(reader.head, readFilePart(reader.data), this.takeFile());
    }
    if (!reader.last && request.isDiscarded) this.unwantedContent();
    else if (reader.borrows) request.borrow();
  }

  private unwanted(event: string): void {
    if (event === "pull") this.write(failFrame(this.reader.id));
    else if (event === "file") this.dropFile();
    else if (CONTENT.has(event) && !this.reader.last) this.unwantedContent();
  }

  /** A thread that waits is answered, whatever it was told before. */
  private unwantedContent(): void {
    const { id, borrows } = this.reader;
    if (borrows) this.write(cancelFrame(id));
    else this.cancel(id);
  }

  /** The descriptor that its worker has handed over for this reply. */
  private takeFile(): number | undefined {
    return this.owner.files.take(this.generation, this.reader.id);
  }

  private dropFile(): void {
    const fd = this.takeFile();
    if (fd !== undefined) closeSync(fd);
  }

  /** Exactly as many bytes as were asked for, so that nothing is ever left over between requests. */
  private pull(request: AppRequest, length: number): void {
    const frame = (freeFrame ??= Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + PULL_BYTES_MAX));
    const content = frame.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length);
    if (length > PULL_BYTES_MAX || !request.readBody(content)) return this.write(failFrame(this.reader.id));
    writeDataHeader(frame, this.reader.id, length);
    this.write(frame.subarray(0, FRAME_HEADER_BYTES + length));
    // What the kernel has not taken stays where it is until it has.
    if (this.outbox?.empty === false) freeFrame = undefined;
  }

  /** Tells the Python thread, once, that nobody waits for the rest of this reply. */
  cancel(id: number): void {
    if (this.cancelled === id) return;
    this.cancelled = id;
    this.write(cancelFrame(id));
  }

  /** False: it does not go, and nothing was sent. */
  lend(id: number, descriptor: number, isChunked: boolean): boolean {
    if (this.outbox?.empty !== true) return false;
    return this.wire?.writeWith?.(loanFrame(id, isChunked), descriptor) === true;
  }

  refuseLoan(id: number): void {
    this.write(noLoanFrame(id));
  }

  private write(frame: Buffer): void {
    this.outbox?.write(frame);
  }

  pause(briefly: boolean): void {
    this.state = briefly ? "paused-briefly" : "paused";
    this.wire?.pause();
  }

  /** Not at once: it may be in the middle of a frame. */
  resume(): void {
    if (this.state === "reads") return;
    this.state = "reads";
    setImmediate(() => this.readOn());
  }

  private readOn(): void {
    this.read();
    if (this.state === "reads") this.wire?.resume();
  }

  /** The reply is over, or nobody waits for it: what comes next is another request's. */
  finished(request: AppRequest): void {
    if (this.current === request) this.current = undefined;
    this.resume();
  }

  /** A client that reads slowly holds the stream: its end cannot be seen yet. What a pause for a moment puts off is seen in the next
   *  sweep. */
  get isPaused(): boolean {
    return this.state === "paused";
  }

  drained(): void {
    this.outbox?.flush();
  }

  ended(): void {
    this.wire?.close();
    this.closed();
  }

  closed(): void {
    this.readOut();
    this.leave();
  }

  /** What waits with the reader, whoever has paused it. */
  private readOut(): void {
    do {
      this.state = "reads";
      this.read();
    } while (this.open && this.isBehind);
  }

  private get isBehind(): boolean {
    return this.state !== "reads";
  }

  private leave(): void {
    if (!this.open) return;
    this.open = false;
    this.wire = undefined;
    this.outbox?.clear();
    this.current?.replyAborted("the Python worker was lost while it sent its reply");
    this.current = undefined;
    this.owner.streamClosed(this);
  }

  close(): void {
    this.attempt.cancel();
    this.wire?.abort();
    this.leave();
  }
}
