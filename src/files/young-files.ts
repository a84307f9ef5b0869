/**
 * Files that were written to a moment ago, and may be being written to still. write(2) sets the times when it begins, so a head that is
 * made while it goes on bears the new time already, no later look shows a change, and an answer of two versions would look whole;
 * so would one that ends where a new file did not go on yet. So who asks for such a file waits until that moment is over, and
 * the file is looked for again. Many wait at once; one timer looks after all of them, as long as there are any.
 *
 * What sets ctime alone (chmod, utimes, link, rename) waits for the end of a write (inode_lock in the kernel): a file whose two times
 * differ is not inside one. So what was put in its place as it should be, written beside it and renamed, is hardly ever waited for.
 *
 * What is written to for ever, such as a log, is waited for WAITS_MAX times, then answered as it is: only a change that is seen
 * breaks that off (transfer.ts). Nor does this help where times are coarser than a moment (FAT: 2 s), or of another clock.
 */
import { liveMs } from "../base/clock.ts";
import type { Exchange, Handler } from "../exchange/exchange.ts";
import { Waiting } from "../exchange/waiting.ts";
import type { FileStat } from "../os/file-stat.ts";
import { CACHED_FILE_BYTES_MAX } from "./cache.ts";

/** To write a small file takes 20 µs; it is the scheduler that can stop who writes in the middle, for a few of its turns. */
const SMALL_QUIET_MS = 50;

/** The quota of a control group stops a process for up to so long. */
const LARGE_QUIET_MS = 100;

/** Measured, one write(2), ext4 and tmpfs: 0.2 to 0.45 ms for each MiB. */
const QUIET_MS_PER_MIB = 1;

/** One write(2) of 1 GB took 230 to 460 ms. */
const QUIET_MS_MAX = 900;

/** So many times may a file have been written to anew meanwhile. */
export const WAITS_MAX = 2;

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
export function youngForMs({ size, mtimeSec, mtimeNsec, ctimeSec, ctimeNsec }: FileStat, nowMs: number): number {
  if (mtimeNsec !== ctimeNsec || mtimeSec !== ctimeSec) return 0;
  const ageMs = nowMs - (mtimeSec * 1000 + mtimeNsec / 1e6);
  return ageMs < -AHEAD_MS ? 0 : Math.max(0, quietMs(size) - ageMs);
}

export interface Clocks {
  wallMs(): number;
  monotonicMs(): number;
}

/** Turns of the event loop are too long for the clocks that stand still in them. */
const LIVE: Clocks = { wallMs: Date.now, monotonicMs: liveMs };

/** One request. It holds nothing of the file, which is looked for again. */
interface Waiter {
  readonly id: number;
  readonly waiting: Waiting;
  readonly again: Handler;
  /** Clocks.monotonicMs */
  readonly dueMs: number;
  /** Of this request, with this one. */
  readonly waits: number;
}

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
   *  there. An application names no file that is not ready. */
  postpones(exchange: Exchange, stats: FileStat, again: Handler): boolean {
    const leftMs = youngForMs(stats, this.clocks.wallMs());
    const waits = this.woken?.id === exchange.id ? this.woken.waits : 0;
    if (leftMs === 0 || waits === WAITS_MAX || exchange.namedByApp) return false;
    const waiter: Waiter = {
      id: exchange.id,
      waiting: new Waiting(exchange, () => this.waiters.delete(waiter)),
      again,
      dueMs: this.clocks.monotonicMs() + leftMs,
      waits: waits + 1,
    };
    this.waiters.add(waiter);
    this.timer ??= setTimeout(ring, SWEEP_MS, this);
    return true;
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

function ring(files: YoungFiles): void {
  files.rang();
}
