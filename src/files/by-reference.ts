/**
 * The pages of a large file themselves on their way to a program of this machine (a proxy before us, a tunnel), for as long as that is
 * what it takes to keep up with it. The kernel copies what it sends of a mapping (os/mapped-file.ts), and that is worth its time
 * while there is some: it leaves the client bytes that a cache is near to, and nobody can change them any more. A thread that has no
 * time left, and a client that takes all it is given, are better off with sendfile(2). So it is one or the other, by turns: both ends
 * then have work for all of their time.
 *
 * Measured, 100 MiB to 4 clients that read 128 KiB at a time, bytes a second: 1.3 to 1.5 times those of the mapping alone. A client
 * that reads 8 KiB at a time keeps a thread waiting, and gets copies.
 *
 * What is written to a page that is queued reaches a client that was promised the old bytes. That cannot be prevented, but seen: the
 * last bytes of the reply are not sent before the client has read all pages (then nobody can change what it got), and the file was
 * looked at after that. What it has read its own socket says (os/peer-unread.ts): other clients get copies. Not seen is who takes
 * pages out of its socket without copying them (splice(2)), as long as they are in its hands.
 */
import type { Reply } from "../exchange/reply.ts";
import { LiveFile } from "../os/live-file.ts";

/** Copied behind the last page: who has no more than that to read when the last bytes are to be sent need not be waited for. */
const COPIED_LAST_BYTES = 4 * 1024 * 1024;

/** Below this it is not worth the change. */
const REACH_BYTES_MIN = 1024 * 1024;

export class ByReference {
  readonly source: LiveFile;
  private readonly reply: Reply;
  private readonly isBusy: () => boolean;
  /** Sent since the last page; Infinity: there was none. */
  private behind = Number.POSITIVE_INFINITY;
  /** Did the client have room for all that it was given last? */
  private keepsUp = false;
  /** When it was asked whether the client reads on. */
  private leastUnread = Number.POSITIVE_INFINITY;
  private known: boolean | undefined = undefined;

  constructor(reply: Reply, fd: number, isBusy: () => boolean) {
    this.reply = reply;
    this.isBusy = isBusy;
    this.source = new LiveFile(fd);
  }

  /** How much of the last `left` bytes may be sent so now; 0: none. */
  reach(left: number): number {
    const reach = left - COPIED_LAST_BYTES;
    if (!this.keepsUp || reach < REACH_BYTES_MIN || this.source.isLost) return 0;
    return this.isBusy() && this.isKnown() ? reach : 0;
  }

  /** Asked once: a program of this machine stays one. */
  private isKnown(): boolean {
    return (this.known ??= this.reply.unread !== undefined);
  }

  /** Of `asked` bytes so many were taken. */
  sent(taken: number, asked: number, isReferred: boolean): void {
    this.keepsUp = taken === asked;
    if (isReferred && taken > 0) this.behind = 0;
    else if (!isReferred) this.behind += taken;
  }

  /** Has the client read anything since this was asked before? */
  readsOn(): boolean {
    const { unread = Number.POSITIVE_INFINITY } = this.reply;
    const isLess = unread < this.leastUnread;
    if (isLess) this.leastUnread = unread;
    return isLess;
  }

  /** Has the client read all pages? */
  get isRead(): boolean {
    if (this.behind === Number.POSITIVE_INFINITY) return true;
    const { unread } = this.reply;
    return unread !== undefined && unread <= this.behind;
  }
}
