/**
 * Which names were asked for lately, roughly: what the cache asks before it puts out one file for another. Each name may be
 * pushed out by another, so that nothing grows; a name that is taken for one that was met costs a place in the cache, no more.
 */

/** A power of two, of four bytes each: 64 KiB. nginx: open_file_cache_min_uses counts in the entries themselves. */
const SLOTS = 16_384;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class Acquaintances {
  private readonly hashes = new Int32Array(SLOTS);

  /** Was it met before? From now on it was. `salt`: of those who share this. */
  meet(name: string, salt: number): boolean {
    let hash = FNV_OFFSET ^ salt;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), FNV_PRIME);
    const slot = (hash >>> 16) & (SLOTS - 1);
    hash |= 1; // 0 is an empty place
    if (this.hashes[slot] === hash) return true;
    this.hashes[slot] = hash;
    return false;
  }
}
