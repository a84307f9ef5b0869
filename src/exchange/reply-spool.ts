/**
 * Buffering of a reply between a fast source (a Python thread, an upstream) and a slow client, so that the source is
 * free again long before the client has everything (nginx: uwsgi_buffering, proxy_buffers, uwsgi_max_temp_file_size).
 *
 *   source ──data──▶ [ queue ][ temporary file ][ overflow ] ──▶ reply        the order of the bytes, oldest first
 *
 * While the client takes what it is given, bytes pass straight through and nothing is held. Then they wait in memory
 * (`queue`), then in a temporary file that has no name; when that is full too, the source is paused. What it still sends
 * before it obeys goes to `overflow`. A disk that fails costs the file, never a byte: from then on the source is held
 * back instead. Once the file is drained it is cut to nothing and used again.
 *
 * Where it `isPatient`, the source is paused as soon as the client does not take everything, for a moment (patience.ts): a client that
 * is fast is then served out of what is at hand. One that has let a moment pass is slow for the rest of the reply.
 */
import { ftruncateSync, readSync, writeSync } from "node:fs";
import { type Log, SILENT } from "../base/log.ts";
import { hold, release } from "../os/held.ts";
import { openTemporary } from "../os/temporary.ts";
import type { Fields } from "../protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../protocol/http/message.ts";
import { copyOf } from "../base/bytes.ts";
import { monotonicMs } from "../base/clock.ts";
import { ByteQueue } from "./byte-queue.ts";
import { waitFor, type Waiting, waitNoLonger } from "./patience.ts";
import type { Producer, Reply, Returned } from "./reply.ts";
import { type SpoolBudget, unboundedBudget } from "./spool-budget.ts";

/** Held in memory per reply. nginx: 8 buffers of 8 KiB. Most Django pages are below 256 KiB, so they free their thread
 *  without touching a disk; four hundred slow clients cost 100 MiB at the most. */
export const REPLY_MEMORY_BYTES_MAX = 256 * 1024;

/** Held in a file per reply; 0 for none. nginx: uwsgi_max_temp_file_size and proxy_max_temp_file_size, 1 GiB. */
export const REPLY_FILE_BYTES_MAX = 1024 * 1024 * 1024;

/** Read from the file at a time: what one slow client keeps in memory beyond its queue. */
const READ_BYTES = 64 * 1024;

/** Reads per wake-up, so that one fast client with a large file lets the others have their turn. */
const TURNS_PER_WAKE_MAX = 16;

export interface ReplySpoolOptions {
  readonly temporaryDirectory: string;
  /** Default REPLY_MEMORY_BYTES_MAX. */
  readonly memoryBytesMax?: number;
  /** Default REPLY_FILE_BYTES_MAX. */
  readonly fileBytesMax?: number;
  /** What all spools hold together. Default: nobody bounds that. */
  readonly budget?: SpoolBudget;
  /** Is a client waited for a moment before anything is put aside for it? */
  readonly isPatient?: boolean;
  /** Told when the disk fails. */
  readonly log?: Log;
}

/** Where the reply comes from. */
export interface ReplySource {
  /** Too much is held: send no more for now. What comes all the same is kept. `briefly`: for a moment at the most. */
  pause(briefly: boolean): void;
  resume(): void;
  /** The client left: nothing more is wanted. Called once at most, and not after end or abort. */
  gone(): void;
  /** The answer to `lendOut`: as a Borrower. After false `refuseLoan` is called. */
  lend?(descriptor: number, isChunked: boolean): boolean;
  refuseLoan?(): void;
}

type SpoolState = "open" | "ended" | "over";

export class ReplySpool implements Producer, Waiting {
  private readonly reply: Reply;
  private readonly source: ReplySource;
  private readonly directory: string;
  private readonly log: Log;
  private readonly memoryBytesMax: number;
  private fileBytesMax: number;
  private readonly budget: SpoolBudget;

  private state: SpoolState = "open";
  private trailers: Fields | undefined = undefined;
  /** The session holds bytes: nothing is given until `drained`. */
  private clientBusy = false;
  private lengthKnown = false;
  private sourcePaused = false;
  /** `waits`: for a moment, since `sinceMs`, with the source paused. */
  private patience: "none" | "some" | "waits";
  sinceMs = 0;
  /** The source waits to hear whether it may have the client's connection. */
  private loanAwaited = false;
  /** A further turn is scheduled. */
  private turnPending = false;
  private readonly queue = new ByteQueue();
  private readonly overflow = new ByteQueue();
  private fd = -1;
  private fileRead = 0;
  private fileWritten = 0;
  private buffer: Buffer | undefined = undefined;

  constructor(reply: Reply, options: ReplySpoolOptions, source: ReplySource) {
    this.reply = reply;
    this.source = source;
    this.directory = options.temporaryDirectory;
    this.log = options.log ?? SILENT;
    this.memoryBytesMax = options.memoryBytesMax ?? REPLY_MEMORY_BYTES_MAX;
    this.fileBytesMax = options.fileBytesMax ?? REPLY_FILE_BYTES_MAX;
    this.budget = options.budget ?? unboundedBudget();
    this.patience = options.isPatient === true ? "some" : "none";
    reply.producer = this;
  }

  start(head: ReplyHead): void {
    if (this.state === "over") return;
    // Left before there was a producer to tell.
    if (this.reply.state === "gone") return this.gone();
    this.lengthKnown = head.length !== LENGTH_UNKNOWN;
    this.reply.start(head);
  }

  /** The bytes are the spool's from now on and must not be changed: what is not taken at once is held, not copied. */
  data(bytes: Uint8Array): void {
    if (this.state !== "open" || bytes.length === 0) return;
    if (this.clientBusy || this.holds()) return this.hold(bytes);
    this.give(bytes);
  }

  /** The bytes are the caller's again after the call: what the client does not take at once is copied. */
  lend(bytes: Uint8Array): void {
    if (this.state !== "open" || bytes.length === 0) return;
    const { reply } = this;
    if (this.clientBusy || this.holds()) return this.hold(copyOf(bytes));
    if (!this.lengthKnown && reply.lendData !== undefined) return this.given(reply.lendData(bytes));
    if (!this.lengthKnown || reply.offer === undefined) return this.give(copyOf(bytes));
    const taken = reply.offer(bytes);
    if (reply.state === "gone") return this.gone();
    if (taken === bytes.length) return;
    this.refused();
    this.hold(copyOf(bytes.subarray(taken)));
  }

  /** The source would write to the client itself, and sends nothing until it is told: it may as soon as all that it gave is with the
   *  client, and not if that takes longer than a moment, or was the case before. */
  lendOut(): void {
    if (this.state !== "open") return;
    this.loanAwaited = true;
    if (!this.clientBusy || this.patience !== "waits") this.decideLoan();
  }

  private decideLoan(): void {
    if (!this.loanAwaited) return;
    this.loanAwaited = false;
    const { reply, source } = this;
    const isFree = this.state === "open" && !this.clientBusy && !this.holds();
    const isLent = isFree && reply.loan?.((descriptor, isChunked) => source.lend?.(descriptor, isChunked) === true);
    if (isLent !== true) source.refuseLoan?.();
  }

  /** What is between here and the session was lent, and is back. The bytes are the caller's again after the call. */
  returned(rest: Uint8Array, counts: Returned): void {
    if (this.state !== "open") return;
    this.given(this.reply.returned?.(copyOf(rest), counts) ?? true);
  }

  /** Nothing more comes; the reply ends when what is held has been given. */
  end(trailers?: Fields): void {
    if (this.state !== "open") return;
    this.trailers = trailers;
    this.state = "ended";
    if (!this.holds()) this.finish();
  }

  /** The source broke: what is held is dropped, and the client must see that the reply is not whole. */
  abort(why: string): void {
    if (this.state === "over") return;
    this.release();
    this.reply.abort(why);
  }

  // ── Producer ──────────────────────────────────────────────────────────────────────────────────────────────────

  drained(): void {
    this.clientBusy = false;
    if (this.patience === "waits") {
      this.patience = "some";
      waitNoLonger(this);
    }
    this.feed();
    if (!this.clientBusy) this.decideLoan();
  }

  waitedInVain(): void {
    this.patience = "none";
    this.decideLoan();
    this.balance();
  }

  gone(): void {
    const before = this.state;
    this.release();
    if (before === "open") this.source.gone();
  }

  // ── towards the client ────────────────────────────────────────────────────────────────────────────────────────

  private holds(): boolean {
    return this.queue.length > 0 || this.fileRead < this.fileWritten || this.overflow.length > 0;
  }

  private give(bytes: Uint8Array): void {
    this.given(this.reply.data(bytes));
  }

  private given(isTaken: boolean): void {
    if (!isTaken) this.refused();
    // The session ends a reply that runs against its announced length.
    if (this.reply.state === "gone") this.gone();
  }

  private refused(): void {
    this.clientBusy = true;
    if (this.patience !== "some" || this.state !== "open") return;
    this.patience = "waits";
    this.sinceMs = monotonicMs();
    waitFor(this);
    if (this.sourcePaused) return;
    this.sourcePaused = true;
    this.source.pause(true);
  }

  /** Gives what is held, oldest first, while the client takes it. */
  private feed(): void {
    if (this.turnPending) return;
    let turns = TURNS_PER_WAKE_MAX;
    while (this.state !== "over" && !this.clientBusy && this.holds()) {
      if (turns-- === 0) return this.feedLater();
      this.giveOldest();
    }
    if (this.state === "ended" && !this.holds()) return this.finish();
    this.balance();
  }

  private feedLater(): void {
    this.turnPending = true;
    setImmediate(() => {
      this.turnPending = false;
      this.feed();
    });
    this.balance();
  }

  private giveOldest(): void {
    const first = this.queue.shift();
    if (first !== undefined) {
      this.budget.giveMemory(first.length);
      return this.give(first);
    }
    if (this.fileRead < this.fileWritten) this.giveFromFile();
    else this.queue.takeOver(this.overflow);
  }

  /** The one buffer may be read into again: either it was taken, or `drained` has come since. */
  private giveFromFile(): void {
    const buffer = (this.buffer ??= Buffer.allocUnsafeSlow(READ_BYTES));
    const length = this.readFile(buffer);
    if (length === 0) return this.breakDown();
    this.fileRead += length;
    if (this.fileRead === this.fileWritten) this.recycleFile();
    this.give(length === buffer.length ? buffer : buffer.subarray(0, length));
  }

  private readFile(into: Buffer): number {
    try {
      return readSync(this.fd, into, 0, Math.min(into.length, this.fileWritten - this.fileRead), this.fileRead);
    } catch (error) {
      this.log.error(`temporary file of a reply: ${(error as Error).message}`);
      return 0;
    }
  }

  /** Bytes that were held cannot be read back: the reply is lost. */
  private breakDown(): void {
    const before = this.state;
    this.release();
    this.reply.abort("the temporary file of the reply cannot be read");
    if (before === "open") this.source.gone();
  }

  /** All of the file was given: its space goes back to the disk. After a failed write there will be no other. */
  private recycleFile(): void {
    this.budget.giveDisk(this.fileWritten);
    this.fileRead = 0;
    this.fileWritten = 0;
    if (this.fileBytesMax === 0) return this.closeFile();
    try {
      ftruncateSync(this.fd, 0);
    } catch {
      // closing gives the space back too
      this.closeFile();
    }
  }

  private finish(): void {
    this.release();
    this.reply.end(this.trailers);
  }

  private release(): void {
    this.state = "over";
    if (this.patience === "waits") waitNoLonger(this);
    this.patience = "none";
    this.loanAwaited = false;
    this.budget.giveMemory(this.queue.length + this.overflow.length);
    this.budget.giveDisk(this.fileWritten);
    this.queue.clear();
    this.overflow.clear();
    this.buffer = undefined;
    this.fileRead = 0;
    this.fileWritten = 0;
    this.closeFile();
  }

  private closeFile(): void {
    if (this.fd !== -1) release(this.fd);
    this.fd = -1;
  }

  // ── from the source ───────────────────────────────────────────────────────────────────────────────────────────

  private hold(bytes: Uint8Array): void {
    if (this.fitsQueue(bytes.length)) this.queue.push(bytes);
    else this.spill(bytes);
    this.balance();
  }

  /** Only while nothing younger waits behind the queue. A first chunk fits whatever its size, unless all spools together
   *  hold enough. */
  private fitsQueue(length: number): boolean {
    if (this.fileWritten > 0 || this.overflow.length > 0) return false;
    if (this.queue.length > 0 && this.queue.length + length > this.memoryBytesMax) return false;
    return this.budget.takeMemory(length);
  }

  /** To the file as far as it goes; behind bytes of the overflow only to the overflow, for the order's sake. */
  private spill(bytes: Uint8Array): void {
    const room = this.overflow.length > 0 ? 0 : this.fileBytesMax - this.fileWritten;
    const length = Math.min(room, bytes.length);
    const written = length > 0 && this.budget.takeDisk(length) ? this.writeFile(bytes, length) : 0;
    if (written < bytes.length) this.keep(written === 0 ? bytes : bytes.subarray(written));
  }

  /** What came before the source heard that it should pause. */
  private keep(bytes: Uint8Array): void {
    this.budget.forceMemory(bytes.length);
    this.overflow.push(bytes);
  }

  /** How many bytes the file took. */
  private writeFile(bytes: Uint8Array, length: number): number {
    let done = 0;
    try {
      if (this.fd === -1) this.fd = hold(openTemporary(this.directory));
      while (done < length) {
        const taken = writeSync(this.fd, bytes, done, length - done, this.fileWritten);
        if (taken === 0) throw new Error("the file takes no more bytes");
        done += taken;
        this.fileWritten += taken;
      }
    } catch (error) {
      this.log.error(`temporary file of a reply, going on without it: ${(error as Error).message}`);
      this.fileBytesMax = 0;
      this.budget.giveDisk(length - done);
      if (this.fileWritten === 0) this.closeFile();
    }
    return done;
  }

  /** Pauses the source when a bound is reached, and lets it go on when half of the memory is free again and the file
   *  can be used from its beginning. */
  private balance(): void {
    if (this.state !== "open" || this.patience === "waits") return;
    const full = this.overflow.length > 0 || (this.fileBytesMax === 0 && this.queue.length >= this.memoryBytesMax);
    if (!this.sourcePaused && full) {
      this.sourcePaused = true;
      this.source.pause(false);
    } else if (this.sourcePaused && this.mayResume()) {
      this.sourcePaused = false;
      this.source.resume();
    }
  }

  private mayResume(): boolean {
    if (this.overflow.length > 0 || this.fileRead < this.fileWritten) return false;
    return this.queue.length <= this.memoryBytesMax / 2;
  }
}
