/** Where kept replies are: by key, each with its variants, bounded in bytes; what was used longest ago gives way. */
import type { Fields } from "../protocol/http/fields.ts";
import { answers, type CacheEntry } from "./entry.ts";
import { VARIANTS_MAX } from "./options.ts";

interface Slot {
  readonly key: string;
  readonly place: string;
  /** The oldest first. */
  variants: readonly CacheEntry[];
}

/** There was no more room for this one. */
export type GaveWay = (key: string, place: string, entry: CacheEntry) => void;

export class Store {
  private readonly gaveWay: GaveWay;
  /** Of all entries. */
  bytes = 0;
  private readonly bytesMax: number;
  private readonly reservedMax: number;
  /** Of replies that are on their way. */
  private reserved = 0;
  private readonly slots = new Map<string, Slot>();
  /** Host and target → what is kept of it, under whatever keys. */
  private readonly places = new Map<string, Set<Slot>>();
  /** In the order in which they were used last. */
  private readonly used = new Map<CacheEntry, Slot>();

  /** `reservedMax`: of `bytesMax`, or beyond it for a single reply that only a disk can hold. */
  constructor(bytesMax: number, reservedMax = bytesMax / 2, gaveWay: GaveWay = () => {}) {
    this.bytesMax = bytesMax;
    this.reservedMax = reservedMax;
    this.gaveWay = gaveWay;
  }

  get count(): number {
    return this.used.size;
  }

  /** What was used longest ago first. */
  each(visit: GaveWay): void {
    for (const [entry, { key, place }] of this.used) visit(key, place, entry);
  }

  find(key: string, request: Fields): CacheEntry | undefined {
    const slot = this.slots.get(key);
    const found = slot?.variants.find((entry) => answers(entry, request));
    if (found === undefined || slot === undefined) return undefined;
    this.used.delete(found);
    this.used.set(found, slot);
    return found;
  }

  has(key: string, vary: CacheEntry["vary"]): boolean {
    return this.slots.get(key)?.variants.some((other) => isSameVary(other.vary, vary)) === true;
  }

  /** Names of the fields on which replies under this key are known to depend. */
  varyOf(key: string): readonly string[] {
    return this.slots.get(key)?.variants.at(-1)?.lifetime.vary ?? [];
  }

  put(key: string, place: string, entry: CacheEntry): void {
    if (entry.bytes > this.bytesMax) return this.gaveWay(key, place, entry);
    const slot = this.slots.get(key) ?? this.open(key, place);
    const same = slot.variants.filter((other) => isSameVary(other.vary, entry.vary));
    for (const other of same) this.drop(other, slot);
    const oldest = slot.variants[0];
    if (oldest !== undefined && slot.variants.length >= VARIANTS_MAX) this.drop(oldest, slot);
    slot.variants = [...slot.variants, entry];
    // Dropping the last variant may have closed the slot.
    this.slots.set(key, slot);
    this.placed(slot);
    this.used.set(entry, slot);
    this.bytes += entry.bytes;
    this.shrink();
  }

  private open(key: string, place: string): Slot {
    return { key, place, variants: [] };
  }

  private placed(slot: Slot): void {
    const there = this.places.get(slot.place);
    if (there === undefined) this.places.set(slot.place, new Set([slot]));
    else there.add(slot);
  }

  /** For a reply that is on its way, at the cost of what is kept; no more than half of all, where there is no disk. Negative
   *  gives back. */
  reserve(bytes: number): boolean {
    if (bytes > 0 && this.reserved + bytes > this.reservedMax) return false;
    this.reserved += bytes;
    this.shrink();
    return true;
  }

  private shrink(): void {
    for (const [entry, slot] of this.used) {
      if (this.bytes + this.reserved <= this.bytesMax) return;
      this.drop(entry, slot);
      this.gaveWay(slot.key, slot.place, entry);
    }
  }

  private drop(entry: CacheEntry, slot: Slot): void {
    if (!this.used.delete(entry)) return;
    this.bytes -= entry.bytes;
    slot.variants = slot.variants.filter((other) => other !== entry);
    if (slot.variants.length > 0) return;
    this.slots.delete(slot.key);
    const there = this.places.get(slot.place);
    there?.delete(slot);
    if (there?.size === 0) this.places.delete(slot.place);
  }

  remove(key: string, entry: CacheEntry): void {
    const slot = this.slots.get(key);
    if (slot !== undefined) this.drop(entry, slot);
  }

  /** All that is kept of this host and target. Returns how many replies. */
  forget(place: string): number {
    return this.dropAll([...(this.places.get(place) ?? [])]);
  }

  /** …of all that begin like this. */
  forgetBelow(prefix: string): number {
    const found = [...this.places].filter(([place]) => place.startsWith(prefix));
    return this.dropAll(found.flatMap(([, slots]) => [...slots]));
  }

  private dropAll(slots: readonly Slot[]): number {
    let count = 0;
    for (const slot of slots) {
      for (const entry of slot.variants) {
        this.drop(entry, slot);
        count++;
      }
    }
    return count;
  }
}

function isSameVary(one: CacheEntry["vary"], other: CacheEntry["vary"]): boolean {
  return one.length === other.length && one.every(([lower, value], i) => isPair(other[i], lower, value));
}

function isPair(pair: readonly [string, string] | undefined, lower: string, value: string): boolean {
  return pair !== undefined && pair[0] === lower && pair[1] === value;
}
