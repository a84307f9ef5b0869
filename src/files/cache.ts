/**
 * Small hot files in memory: bytes and prepared heads. A file is kept when it is asked for the second time. One cache per front thread; every handler has a shelf of its own in
 * it, so keys are paths below the handler's root. When the sum is reached the oldest goes that was not used since it was
 * last looked at for that ("second chance"): a use is one mark in the entry. A list in the order of use costs a write to
 * four entries for each request, which with ten thousand files are four waits for memory.
 *
 * An entry is believed for a second (`cache_revalidate`); then the file is looked at or opened again with every check, and if it is
 * still the same one (device, inode, size, both times) the bytes stay. A file changed within the last moments before it was
 * read might have changed again without a trace (its times are as coarse as the kernel's tick), so it is read again.
 *
 * What is not there is not remembered: the kernel says so in a microsecond, and a file that was just put in its place is
 * then found at once.
 */
import { KEPT_HEAD_BYTES_MAX, KeptReply } from "../protocol/http/kept-reply.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import { collectSoon } from "../os/collector.ts";
import { type FileStat, isUnchanged } from "../os/file-stat.ts";
import type { ContentCoding } from "../exchange/content-coding.ts";
import { Acquaintances } from "./acquaintances.ts";
import type { Representation } from "./representation.ts";

/** Largest file that is kept, and that is sent with one write. */
export const CACHED_FILE_BYTES_MAX = 64 * 1024;

/** All files of one cache, that is of one front. nginx has no such cache; it leaves the bytes to the kernel's, which costs it
 *  an open, a fstat and a sendfile per request. Ten thousand files of 4 KB fit. */
export const CACHE_BYTES_MAX = 64 * 1024 * 1024;

/** nginx: open_file_cache_valid, 60 s, but that cache is off unless asked for. A second is hardly noticed after a
 *  deployment, and a thousand requests share one look at the disk. */
export const REVALIDATE_MS = 1000;

/** A file younger than this when it was read is not trusted. FAT counts in 2 s. */
const SETTLED_AFTER_MS = 2000;

/** In the same trial as below two fifths are answered from the cache then, and before none was: a request costs half. */
export const KNOCKS = 8;

/** What left the cache is collected when it is as much as a quarter of it, and so much: left to itself the engine waits until the memory of
 *  the thread has doubled. Measured, 143 MiB of files in turn through a cache of 64: the process then grew by 350 MiB. */
const GONE_BYTES_MIN = 16 * 1024 * 1024;

/** What an entry costs beside its bytes: heads, texts, the Map's place. */
const ENTRY_OVERHEAD_BYTES = 1024 + KEPT_HEAD_BYTES_MAX;

export interface CachedFile {
  readonly representation: Representation;
  readonly bytes: Buffer;
  readonly stats: FileStat;
  /** Of the file itself, below the root, when that is not the key: of a directory's index. */
  readonly path?: string | undefined;
}

export interface CachedSibling extends CachedFile {
  /** Had it settled when it was read? */
  readonly settled: boolean;
}

/** The encoded forms of a cached file (precompressed.ts); they come and go with it. */
export interface Variants {
  /** When siblings were looked for: they are looked for again whenever the file itself was looked at. */
  checkedMs: number;
  readonly siblings: Map<ContentCoding, CachedSibling>;
  /** Null: compressed it is no smaller. */
  readonly made: Map<ContentCoding, CachedFile | null>;
  /** Of all of them. */
  bytes: number;
}

/** As it is put in. */
export interface FileToKeep extends Omit<CachedFile, "bytes"> {
  /** Its bytes, or the reply that holds them. */
  readonly content: Buffer | KeptReply;
}

export class CacheEntry implements CachedFile {
  // What each request needs comes first, so that it lies together in memory.
  checkedMs: number;
  /** Since it was put in, or last spared. */
  used = false;
  /** Of all of it, as `representation` has it: what most requests need of the entry, and nothing else. */
  readonly head: ReplyHead;
  private made: Buffer | undefined;
  readonly representation: Representation;
  variants: Variants | undefined = undefined;
  readonly shelf: Shelf;
  readonly key: string;
  readonly stats: FileStat;
  readonly path: string | undefined;
  /** Had the file settled when it was read? */
  readonly settled: boolean;
  /** Of its content. */
  readonly size: number;
  newer: CacheEntry | undefined = undefined;
  older: CacheEntry | undefined = undefined;
  private readonly content: Buffer | KeptReply;

  constructor(shelf: Shelf, key: string, { representation, content, stats, path }: FileToKeep, nowMs: number) {
    this.checkedMs = nowMs;
    this.head = representation.head;
    this.made = undefined;
    this.representation = representation;
    this.shelf = shelf;
    this.key = copyOf(key);
    this.stats = stats;
    this.path = path;
    this.settled = hasSettled(stats);
    this.size = content instanceof KeptReply ? content.contentLength : content.length;
    this.content = content;
  }

  /** A view is made when the first asks for it: many are never asked for again. */
  get bytes(): Buffer {
    return (this.made ??= this.content instanceof KeptReply ? this.content.content() : this.content);
  }
}

export class FileCache {
  readonly bytesMax: number;
  /** How long an entry is believed without a look at the disk. */
  readonly revalidateMs: number;
  /** Bytes kept, overhead included. */
  bytes = 0;
  private readonly acquaintances = new Acquaintances();
  /** Bytes that were let go of and may lie there still. */
  private gone = 0;
  private knocks = 0;
  private shelves = 0;
  private newest: CacheEntry | undefined = undefined;
  private oldest: CacheEntry | undefined = undefined;

  constructor(bytesMax: number = CACHE_BYTES_MAX, revalidateMs: number = REVALIDATE_MS) {
    this.bytesMax = bytesMax;
    this.revalidateMs = revalidateMs;
  }

  shelf(): Shelf {
    return new Shelf(this, ++this.shelves);
  }

  /** Is a file of this size to be kept? If it was asked for before: fresh memory for each file that is asked for once would cost
   *  half as much again as to read it and send it. And if there is room, or another one yields. */
  admits(key: string, size: number, shelf: number): boolean {
    const bytes = size + key.length + ENTRY_OVERHEAD_BYTES;
    if (bytes > this.bytesMax || !this.acquaintances.meet(key, shelf)) return false;
    return this.bytes + bytes <= this.bytesMax || this.yields();
  }

  /** Where more is asked for in turn than there is room for, each would drive out another that is asked for before it is again. So only
   *  one in so many gets another's place: who is asked for often knocks often. */
  private yields(): boolean {
    this.knocks = (this.knocks + 1) % KNOCKS;
    return this.knocks === 0;
  }

  added(entry: CacheEntry): void {
    this.bytes += cost(entry);
    this.link(entry);
    this.shrink();
  }

  /** An entry of it has become so many bytes more, or less. */
  grown(bytes: number): void {
    this.bytes += bytes;
    this.shrink();
  }

  private shrink(): void {
    while (this.bytes > this.bytesMax && this.oldest !== undefined) this.turn(this.oldest);
  }

  /** Ends, since a spared one is spared once. */
  private turn(oldest: CacheEntry): void {
    if (!oldest.used) return oldest.shelf.remove(oldest);
    oldest.used = false;
    this.unlink(oldest);
    this.link(oldest);
  }

  removed(entry: CacheEntry): void {
    this.bytes -= cost(entry);
    this.unlink(entry);
    this.gone += entry.size;
    if (this.gone < Math.max(GONE_BYTES_MIN, this.bytesMax / 4)) return;
    this.gone = 0;
    collectSoon();
  }

  private link(entry: CacheEntry): void {
    entry.older = this.newest;
    entry.newer = undefined;
    if (this.newest !== undefined) this.newest.newer = entry;
    this.newest = entry;
    this.oldest ??= entry;
  }

  private unlink(entry: CacheEntry): void {
    if (entry.newer === undefined) this.newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === undefined) this.oldest = entry.newer;
    else entry.older.newer = entry.newer;
  }
}

export class Shelf {
  private readonly cache: FileCache;
  private readonly number: number;
  private readonly entries = new Map<string, CacheEntry>();

  constructor(cache: FileCache, number: number) {
    this.cache = cache;
    this.number = number;
  }

  /** Is a file that is not here, of `size` bytes, to be put here? */
  admits(key: string, size: number): boolean {
    return this.cache.admits(key, size, this.number);
  }

  /** The entry, fresh or not. */
  get(key: string): CacheEntry | undefined {
    const entry = this.entries.get(key);
    if (entry !== undefined) entry.used = true;
    return entry;
  }

  put(key: string, file: FileToKeep, nowMs: number): CacheEntry {
    const before = this.entries.get(key);
    if (before !== undefined) this.remove(before);
    const entry = new CacheEntry(this, key, file, nowMs);
    this.entries.set(entry.key, entry);
    this.cache.added(entry);
    return entry;
  }

  /** May the entry be used without a look at the disk? `nowMs` is monotonic. */
  isFresh(entry: CacheEntry, nowMs: number): boolean {
    return nowMs - entry.checkedMs < this.cache.revalidateMs;
  }

  /** Its encoded forms have become so many bytes more, or less. It may have left the cache already, or leave it now. */
  grown(entry: CacheEntry, variants: Variants, bytes: number): void {
    variants.bytes += bytes;
    if (this.entries.get(entry.key) === entry) this.cache.grown(bytes);
  }

  remove(entry: CacheEntry): void {
    if (this.entries.delete(entry.key)) this.cache.removed(entry);
  }
}

/** Are the bytes of the entry still those of the file that has these stats? */
export function isSameFile(entry: Pick<CacheEntry, "settled" | "stats">, stats: FileStat): boolean {
  return entry.settled && isUnchanged(entry.stats, stats);
}

export function hasSettled({ mtimeSec, mtimeNsec, ctimeSec, ctimeNsec }: FileStat): boolean {
  const changedMs = Math.max(mtimeSec * 1000 + mtimeNsec / 1e6, ctimeSec * 1000 + ctimeNsec / 1e6);
  return Date.now() - changedMs > SETTLED_AFTER_MS;
}

function cost(entry: CacheEntry): number {
  return entry.size + (entry.variants?.bytes ?? 0) + entry.key.length + ENTRY_OVERHEAD_BYTES;
}

/** A key may be a slice that keeps a whole request head in memory. */
function copyOf(key: string): string {
  return Buffer.from(key, "latin1").latin1Slice();
}
