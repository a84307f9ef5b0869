/**
 * One large file, or parts of it, on its way to one client: read a piece, offer it, wait when the client is slow. Of what the
 * client does not take nothing is held: it is read again from the kernel's cache when there is room, so a slow reader
 * costs no memory here. (A reply that cannot be offered anything, such as one that is being changed on its way, is
 * given pieces to hold; they belong to the transfer and are small.)
 *
 * A file that has become shorter than announced, or was written to since its head was made, aborts the reply before its last
 * byte: nothing is padded, and nothing mixed looks complete, also when who wrote has put its mtime back. That is why the last piece is
 * read, then the file looked at, then the piece sent. (Times change when a write begins: who makes a head has waited until one that
 * had begun before is over, young-files.ts.) A file that was replaced by another is still whole behind its descriptor.
 *
 * sendfile(2) from the file itself: pages that it has queued are still the file's own, so that what is written there afterwards reaches
 * a client that was promised the old bytes, and nothing here could notice. So it is used from a copy of the file that nobody can
 * change (OpenFile.copy), which files of a middle size have while they are hot: half the processor time for each byte. Large ones
 * that are asked for again are sent as they lie in the kernel's cache, which copies what it sends (OpenFile.mapping): that is a read
 * and a send in one. Where the thread has no time for that, they are sent as sendfile(2) does in part, to clients of which can be
 * known that they have read it (by-reference.ts).
 */
import type { MappedFile } from "../os/mapped-file.ts";
import { readAt } from "../os/read-at.ts";
import type { Sendable } from "../os/sendable.ts";
import { isThreadBusy } from "../os/thread-load.ts";
import type { Producer, Reply } from "../exchange/reply.ts";
import { ByReference } from "./by-reference.ts";
import type { OpenFile } from "./open-files.ts";
import type { Piece, Selection, Span } from "./representation.ts";

/** Read and offered at a time while the client keeps up. Measured, 1 MiB file: 128 KiB 1.9 GB/s, 256 KiB 3.3, 512 KiB 4.0. */
export const PIECE_BYTES = 512 * 1024;

/** The least that is read for a client that is slow, and what a reply that holds what it is given holds. */
export const SLOW_PIECE_BYTES = 64 * 1024;

/** Who has taken so much is worth looking for the file in the address space. */
const MAPPED_FROM_BYTES = 2 * PIECE_BYTES;

/** Of less nothing is sent by its pages. */
const REFERRED_FROM_BYTES = 8 * 1024 * 1024;

/** Sent at a time of a copy; a fast client takes so much at once. */
const COPIED_PIECE_BYTES = 1024 * 1024;

/** The client has not read the file's pages: asked again so much later, and twice as much each time, up to a bound. */
const UNREAD_WAIT_MS = 1;
const UNREAD_WAIT_MS_MAX = 50;
/** For a client that reads nothing. nginx: send_timeout */
export const UNREAD_MS_MAX = 60_000;

/** Pieces per wake-up; then other connections have their turn. nginx: sendfile_max_chunk, 2 MiB. */
const TURNS_PER_WAKE_MAX = 4;

/** Read into and offered from within one call, so one serves all transfers of a thread. Made when first needed. */
let scratch: Buffer | undefined;

/** Sends the selection from `file`, of which the transfer is a user from now on until it ends, however it ends. `isBusy`: has this thread
 *  no time to spare? */
export function sendFile(reply: Reply, file: OpenFile, selection: Selection, isBusy = isThreadBusy): void {
  const transfer = new Transfer(reply, file, selection.pieces, isBusy);
  reply.producer = transfer;
  reply.start(selection.head, true);
  transfer.turn();
}

/** `reading` turns run or are scheduled · `waiting` for room · `over` nothing is owned */
type TransferState = "reading" | "waiting" | "over";

class Transfer implements Producer {
  private readonly reply: Reply;
  private readonly file: OpenFile;
  private readonly pieces: readonly Piece[];
  private readonly isBusy: () => boolean;
  /** The piece that is being sent, and how much of it was taken. */
  private index = 0;
  private done = 0;
  /** Bytes read at the next turn. */
  private stride = PIECE_BYTES;
  /** For a reply that holds what it is given. */
  private held: Buffer | undefined = undefined;
  private state: TransferState = "reading";
  /** Of the file, that the reply can take bytes from. */
  private readonly copy: Sendable | undefined;
  /** Bytes that were read and taken. */
  private read = 0;
  /** Its own pages, once it is known to be worth the while. */
  private byReference: ByReference | undefined = undefined;
  private unreadWaitMs = UNREAD_WAIT_MS;
  private unreadForMs = 0;

  constructor(reply: Reply, file: OpenFile, pieces: readonly Piece[], isBusy: () => boolean) {
    this.reply = reply;
    this.file = file;
    this.pieces = pieces;
    this.isBusy = isBusy;
    this.copy = reply.offerFrom === undefined ? undefined : file.copy;
  }

  drained(): void {
    if (this.state !== "waiting") return;
    this.state = "reading";
    this.turn();
  }

  gone(): void {
    this.close();
  }

  turn(): void {
    for (let turns = TURNS_PER_WAKE_MAX; turns > 0; turns--) {
      if (this.state !== "reading") return;
      this.step();
    }
    if (this.state === "reading") setImmediate(nextTurn, this);
  }

  private step(): void {
    const piece = this.pieces[this.index] as Piece; // `finish` comes behind the last
    if ("first" in piece) {
      if (this.copy !== undefined) return this.stepCopied(piece, this.copy);
      const mapping = this.isMappable ? this.file.mapping : undefined;
      const length = mapping === undefined ? 0 : this.mappedLength(piece, mapping);
      if (mapping !== undefined && length > 0) return this.stepNear(piece, length, mapping);
    }
    const bytes = this.next(piece);
    if (bytes === undefined) return this.waitUntilRead();
    if (typeof bytes === "string") return this.broken(bytes);
    const taken = this.send(bytes);
    this.read += taken;
    this.sent(taken, bytes.length);
  }

  /** Out of the copy: it is what the head promises, whatever becomes of the file. */
  private stepCopied({ first, length }: Span, copy: Sendable): void {
    const asked = Math.min(COPIED_PIECE_BYTES, length - this.done);
    this.sent(this.reply.offerFrom?.(copy, first + this.done, asked) ?? 0, asked);
  }

  private get isMappable(): boolean {
    return this.read >= MAPPED_FROM_BYTES && this.reply.offerFrom !== undefined;
  }

  /** How much is sent as if it were read; 0: it is to be read. The last bytes of all are, and what is little. */
  private mappedLength({ first, length }: Span, mapping: MappedFile): number {
    const kept = this.index === this.pieces.length - 1 ? SLOW_PIECE_BYTES : 0;
    const from = first + this.done;
    const most = Math.min(PIECE_BYTES, mapping.reach(from), length - this.done - kept);
    return most >= SLOW_PIECE_BYTES && mapping.isNear(from, most) ? most : 0;
  }

  /** It lies in the kernel's cache, as far as `asked`. */
  private stepNear(piece: Span, asked: number, mapping: MappedFile): void {
    const left = piece.length - this.done;
    const isLast = this.index === this.pieces.length - 1;
    if (!isLast || left < REFERRED_FROM_BYTES) return this.stepMapped(piece, asked, mapping);
    const sent = (this.byReference ??= new ByReference(this.reply, this.file.fd, this.isBusy));
    const reach = sent.reach(left);
    if (reach === 0) return this.stepMapped(piece, asked, mapping);
    const length = Math.min(reach, COPIED_PIECE_BYTES);
    const taken = this.reply.offerFrom?.(sent.source, piece.first + this.done, length) ?? 0;
    this.sent(taken, sent.source.isLost ? taken : length, true);
  }

  private stepMapped({ first }: Span, asked: number, mapping: MappedFile): void {
    const taken = this.reply.offerFrom?.(mapping, first + this.done, asked) ?? 0;
    // It is read from here on, which shows what is wrong with it.
    this.sent(taken, mapping.isLost ? taken : asked);
  }

  private sent(taken: number, asked: number, isReferred = false): void {
    this.byReference?.sent(taken, asked, isReferred);
    // Ended or left inside the call; a reply that the session has given up tells nobody else.
    if (this.reply.state !== "started") return this.close();
    this.advance(taken);
    if (this.index === this.pieces.length) this.finish();
    else if (taken < asked) this.state = "waiting";
  }

  /** What comes next, or why there is no more; undefined: the client has to read first. */
  private next(piece: Piece): Uint8Array | string | undefined {
    const isLast = this.index === this.pieces.length - 1;
    if (!("first" in piece)) return isLast ? this.whenUntouched(piece.subarray(this.done)) : piece.subarray(this.done);
    const into = this.buffer();
    const length = Math.min(into.length, this.stride, piece.length - this.done);
    const got = readAt(this.file.fd, into, 0, length, piece.first + this.done);
    if (got <= 0) return "the file became shorter, or unreadable, while it was sent";
    const bytes = into.subarray(0, got);
    return isLast && this.done + got === piece.length ? this.whenUntouched(bytes) : bytes;
  }

  /** The last bytes go only if nothing was written to the file since its head was made. */
  private whenUntouched(bytes: Uint8Array): Uint8Array | string | undefined {
    if (this.byReference?.isRead === false) return undefined;
    return this.copy !== undefined || this.file.isUntouched ? bytes : "the file was written to while it was sent";
  }

  /** How many were taken; of a reply that holds bytes all of them, `waiting` is set when it wants no more. */
  private send(bytes: Uint8Array): number {
    const { reply } = this;
    if (reply.offer === undefined) {
      if (!reply.data(bytes)) this.state = "waiting";
      return bytes.length;
    }
    const taken = reply.offer(bytes);
    // What is not taken is read twice: not much more than there was room for.
    const next = taken < bytes.length ? Math.max(SLOW_PIECE_BYTES, 2 * taken) : 2 * this.stride;
    this.stride = Math.min(PIECE_BYTES, next);
    return taken;
  }

  private waitUntilRead(): void {
    const forMs = this.unreadWaitMs;
    this.unreadWaitMs = Math.min(UNREAD_WAIT_MS_MAX, 2 * forMs);
    this.unreadForMs = this.byReference?.readsOn() === true ? 0 : this.unreadForMs + forMs;
    if (this.unreadForMs > UNREAD_MS_MAX) return this.broken("the client does not read");
    this.state = "waiting";
    setTimeout(drainedLater, forMs, this);
  }

  private advance(taken: number): void {
    const piece = this.pieces[this.index] as Piece; // as in next()
    this.done += taken;
    if (this.done < piece.length) return;
    this.index++;
    this.done = 0;
  }

  private buffer(): Buffer {
    if (this.reply.offer !== undefined) return (scratch ??= Buffer.allocUnsafeSlow(PIECE_BYTES));
    return (this.held ??= Buffer.allocUnsafeSlow(SLOW_PIECE_BYTES));
  }

  private finish(): void {
    const [piece] = this.pieces;
    if (piece?.length === this.file.stats.size) this.file.wasRead();
    this.close();
    this.reply.end();
  }

  private broken(why: string): void {
    this.close();
    this.reply.abort(why);
  }

  private close(): void {
    if (this.state === "over") return;
    this.state = "over";
    this.file.release();
  }
}

function drainedLater(transfer: Transfer): void {
  transfer.drained();
}

function nextTurn(transfer: Transfer): void {
  transfer.turn();
}
