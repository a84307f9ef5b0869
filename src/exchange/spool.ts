/**
 * Buffering of a request body before anyone works on it (nginx: client_body_buffer_size, uwsgi_request_buffering): in
 * memory while it is small, then in a temporary file that has no name. So a slow upload holds no Python thread and no
 * upstream connection.
 *
 *   collectBody ──▶ collected(body)   the owner reads it as often as it likes and closes it
 *              └──▶ failed(why)       nothing is left behind, neither memory nor descriptor
 *
 * Not here: deadlines and the count against what the client announced (the session's business).
 */
import { readSync, writeSync } from "node:fs";
import { EMPTY } from "../base/bytes.ts";
import { hold, release } from "../os/held.ts";
import { openTemporary } from "../os/temporary.ts";
import type { BodyFailure, BodyReader } from "./body.ts";
import { answer } from "./canned.ts";
import type { Exchange } from "./exchange.ts";
import { type SpoolBudget, unboundedBudget } from "./spool-budget.ts";

/** Kept in memory per request. nginx: client_body_buffer_size, 16 KiB on 64-bit machines. 64 KiB holds nearly every
 *  form and JSON call, is what one read of a socket brings, and is still cheap for a thousand uploads at once. */
export const BODY_MEMORY_BYTES_MAX = 64 * 1024;

/** First memory for a body whose bytes come in pieces. It doubles, so a client that announces much and sends
 *  nothing is given nothing. */
const MEMORY_BYTES_MIN = 4 * 1024;

export interface SpoolOptions {
  readonly temporaryDirectory: string;
  /** Default BODY_MEMORY_BYTES_MAX. */
  readonly memoryBytesMax?: number;
  /** What all spools hold together. Default: nobody bounds that. */
  readonly budget?: SpoolBudget;
}

/** `storage`: the temporary file failed (disk full, spool_disk used up, no descriptors); nothing was answered, 507 or 500 is up to the
 *  owner. For the other reasons the session answers, or has nobody to answer to. */
export type SpoolFailure = BodyFailure | "storage";

export interface SpoolOwner {
  /** Called once, perhaps before collectBody returns. The body is the owner's to close. */
  collected(body: SpooledBody): void;
  /** Called once instead. `detail` is for the log. */
  failed(why: SpoolFailure, detail?: string): void;
}

/** A request body that is here in full. */
export interface SpooledBody {
  readonly length: number;
  /** Copies what there is at `offset` and returns how many bytes that was; 0 at the end only. Throws when the temporary
   *  file cannot be read. */
  read(offset: number, into: Uint8Array): number;
  /** All of it, if it is in memory; not to be changed. */
  bytes(): Uint8Array | undefined;
  /** Gives up memory and file; may be called twice. */
  close(): void;
}

/** The body of a request without one. Costs nothing. */
export const EMPTY_BODY: SpooledBody = { length: 0, read: () => 0, bytes: () => EMPTY, close: () => {} };

export function collectBody(exchange: Exchange, options: SpoolOptions, owner: SpoolOwner): void {
  const { body, bodyBytesMax } = exchange;
  if (body.length === 0) return owner.collected(EMPTY_BODY);
  if (bodyBytesMax > 0 && body.length > bodyBytesMax) return refuseTooLarge(exchange, owner);
  body.read(new Collector(exchange, options, owner));
}

/** Sessions count too, but only what has arrived; whoever gets here first answers. */
function refuseTooLarge(exchange: Exchange, owner: SpoolOwner): void {
  if (exchange.reply.state === "waiting") answer(exchange, 413);
  owner.failed("too-large");
}

/** Where the bytes go. `over` is the end: the owner was told. */
type CollectorState = "memory" | "file" | "over";

class Collector implements BodyReader {
  private readonly exchange: Exchange;
  private readonly owner: SpoolOwner;
  private readonly directory: string;
  private readonly memoryBytesMax: number;
  private readonly budget: SpoolBudget;
  private state: CollectorState = "memory";
  private memory: Buffer = EMPTY;
  private fd = -1;
  private length = 0;
  /** Taken from the budget for the file. */
  private diskBytes = 0;

  constructor(exchange: Exchange, options: SpoolOptions, owner: SpoolOwner) {
    this.exchange = exchange;
    this.owner = owner;
    this.directory = options.temporaryDirectory;
    this.memoryBytesMax = options.memoryBytesMax ?? BODY_MEMORY_BYTES_MAX;
    this.budget = options.budget ?? unboundedBudget();
  }

  bodyData(bytes: Uint8Array): void {
    // After a failure the session may still deliver; its own bound on the body holds.
    if (this.state === "over") return;
    const { bodyBytesMax } = this.exchange;
    if (bodyBytesMax > 0 && this.length + bytes.length > bodyBytesMax) return this.tooLarge();
    try {
      this.store(bytes);
    } catch (error) {
      this.release();
      this.owner.failed("storage", `request body: ${(error as Error).message}`);
    }
  }

  private store(bytes: Uint8Array): void {
    const length = this.length + bytes.length;
    if (this.state === "memory") {
      const small = length <= this.memoryBytesMax && this.announced() <= this.memoryBytesMax;
      if (small && this.hasMemoryFor(length)) this.memory.set(bytes, this.length);
      else this.beginFile();
    }
    if (this.state === "file") this.append(bytes, this.length);
    this.length = length;
  }

  private append(bytes: Uint8Array, position: number): void {
    if (!this.budget.takeDisk(bytes.length)) throw new Error("spool_disk is used up");
    this.diskBytes += bytes.length;
    writeAll(this.fd, bytes, position);
  }

  /** A length that is known in advance spares the copy through memory. Chunked: -1. */
  private announced(): number {
    return this.exchange.body.length;
  }

  /** Grows the memory to what is needed; false when all spools together have no more to give. */
  private hasMemoryFor(needed: number): boolean {
    if (needed <= this.memory.length) return true;
    const capacity = this.capacityFor(needed);
    if (!this.budget.takeMemory(capacity - this.memory.length)) return false;
    const grown = Buffer.allocUnsafeSlow(capacity);
    grown.set(this.memory.subarray(0, this.length), 0);
    this.memory = grown;
    return true;
  }

  private capacityFor(needed: number): number {
    const announced = this.announced();
    if (needed === announced) return needed;
    const doubled = Math.max(needed, this.memory.length * 2, MEMORY_BYTES_MIN);
    const bound = announced > needed ? announced : this.memoryBytesMax;
    return Math.max(needed, Math.min(doubled, bound));
  }

  private beginFile(): void {
    this.fd = hold(openTemporary(this.directory));
    this.state = "file";
    if (this.length > 0) this.append(this.memory.subarray(0, this.length), 0);
    this.forget();
  }

  private forget(): void {
    this.budget.giveMemory(this.memory.length);
    this.memory = EMPTY;
  }

  private tooLarge(): void {
    this.release();
    refuseTooLarge(this.exchange, this.owner);
  }

  bodyEnd(): void {
    if (this.state === "over") return;
    const body = this.finished();
    this.state = "over";
    this.owner.collected(body);
  }

  private finished(): SpooledBody {
    if (this.state === "file") return new FileBody(this.fd, this.length, this.budget);
    if (this.length === 0) return EMPTY_BODY;
    return new MemoryBody(this.memory, this.length, this.budget);
  }

  bodyFailed(why: BodyFailure): void {
    if (this.state === "over") return;
    this.release();
    this.owner.failed(why);
  }

  private release(): void {
    if (this.state === "file") release(this.fd);
    this.state = "over";
    this.budget.giveDisk(this.diskBytes);
    this.forget();
  }
}

class MemoryBody implements SpooledBody {
  readonly length: number;
  private content: Uint8Array;
  private capacity: number;
  private readonly budget: SpoolBudget;

  constructor(memory: Uint8Array, length: number, budget: SpoolBudget) {
    this.content = memory.subarray(0, length);
    this.length = length;
    this.capacity = memory.length;
    this.budget = budget;
  }

  read(offset: number, into: Uint8Array): number {
    const part = this.content.subarray(offset, offset + into.length);
    into.set(part, 0);
    return part.length;
  }

  bytes(): Uint8Array {
    return this.content;
  }

  close(): void {
    this.content = EMPTY;
    this.budget.giveMemory(this.capacity);
    this.capacity = 0;
  }
}

class FileBody implements SpooledBody {
  readonly length: number;
  private fd: number;
  private readonly budget: SpoolBudget;

  constructor(fd: number, length: number, budget: SpoolBudget) {
    this.fd = fd;
    this.length = length;
    this.budget = budget;
  }

  read(offset: number, into: Uint8Array): number {
    const wanted = Math.min(into.length, this.length - offset);
    if (wanted <= 0) return 0;
    if (this.fd === -1) throw new Error("a request body was read after it was closed");
    const got = readSync(this.fd, into, 0, wanted, offset);
    if (got === 0) throw new Error(`the temporary file of a request body ends before ${this.length} bytes`);
    return got;
  }

  bytes(): undefined {
    return undefined;
  }

  close(): void {
    if (this.fd === -1) return;
    release(this.fd);
    this.fd = -1;
    this.budget.giveDisk(this.length);
  }
}

/** pwrite(2) until all of it is there. A disk that takes no byte and reports no error would be asked for ever. */
function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.length) {
    const taken = writeSync(fd, bytes, done, bytes.length - done, position + done);
    if (taken === 0) throw new Error("the temporary file takes no more bytes");
    done += taken;
  }
}
