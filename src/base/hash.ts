/** Hashes of 32 bits, unsigned, for tables and rings; nothing that an attacker must not foresee. */

/** FNV-1a, then mixed, without which similar names stay neighbours. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mixHash(hash);
}

/** The finaliser of MurmurHash3: each bit of the input changes half of the output's. */
export function mixHash(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
