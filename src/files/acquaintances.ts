/**
 * Which names were asked for lately, roughly: what the cache asks before it takes a file. Each name may be pushed out by others,
 * so that nothing grows; a name that is taken for one that was met costs a place in the cache, no more. Two of one hash are
 * remembered beside each other: of ten thousand names that are asked for in turn 1 in 20 is not.
 */

/** A power of two, of four bytes each: 256 KiB. nginx: open_file_cache_min_uses counts in the entries themselves. */
const SLOTS = 65_536;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class Acquaintances {
  private readonly hashes = new Int32Array(SLOTS);

  /** Was it met before? From now on it was. `salt`: of those who share this. */
  meet(name: string, salt: number): boolean {
    let hash = FNV_OFFSET ^ salt;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), FNV_PRIME);
    const newer = (hash >>> 15) & (SLOTS - 2);
    const older = newer + 1;
    hash |= 1; // 0 is an empty place
    const { hashes } = this;
    if (hashes[newer] === hash || hashes[older] === hash) return true;
    hashes[older] = hashes[newer] as number; // newer < SLOTS
    hashes[newer] = hash;
    return false;
  }
}
