/**
 * A ring for consistent hashing (nginx: hash … consistent, ketama): each server has points on it, as many as its weight
 * says, and a key belongs to the next point. When a server goes, only its own keys move, to its neighbours; every front,
 * and every machine with the same servers, finds the same. Pure.
 */
import { hash32 } from "../base/hash.ts";

/** Per unit of weight. nginx and libketama: 160. The share of a server is right within about a tenth. */
const POINTS_PER_WEIGHT = 160;

export interface RingMember {
  readonly name: string;
  readonly weight: number;
}

export class HashRing {
  /** Sorted; `owners[i]` is the index of the server that `points[i]` belongs to. */
  private readonly points: Uint32Array;
  private readonly owners: Uint32Array;

  constructor(members: readonly RingMember[]) {
    const made = members.flatMap(({ name, weight }, owner) =>
      Array.from({ length: weight * POINTS_PER_WEIGHT }, (_, i) => ({ point: hash32(`${name}#${i}`), owner })),
    );
    // Of equal points the smaller name has the first, so that the order in the configuration does not matter.
    made.sort((a, b) => a.point - b.point || compare(members[a.owner]?.name ?? "", members[b.owner]?.name ?? ""));
    this.points = Uint32Array.from(made, ({ point }) => point);
    this.owners = Uint32Array.from(made, ({ owner }) => owner);
  }

  /** The first usable server from `hash` on; undefined when none is. */
  find(hash: number, isUsable: (index: number) => boolean): number | undefined {
    const { points, owners } = this;
    const start = this.firstFrom(hash);
    for (let i = 0; i < points.length; i++) {
      const owner = owners[(start + i) % points.length] as number; // within its length
      if (isUsable(owner)) return owner;
    }
    return undefined;
  }

  private firstFrom(hash: number): number {
    let low = 0;
    let high = this.points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.points[middle] as number) < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
