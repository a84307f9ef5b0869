/**
 * Connections of each client address, over all fronts, in fixed memory: a count-min sketch of small counters, one table for
 * each front, written by that front alone. An address is counted in one cell of each of two rows; the smaller sum over all
 * fronts is the answer. It is never too low. It is too high only when two busy addresses share both cells, at random in
 * 2^28; the seed of the hash is drawn when the server starts, so nobody can aim at another's cells.
 *
 * An IPv6 client is its /64: that is what one subscriber gets, and may take any address of (RFC 6177).
 */
import { parseAddress } from "../base/ip-address.ts";

const CELLS = 1 << 14;
const ROWS = 2;
const TABLE = CELLS * ROWS;

/** A front's table: 64 KiB. The last cell of the memory is the seed. */
export function makeAddressMemory(fronts: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer((fronts * TABLE + 2) * Uint16Array.BYTES_PER_ELEMENT);
  const cells = new Uint16Array(memory);
  const seed = crypto.getRandomValues(new Uint16Array(2));
  cells.set(seed, cells.length - 2);
  return memory;
}

export class AddressCounts {
  private readonly cells: Uint16Array;
  private readonly fronts: number;
  private readonly start: number;
  private readonly seed: number;

  constructor(memory: SharedArrayBuffer, front: number) {
    const cells = new Uint16Array(memory);
    this.cells = cells;
    this.fronts = (cells.length - 2) / TABLE;
    this.start = front * TABLE;
    // makeAddressMemory put it there.
    this.seed = ((cells.at(-1) as number) << 16) | (cells.at(-2) as number);
    // The connections of a predecessor are closed.
    cells.fill(0, this.start, this.start + TABLE);
  }

  /** Connections of that address, in all fronts. */
  of(address: string): number {
    const hash = this.hash(address);
    return Math.min(this.total(cellOf(hash, 0)), this.total(cellOf(hash, 1)));
  }

  connected(address: string, change: 1 | -1): void {
    const hash = this.hash(address);
    for (let row = 0; row < ROWS; row++) {
      const at = this.start + cellOf(hash, row);
      this.cells[at] = (this.cells[at] as number) + change;
    }
  }

  private total(cell: number): number {
    let total = 0;
    for (let front = 0; front < this.fronts; front++) total += this.cells[front * TABLE + cell] as number;
    return total;
  }

  private hash(address: string): number {
    const parsed = parseAddress(address);
    if (typeof parsed === "number") return mix(parsed ^ this.seed);
    const network = (parsed ?? 0n) >> 64n;
    return mix(mix(Number(network >> 32n) ^ this.seed) ^ Number(network & 0xffffffffn));
  }
}

/** 14 bits of the hash for each row. */
function cellOf(hash: number, row: number): number {
  return row * CELLS + ((hash >>> (row * 14)) & (CELLS - 1));
}

/** The finaliser of MurmurHash3: each bit of the input changes half of the output's. */
function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
