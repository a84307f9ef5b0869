/**
 * The second tier of a cache: replies that gave way in memory, and at a stop all that are worth it, in files. One index in
 * memory says what is there; files are written one after the other behind everything else, and read back whole and checked.
 *
 *   save ──▶ waiting (bounded) ──▶ new-NAME ──rename──▶ NAME, indexed ──▶ load ──▶ memory again
 *                                                         └── what was used longest ago gives way
 *
 * What fails is a miss and no error for anybody: a full disk, a directory that was removed, a torn file. It is said once. At
 * the start the directory is read in the background; until then what is in it is not known, and what is forgotten or
 * stored meanwhile is remembered.
 */
import { createHash } from "node:crypto";
import type { Log } from "../base/log.ts";
import type { Fields } from "../protocol/http/fields.ts";
import { DiskFiles } from "./disk-files.ts";
import { decodeFile, type DiskHead, diskHeadOf, encodeFront, entryOf } from "./disk-format.ts";
import { diskBytes, DiskIndex, type DiskRecord } from "./disk-index.ts";
import type { CacheEntry } from "./entry.ts";
import { DISK_ENTRIES_MAX, DISK_PAUSE_MS, DISK_WAITING_BYTES_MAX, DISK_WORTH_MS } from "./options.ts";

export interface DiskOptions {
  /** Of this cache in this front alone; made when it is not there. */
  readonly directory: string;
  readonly bytesMax: number;
  /** What is there is used; else it is removed. */
  readonly keeps: boolean;
}

interface Waiting {
  readonly key: string;
  readonly place: string;
  readonly entry: CacheEntry;
}

/** Files removed before anything else goes on, when replies are forgotten. */
const REMOVED_NOW_MAX = 256;

export class DiskTier {
  /** Resolves when the directory was read. */
  readonly ready: Promise<void>;
  private readonly options: DiskOptions;
  private bytesMax: number;
  private readonly log: Log;
  private readonly now: () => number;
  private readonly wall: () => number;
  private readonly files: DiskFiles;
  private readonly index = new DiskIndex();
  /** Entries to be written, by key and variant. */
  private readonly waiting = new Map<string, Waiting>();
  private waitingBytes = 0;
  private readonly removals: string[] = [];
  private work: Promise<void> | undefined = undefined;
  /** While the directory is read: what is no longer to be found in it. */
  private outdated: ((record: DiskRecord) => boolean)[] | undefined = [];
  private troubled = false;
  private pausedUntilMs = 0;

  /** `now` and `wall`: base/clock monotonicMs and wallMs. */
  constructor(options: DiskOptions, log: Log, now: () => number, wall: () => number) {
    this.options = options;
    this.bytesMax = options.bytesMax;
    this.log = log;
    this.now = now;
    this.wall = wall;
    this.files = new DiskFiles(options.directory);
    this.ready = this.open();
  }

  get count(): number {
    return this.index.count;
  }

  get bytes(): number {
    return this.index.bytes;
  }

  /** How much it may hold from now on; heeded when something is saved. */
  resize(bytesMax: number): void {
    this.bytesMax = bytesMax;
  }

  private async open(): Promise<void> {
    const found: { record: DiskRecord; bornAt: number }[] = [];
    try {
      await this.files.makeDirectory();
      await this.files.scan(
        (head) => this.options.keeps && isWorth(head, this.wall()),
        ({ name, head, fileBytes }) => found.push({ record: recordOf(name, head, fileBytes), bornAt: head.bornAt }),
      );
    } catch (error) {
      this.trouble(error);
    }
    found.sort((a, b) => a.bornAt - b.bornAt);
    this.take(found.map(({ record }) => record));
    this.shrink(0);
    this.go();
  }

  /** A process that was killed may have left two of the same: the younger one counts. */
  private take(found: readonly DiskRecord[]): void {
    const outdated = this.outdated ?? [];
    this.outdated = undefined;
    const youngest = new Map(found.map((record) => [variantName(record.key, record.vary), record]));
    const good = found.filter(
      (record) => youngest.get(variantName(record.key, record.vary)) === record && !outdated.some((is) => is(record)),
    );
    const kept = new Set(good);
    for (const record of found) if (!kept.has(record)) this.removals.push(record.name);
    this.index.addOlder(good);
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

  find(key: string, request: Fields): DiskRecord | undefined {
    return this.index.find(key, request);
  }

  /** Undefined: it is not there any more, or no longer what it was. */
  async load(record: DiskRecord): Promise<CacheEntry | undefined> {
    const bytes = await this.files.read(record.name, record.fileBytes);
    const found = bytes === undefined ? undefined : decodeFile(bytes);
    if (!this.index.has(record)) return undefined;
    if (found === undefined || found.head.key !== record.key) {
      this.drop(record);
      return undefined;
    }
    this.index.touch(record);
    return entryOf(found.head, found.content, record.fileBytes, this.now(), this.wall());
  }

  // ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Unless it is there already, or not worth it. `all`: however much waits. */
  save(key: string, place: string, entry: CacheEntry, all = false): void {
    const bornAt = this.wall() - (this.now() - entry.bornMs);
    if (this.now() < this.pausedUntilMs || diskBytes(entry.bytes) > this.bytesMax) return;
    const known = this.index.same(key, entry.vary);
    if (known !== undefined) return this.index.touch(known);
    if (!isWorth({ ...entry, fields: [...entry.head.fields.pairs()], bornAt }, this.wall())) return;
    if (!all && this.waitingBytes > 0 && this.waitingBytes + entry.bytes > DISK_WAITING_BYTES_MAX) return;
    const name = variantName(key, entry.vary);
    if (this.waiting.has(name)) return;
    this.waiting.set(name, { key, place, entry });
    this.waitingBytes += entry.bytes;
    this.go();
  }

  /** Resolves when nothing waits to be written, or after `boundMs`; then it is given up. */
  async flush(boundMs: number): Promise<void> {
    await this.ready;
    const bound = setTimeout(() => this.waiting.clear(), boundMs);
    while (this.work !== undefined) await this.work;
    clearTimeout(bound);
  }

  private go(): void {
    const isWork = this.removals.length > 0 || this.waiting.size > 0;
    if (isWork && this.outdated === undefined) this.work ??= this.doWork();
  }

  /** Only when there is something to do: then it does not end before `work` is set. */
  private async doWork(): Promise<void> {
    for (;;) {
      const removed = this.removals.pop();
      const next = this.waiting.entries().next().value;
      if (removed !== undefined) await this.files.remove(removed);
      else if (next !== undefined) await this.write(...next);
      else break;
    }
    this.work = undefined;
  }

  private async write(variant: string, job: Waiting): Promise<void> {
    const { key, place, entry } = job;
    const head = diskHeadOf(key, place, entry, this.wall() - (this.now() - entry.bornMs));
    const front = encodeFront(head, entry.body);
    const name = `${variant}-${crypto.randomUUID().slice(0, 8)}`;
    const record = recordOf(name, head, front.length + entry.body.length);
    this.shrink(diskBytes(record.fileBytes));
    const written = await this.tryWrite(name, front, entry.body);
    // It may have been forgotten meanwhile.
    const isWanted = this.waiting.get(variant) === job;
    if (isWanted) this.dropWaiting(variant, job);
    if (written && isWanted) this.index.add(record);
    else if (written) this.files.removeNow(name);
  }

  private async tryWrite(name: string, front: Buffer, content: Uint8Array): Promise<boolean> {
    try {
      await this.files.write(name, front, content).catch(async (error: unknown) => {
        if (!isMissing(error)) throw error;
        await this.files.makeDirectory();
        await this.files.write(name, front, content);
      });
      this.recovered();
      return true;
    } catch (error) {
      this.trouble(error);
      return false;
    }
  }

  private trouble(error: unknown): void {
    this.pausedUntilMs = this.now() + DISK_PAUSE_MS;
    this.waiting.clear();
    this.waitingBytes = 0;
    if (this.troubled) return;
    this.troubled = true;
    const why = error instanceof Error ? error.message : String(error);
    this.log.error(`cache on disk: nothing is kept in ${this.options.directory} for now: ${why}`);
  }

  private recovered(): void {
    if (!this.troubled) return;
    this.troubled = false;
    this.log.notice(`cache on disk: ${this.options.directory} can be written to again`);
  }

  private shrink(forBytes: number): void {
    const { index } = this;
    const { bytesMax } = this;
    while (index.bytes + forBytes > bytesMax || index.count >= DISK_ENTRIES_MAX) {
      const { oldest } = index;
      if (oldest === undefined) return;
      this.drop(oldest);
    }
  }

  private drop(record: DiskRecord): void {
    if (!this.index.delete(record)) return;
    this.removals.push(record.name);
    this.go();
  }

  private dropWaiting(variant: string, { entry }: Waiting): void {
    if (this.waiting.delete(variant)) this.waitingBytes -= entry.bytes;
  }

  // ── forgetting ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Something newer answers the same requests. */
  supersede(key: string, vary: CacheEntry["vary"]): void {
    const variant = variantName(key, vary);
    this.outdated?.push((record) => variantName(record.key, record.vary) === variant);
    const waiting = this.waiting.get(variant);
    if (waiting !== undefined) this.dropWaiting(variant, waiting);
    const record = this.index.same(key, vary);
    if (record !== undefined) this.drop(record);
  }

  /** Returns how many replies. */
  forget(isMeant: (place: string) => boolean): number {
    this.outdated?.push(({ place }) => isMeant(place));
    for (const [variant, waiting] of this.waiting) if (isMeant(waiting.place)) this.dropWaiting(variant, waiting);
    const records = this.index.of(isMeant);
    records.forEach((record, i) => {
      this.index.delete(record);
      if (i < REMOVED_NOW_MAX) this.files.removeNow(record.name);
      else this.removals.push(record.name);
    });
    this.go();
    return records.length;
  }
}

function recordOf(name: string, { key, place, vary }: DiskHead, fileBytes: number): DiskRecord {
  return { name, key, place, vary, fileBytes };
}

function variantName(key: string, vary: CacheEntry["vary"]): string {
  return createHash("sha256")
    .update(JSON.stringify([key, vary]))
    .digest("hex")
    .slice(0, 32);
}

type Worth = Pick<DiskHead, "lifetime" | "fields" | "bornAt">;

/** May it still be used for a while, or be asked about? */
function isWorth({ lifetime, fields, bornAt }: Worth, nowAt: number): boolean {
  if (fields.some(([name]) => /^(?:etag|last-modified)$/i.test(name))) return true;
  const { freshMs, staleWhileRevalidateMs, staleIfErrorMs } = lifetime;
  return bornAt + freshMs + Math.max(staleWhileRevalidateMs, staleIfErrorMs) - nowAt >= DISK_WORTH_MS;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
