/** Which replies are on disk: by key and by what they vary, in the order in which they were used last. No files here. */
import type { Fields } from "../protocol/http/fields.ts";
import type { CacheEntry } from "./entry.ts";
import { varyingValue } from "./request.ts";

/** What file systems give a small file. */
const BLOCK_BYTES = 4096;

export interface DiskRecord {
  /** Of the file. */
  readonly name: string;
  readonly key: string;
  readonly place: string;
  readonly vary: CacheEntry["vary"];
  readonly fileBytes: number;
}

/** What it takes of the disk. */
export function diskBytes(fileBytes: number): number {
  return Math.ceil(fileBytes / BLOCK_BYTES) * BLOCK_BYTES;
}

export class DiskIndex {
  bytes = 0;
  private readonly keys = new Map<string, readonly DiskRecord[]>();
  /** What was used longest ago first. */
  private used = new Map<string, DiskRecord>();

  get count(): number {
    return this.used.size;
  }

  get oldest(): DiskRecord | undefined {
    return this.used.values().next().value;
  }

  has(record: DiskRecord): boolean {
    return this.used.get(record.name) === record;
  }

  find(key: string, request: Fields): DiskRecord | undefined {
    return this.keys
      .get(key)
      ?.find(({ vary }) => vary.every(([lower, value]) => varyingValue(request, lower) === value));
  }

  /** The one that answers the same requests. */
  same(key: string, vary: CacheEntry["vary"]): DiskRecord | undefined {
    const wanted = JSON.stringify(vary);
    return this.keys.get(key)?.find((record) => JSON.stringify(record.vary) === wanted);
  }

  touch(record: DiskRecord): void {
    if (this.used.delete(record.name)) this.used.set(record.name, record);
  }

  add(record: DiskRecord): void {
    this.keys.set(record.key, [...(this.keys.get(record.key) ?? []), record]);
    this.used.set(record.name, record);
    this.bytes += diskBytes(record.fileBytes);
  }

  /** What was found on the disk is older than what came since. */
  addOlder(records: readonly DiskRecord[]): void {
    const newer = [...this.used.values()];
    for (const record of records) this.add(record);
    for (const record of newer) this.touch(record);
  }

  delete(record: DiskRecord): boolean {
    if (!this.has(record)) return false;
    this.used.delete(record.name);
    this.bytes -= diskBytes(record.fileBytes);
    const others = (this.keys.get(record.key) ?? []).filter((other) => other !== record);
    if (others.length > 0) this.keys.set(record.key, others);
    else this.keys.delete(record.key);
    return true;
  }

  of(isMeant: (place: string) => boolean): DiskRecord[] {
    return [...this.used.values()].filter(({ place }) => isMeant(place));
  }
}
