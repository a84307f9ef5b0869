/**
 * Connections of each client address, over all fronts (count-sketch.ts). The seed of the hash is drawn when the server starts,
 * so that nobody can aim at another's cells.
 *
 * An IPv6 client is its /64: that is what one subscriber gets, and may take any address of (RFC 6177).
 */
import { parseAddress } from "../base/ip-address.ts";
import { mixHash } from "../base/hash.ts";
import { CountSketch } from "./count-sketch.ts";

export class AddressCounts {
  private readonly counts: CountSketch;

  /** `memory`: makeCountMemory. */
  constructor(memory: SharedArrayBuffer, front: number) {
    this.counts = new CountSketch(memory, front);
  }

  /** Connections of that address, in all fronts. */
  of(address: string): number {
    return this.counts.of(this.hash(address));
  }

  connected(address: string, change: 1 | -1): void {
    this.counts.add(this.hash(address), change);
  }

  private hash(address: string): number {
    const { seed } = this.counts;
    const parsed = parseAddress(address);
    if (typeof parsed === "number") return mixHash(parsed ^ seed);
    const network = (parsed ?? 0n) >> 64n;
    return mixHash(mixHash(Number(network >> 32n) ^ seed) ^ Number(network & 0xffffffffn));
  }
}
