/**
 * Files that were written to a moment ago, and may be being written to still. write(2) sets the times when it begins, so a head that is
 * made while it goes on bears the new time already, no later look shows a change, and an answer of two versions would look whole;
 * so would one that ends where a new file did not go on yet. So who asks for such a file waits until that moment is over, and
 * the file is looked for again. Many wait at once; one timer looks after all of them, as long as there are any.
 *
 * open(2) with O_TRUNC (as cp(1) has it) and truncate(2) do it the other way round: first the file is empty, then its room is given
 * back, then its times are set. Measured with 100 KB: for up to 0.6 ms on tmpfs and 38 ms on ext4 it is an empty file that was written to
 * long ago. So one that is empty is believed when it was still so a moment later, and had no room any more.
 *
 * What sets ctime alone (chmod, utimes, link, rename) waits for the end of a write (inode_lock in the kernel): a file whose two times
 * differ is not inside one. So what was put in its place as it should be, written beside it and renamed, is waited for only if both were
 * done within a tick of the kernel's (4 ms as a rule).
 *
 * What an application names is waited for, too. To send the beginning at once and hold back the end is no help: what was read of it in the
 * middle of a write would be of two versions, and no later look shows that. Nor does it show who has written, so 1 ms becomes
 * 60 for an application that writes a file for each reply and names it; what it gives open (handed-over.ts) is its own affair.
 *
 * What is written to for ever, such as a log, is waited for through WAITS_MAX writes, then answered as it is: only a change that is seen
 * breaks that off (transfer.ts). Nor does this help where times are coarser than a moment (FAT: 2 s), or of another clock.
 */
import { liveMs } from "../base/clock.ts";
import type { Exchange, Handler } from "../exchange/exchange.ts";
import { Waiting } from "../exchange/waiting.ts";
import { type FileStat, isSameInode, isUnchanged } from "../os/file-stat.ts";
import { CACHED_FILE_BYTES_MAX } from "./cache.ts";

/** To write a small file takes 20 µs; it is the scheduler that can stop who writes in the middle, for a few of its turns. */
const SMALL_QUIET_MS = 50;

/** The quota of a control group stops a process for up to so long. */
const LARGE_QUIET_MS = 100;

/** Measured, one write(2), ext4 and tmpfs: 0.2 to 0.45 ms for each MiB. */
const QUIET_MS_PER_MIB = 1;

/** One write(2) of 1 GB took 230 to 460 ms. */
const QUIET_MS_MAX = 900;

/** The ends of so many writes are waited for. */
export const WAITS_MAX = 2;

/** Nobody is kept waiting for longer: that of both writes, and of the state before them. */
const WAITED_MS_MAX = (WAITS_MAX + 1) * QUIET_MS_MAX;

/** How often it is looked for those whose time has come. */
const SWEEP_MS = 10;

/** How far a file's time may be ahead, since neither clock is read to the nanosecond; what is further ahead was not written now. */
const AHEAD_MS = 10;

const MIB = 1024 * 1024;

function quietMs(size: number): number {
  if (size <= CACHED_FILE_BYTES_MAX) return SMALL_QUIET_MS;
  return Math.min(QUIET_MS_MAX, LARGE_QUIET_MS + (size / MIB) * QUIET_MS_PER_MIB);
}

/** In how many milliseconds it will be old enough; 0: it is. `nowMs`: since 1970, of a clock that does not stand still. */
export function youngForMs(stats: FileStat, nowMs: number): number {
  const ageMs = ageOfWriteMs(stats, nowMs);
  return ageMs < -AHEAD_MS ? 0 : Math.max(0, quietMs(stats.size) - ageMs);
}

/** How long ago its last write began. Infinite: it is not inside one. */
function ageOfWriteMs({ mtimeSec, mtimeNsec, ctimeSec, ctimeNsec }: FileStat, nowMs: number): number {
  if (mtimeNsec !== ctimeNsec || mtimeSec !== ctimeSec) return Number.POSITIVE_INFINITY;
  return nowMs - (mtimeSec * 1000 + mtimeNsec / 1e6);
}

/** Are these two looks at a file after the beginning of the same write? */
function isSameWrite(a: FileStat, b: FileStat): boolean {
  return isSameInode(a, b) && a.mtimeNsec === b.mtimeNsec && a.mtimeSec === b.mtimeSec;
}

export interface Clocks {
  wallMs(): number;
  monotonicMs(): number;
}

/** Turns of the event loop are too long for the clocks that stand still in them. */
const LIVE: Clocks = { wallMs: Date.now, monotonicMs: liveMs };

/** What a request is to wait for, and has waited for. */
interface Look {
  /** Of the file, when it was put aside. */
  readonly stats: FileStat;
  /** How many of them it has met. */
  readonly writes: number;
  /** Since when it waits, and since when the file is known to be as it is; Clocks.monotonicMs. */
  readonly beganMs: number;
  readonly sameSinceMs: number;
}

/** One request. It holds nothing of the file, which is looked for again. */
interface Waiter {
  readonly id: number;
  readonly waiting: Waiting;
  readonly again: Handler;
  /** Clocks.monotonicMs */
  readonly dueMs: number;
  readonly look: Look;
}

/** `settled` it is what it is · `young` it may be being written, and is to be answered as it is · `awaited` the request was put aside */
export type Age = "settled" | "young" | "awaited";

/** All that wait in a thread. */
export class YoungFiles {
  private readonly clocks: Clocks;
  private readonly waiters = new Set<Waiter>();
  /** The one whose request is being answered now. */
  private woken: Waiter | undefined = undefined;
  private timer: ReturnType<typeof setTimeout> | undefined = undefined;

  constructor(clocks: Clocks = LIVE) {
    this.clocks = clocks;
  }

  get size(): number {
    return this.waiters.size;
  }

  isYoung(stats: FileStat): boolean {
    return youngForMs(stats, this.clocks.wallMs()) > 0;
  }

  /** Must this request, of which nothing is answered yet, wait for the file? Then it is given to `again` later, if its client is still
   *  there. `isKnown`: an empty file was so already when it was looked at before. */
  ageFor(exchange: Exchange, stats: FileStat, again: Handler, isKnown = false): Age {
    const wallMs = this.clocks.wallMs();
    const isEmpty = stats.size === 0 && !isKnown;
    const youngMs = youngForMs(stats, wallMs);
    // As nearly all are.
    if (youngMs === 0 && !isEmpty && this.woken === undefined) return "settled";
    const before = this.woken?.id === exchange.id ? this.woken.look : undefined;
    const look = this.look(stats, before, youngMs > 0);
    const leftMs = Math.max(youngMs, isEmpty ? this.emptyMs(look) : growingMs(look, before, wallMs));
    if (leftMs === 0) return "settled";
    const waitedMs = this.clocks.monotonicMs() - look.beganMs;
    if (look.writes > WAITS_MAX || waitedMs >= WAITED_MS_MAX) return "young";
    this.wait(exchange, look, leftMs, again);
    return "awaited";
  }

  private look(stats: FileStat, before: Look | undefined, isYoung: boolean): Look {
    const nowMs = this.clocks.monotonicMs();
    if (before === undefined) return { stats, writes: isYoung ? 1 : 0, beganMs: nowMs, sameSinceMs: nowMs };
    const writes = before.writes + (isYoung && !isSameWrite(before.stats, stats) ? 1 : 0);
    const sameSinceMs = isUnchanged(before.stats, stats) ? before.sameSinceMs : nowMs;
    return { stats, writes, beganMs: before.beganMs, sameSinceMs };
  }

  /** How long one that is empty is to be looked at still: once more, and as long as it has room; but some keep that. */
  private emptyMs({ stats, sameSinceMs }: Look): number {
    const sameMs = this.clocks.monotonicMs() - sameSinceMs;
    return sameMs >= (stats.blocks === 0 ? SMALL_QUIET_MS : QUIET_MS_MAX) ? 0 : SMALL_QUIET_MS;
  }

  private wait(exchange: Exchange, look: Look, leftMs: number, again: Handler): void {
    const waiter: Waiter = {
      id: exchange.id,
      waiting: new Waiting(exchange, () => this.waiters.delete(waiter)),
      again,
      dueMs: this.clocks.monotonicMs() + leftMs,
      look,
    };
    this.waiters.add(waiter);
    this.timer ??= setTimeout(ring, SWEEP_MS, this);
  }

  sweep(): void {
    const nowMs = this.clocks.monotonicMs();
    for (const waiter of this.waiters) if (waiter.dueMs <= nowMs) this.wake(waiter);
  }

  /** To be called by its timer. It is set anew when all is done: what is answered takes time, too. */
  rang(): void {
    this.sweep();
    this.timer = this.waiters.size > 0 ? setTimeout(ring, SWEEP_MS, this) : undefined;
  }

  private wake(waiter: Waiter): void {
    this.waiters.delete(waiter);
    this.woken = waiter;
    waiter.waiting.goOn(waiter.again);
    this.woken = undefined;
  }
}

/** What has another size than before, and not by another write, is inside that one still, however slow it is. */
function growingMs({ stats }: Look, before: Look | undefined, wallMs: number): number {
  if (before === undefined || before.stats.size === stats.size || !isSameWrite(before.stats, stats)) return 0;
  const leftMs = QUIET_MS_MAX - ageOfWriteMs(stats, wallMs);
  return Math.max(0, Math.min(SMALL_QUIET_MS, leftMs));
}

function ring(files: YoungFiles): void {
  files.rang();
}
