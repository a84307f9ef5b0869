/**
 * Leaky buckets in memory that all front threads share, so that a limit is one limit however many fronts there are.
 * A bucket is one number, the time at which it would be empty again (GCRA, ITU-T I.371, which lets through exactly what
 * nginx's limit_req lets through): a request that comes when it lies `burst` intervals ahead or less moves it one
 * interval on. One number can be changed with one compare-and-swap; no lock, so no thread can leave one behind.
 *
 *   64-bit words   fingerprint 0 │ free at 0 │ fingerprint 1 │ free at 1 │ …      sets of 8 buckets
 *
 * A key has its place in one set, by a keyed hash (nobody outside can aim at a set). In a full set the bucket that is
 * nearest to being empty gives way: when it is empty already, which is nearly always, nothing is forgotten by that.
 */
import { assert } from "../base/assert.ts";

/** 1 MiB of memory; nginx's usual `zone=…:10m` holds about 160,000 addresses. */
export const LIMIT_ENTRIES = 65_536;
export const LIMIT_ENTRIES_MIN = 1024;
export const LIMIT_ENTRIES_MAX = 16 * 1024 * 1024;

export const DEFAULT_LIMIT_KEY = "$remote_addr";

const WAYS = 8;
const BUCKET_BYTES = 16;

/** Lost races before a request is let through: they are so rare that more would be a bug. */
const ATTEMPTS_MAX = 100;

export interface Rate {
  /** Between two requests at exactly this rate, microseconds. */
  readonly intervalUs: number;
  readonly burst: number;
}

/** What the fronts are given: made by the master, so that it outlives each of them. */
export interface RateMemory {
  readonly buffer: SharedArrayBuffer;
  readonly seed: bigint;
  /** Requests that were refused, of all fronts: one Int32. */
  readonly refusals: SharedArrayBuffer;
}

export function makeRateMemory(entries: number): RateMemory {
  const count = bucketCount(entries);
  const [seed = 0n] = crypto.getRandomValues(new BigUint64Array(1));
  const refusals = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  return { buffer: new SharedArrayBuffer(count * BUCKET_BYTES), seed, refusals };
}

function bucketCount(entries: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(entries, WAYS)));
}

/** Is it as large as one for so many entries would be? */
export function holdsEntries(memory: RateMemory, entries: number): boolean {
  return memory.buffer.byteLength === bucketCount(entries) * BUCKET_BYTES;
}

export function countRefusal({ refusals }: RateMemory): void {
  Atomics.add(new Int32Array(refusals), 0, 1);
}

export function refusalsOf({ refusals }: RateMemory): number {
  return Atomics.load(new Int32Array(refusals), 0);
}

export class RateTable {
  private readonly words: BigInt64Array;
  private readonly seed: bigint;
  private readonly setMask: bigint;
  private readonly interval: bigint;
  /** How far ahead a bucket may lie before the next request is one too many. */
  private readonly tolerance: bigint;

  constructor(memory: RateMemory, rate: Rate) {
    const sets = memory.buffer.byteLength / BUCKET_BYTES / WAYS;
    assert(Number.isInteger(Math.log2(sets)), "the number of sets is a power of two");
    this.words = new BigInt64Array(memory.buffer);
    this.seed = memory.seed;
    this.setMask = BigInt(sets - 1);
    this.interval = BigInt(rate.intervalUs);
    this.tolerance = BigInt(rate.burst) * this.interval;
  }

  /** Counts a request at `nowUs` (a clock that all fronts read alike). 0 or more: it may pass, and is so many microseconds
   *  ahead of its rate. Negative: it may not, before so many microseconds are over; it was not counted. */
  take(key: string, nowUs: number): number {
    const now = BigInt(Math.floor(nowUs));
    const at = this.find(key, now) + 1;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const free = Atomics.load(this.words, at);
      const ahead = this.ahead(free, now);
      if (ahead > this.tolerance) return Number(this.tolerance - ahead);
      if (Atomics.compareExchange(this.words, at, free, now + ahead + this.interval) === free) return Number(ahead);
    }
    return 0;
  }

  /** What `take` would say, without counting. */
  peek(key: string, nowUs: number): number {
    const now = BigInt(Math.floor(nowUs));
    const ahead = this.ahead(Atomics.load(this.words, this.find(key, now) + 1), now);
    return ahead > this.tolerance ? Number(this.tolerance - ahead) : Number(ahead);
  }

  private ahead(free: bigint, now: bigint): bigint {
    return free > now ? free - now : 0n;
  }

  /** The index of the key's fingerprint, put there if it had none. */
  private find(key: string, now: bigint): number {
    const hash = BigInt.asIntN(64, BigInt(Bun.hash.wyhash(key, this.seed)));
    // 0 is an empty bucket.
    const fingerprint = hash === 0n ? 1n : hash;
    const set = Number(fingerprint & this.setMask) * WAYS * 2;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const known = this.indexOf(set, fingerprint);
      if (known !== -1) return known;
      const victim = this.leastBusy(set);
      const before = Atomics.load(this.words, victim);
      // Another front was quicker.
      if (before === fingerprint) return victim;
      const free = Atomics.load(this.words, victim + 1);
      if (Atomics.compareExchange(this.words, victim, before, fingerprint) !== before) continue;
      // An empty bucket is as good as new; a busy one is emptied unless another front has just counted in it.
      if (free > now) Atomics.compareExchange(this.words, victim + 1, free, 0n);
      return this.bucketOf(set, victim, fingerprint);
    }
    return set;
  }

  /** Another front may have put the same key into another bucket meanwhile: whoever comes second sees the first one's, and gives its
   *  own up. */
  private bucketOf(set: number, own: number, fingerprint: bigint): number {
    for (let at = set; at < set + WAYS * 2; at += 2) {
      if (at === own || Atomics.load(this.words, at) !== fingerprint) continue;
      // When both are second the first bucket stays.
      if (at > own && Atomics.load(this.words, at + 1) === 0n) continue;
      Atomics.compareExchange(this.words, own, fingerprint, 0n);
      return at;
    }
    return own;
  }

  private indexOf(set: number, fingerprint: bigint): number {
    for (let at = set; at < set + WAYS * 2; at += 2) if (Atomics.load(this.words, at) === fingerprint) return at;
    return -1;
  }

  private leastBusy(set: number): number {
    let least = set;
    for (let at = set; at < set + WAYS * 2; at += 2) {
      if (Atomics.load(this.words, at + 1) < Atomics.load(this.words, least + 1)) least = at;
    }
    return least;
  }
}
