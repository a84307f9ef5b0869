/**
 * Large files that are being asked for: their open descriptors and prepared heads, for as long as they are believed without
 * a look at the disk (`cache_revalidate`). One per front thread, shared by its handlers. What is written into such a file
 * meanwhile is noticed at once, since a look at an open file costs next to nothing, also when its mtime is put back. One that is
 * looked at again and still the same stays open, and its copy with it.
 *
 * A descriptor that nobody uses keeps a deleted file's blocks and an unmounted disk busy, so it is not kept for longer.
 */
import { monotonicMs } from "../base/clock.ts";
import { type FileStat, hasSameContent, isUnchanged, leadsElsewhere, statAgain } from "../os/file-stat.ts";
import { hold, release } from "../os/held.ts";
import { MappedFile } from "../os/mapped-file.ts";
import { SealedCopy } from "../os/sealed-copy.ts";
import { hasSettled, REVALIDATE_MS } from "./cache.ts";
import { Copies, isCopyable } from "./copies.ts";
import { placeOf } from "./open.ts";
import type { Representation } from "./representation.ts";

/** Per front. nginx: open_file_cache max, off unless asked for. */
export const OPEN_FILES_MAX = 64;

/** What is asked for all the time is looked at again within that, before it is closed. */
const LOOKED_AT_WITHIN_MS = 250;

/** How often it is looked for descriptors to close, as long as there are any. */
const SWEEP_MS = 1000;

/** `cold` asked for once · `warm` all of it was read, so that nothing waits for a disk · `tried` there is a copy, or will be none */
type Heat = "cold" | "warm" | "tried";

/** Several transfers and the cache read through it, each at its own place (os/read-at.ts); the last one closes it. */
export class OpenFile {
  readonly fd: number;
  readonly stats: FileStat;
  /** The last look at it that showed the content of `stats`. */
  private seen: FileStat;
  /** Was it seen that something was written? What comes later explains that no more. */
  private isTouched = false;
  /** The path that it was opened by, or is known to have been renamed to; "" when nobody knows. */
  private place: string;
  /** Who made it is the first. */
  private users = 1;
  private heat: Heat = "cold";
  /** Undefined as long as nobody keeps it for the next request. */
  private copies: Copies | undefined = undefined;
  private made: SealedCopy | undefined = undefined;
  private mapped: MappedFile | undefined = undefined;

  /** `place`: latin-1 string of bytes. */
  constructor(fd: number, stats: FileStat, place = "") {
    this.fd = hold(fd);
    this.stats = stats;
    this.seen = stats;
    this.place = place;
  }

  retain(): void {
    this.users++;
  }

  release(): void {
    if (--this.users > 0) return;
    this.mapped?.leave();
    release(this.fd);
    this.dropCopy();
  }

  private dropCopy(): void {
    if (this.made === undefined) return;
    release(this.made.fd);
    this.made = undefined;
    this.copies?.giveBack(this.stats);
  }

  /** Was nothing written to it since `stats` were taken? */
  get isUntouched(): boolean {
    const { seen } = this;
    if (this.isTouched) return false;
    const now = statAgain(this.fd, seen);
    if (now === seen) return true;
    if (!(hasSameContent(seen, now) ?? this.wasRenamed(now))) this.isTouched = true;
    else this.seen = now;
    return !this.isTouched;
  }

  /** Asked only where nothing else explains its ctime: so the kernel is not asked for its name before. */
  private wasRenamed(now: FileStat): boolean {
    const { place } = this;
    if (place === "" || now.nlink === 0 || !leadsElsewhere(place, now)) return false;
    this.place = placeOf(this.fd);
    return true;
  }

  /** It is kept: so it may have a copy, out of these. */
  keepIn(copies: Copies): void {
    this.copies = copies;
  }

  /** All of it was sent to somebody. */
  wasRead(): void {
    if (this.heat === "cold") this.heat = "warm";
  }

  /** Its bytes as they were when `stats` were taken, which nobody can change (copies.ts); undefined: there are none. */
  get copy(): SealedCopy | undefined {
    if (this.heat === "warm" && isCopyable(this.stats)) this.makeCopy();
    return this.made;
  }

  private makeCopy(): void {
    if (this.copies === undefined) return;
    this.heat = "tried";
    const fd = this.copies.make(this.fd, this.stats);
    if (fd === -1) return;
    this.made = new SealedCopy(hold(fd));
    // Written to while it was copied: this file is given up at the next request, and transfers end as they do without a copy.
    if (!this.isUntouched) this.dropCopy();
  }

  /** It, to be sent without being read, with what is written to it meanwhile. Undefined where that would be no gain. */
  get mapping(): MappedFile | undefined {
    if (this.mapped === undefined && this.heat === "warm" && this.copies !== undefined && !isCopyable(this.stats))
      this.mapped = new MappedFile(this.fd, this.stats.size);
    return this.mapped?.isLost === false ? this.mapped : undefined;
  }
}

interface Entry {
  readonly file: OpenFile;
  readonly representation: Representation;
  /** Below the root, when it is not what was asked for: of a directory's index. */
  readonly path: string | undefined;
  /** Had it settled when it was opened? */
  readonly settled: boolean;
  /** When it was opened, or looked at by its name. */
  seenMs: number;
}

export class OpenFiles {
  private readonly entriesMax: number;
  private readonly revalidateMs: number;
  /** From the least to the most recently used. */
  private readonly entries = new Map<string, Entry>();
  private readonly copies: Copies;
  private sweeper: ReturnType<typeof setInterval> | undefined = undefined;

  constructor(entriesMax: number = OPEN_FILES_MAX, revalidateMs: number = REVALIDATE_MS, copies = new Copies()) {
    this.entriesMax = entriesMax;
    this.copies = copies;
    this.revalidateMs = revalidateMs;
  }

  get size(): number {
    return this.entries.size;
  }

  /** Still to be believed, and as it was. The file is not retained for the caller. */
  get(key: string): Entry | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if (!entry.file.isUntouched) return void this.drop(key);
    return this.isFresh(entry, monotonicMs()) ? this.use(key, entry) : undefined;
  }

  /** Its name leads to the file that has these stats: is it the one that is kept? Then it is to be believed again. Else it is given up. */
  renew(key: string, stats: FileStat): Entry | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if (!entry.settled || !isUnchanged(entry.file.stats, stats)) return void this.drop(key);
    entry.seenMs = monotonicMs();
    return this.use(key, entry);
  }

  private use(key: string, entry: Entry): Entry {
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry;
  }

  put(key: string, file: OpenFile, representation: Representation, path?: string): void {
    if (this.entriesMax === 0 || this.revalidateMs === 0) return;
    this.drop(key);
    file.retain();
    file.keepIn(this.copies);
    this.entries.set(key, { file, representation, path, settled: hasSettled(file.stats), seenMs: monotonicMs() });
    if (this.entries.size > this.entriesMax) this.drop(this.entries.keys().next().value ?? key);
    this.sweeper ??= setInterval(sweep, SWEEP_MS, this).unref();
  }

  /** Closes what is not believed any more. */
  sweep(nowMs: number): void {
    for (const [key, entry] of this.entries) if (!this.isFresh(entry, nowMs - LOOKED_AT_WITHIN_MS)) this.drop(key);
    if (this.entries.size > 0) return;
    clearInterval(this.sweeper);
    this.sweeper = undefined;
  }

  private isFresh(entry: Entry, nowMs: number): boolean {
    return nowMs - entry.seenMs < this.revalidateMs;
  }

  /** Closes it, if it is kept. */
  drop(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    this.entries.delete(key);
    entry.file.release();
  }
}

function sweep(files: OpenFiles): void {
  files.sweep(monotonicMs());
}
