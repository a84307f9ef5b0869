import { describe, expect, test } from "bun:test";
import { hash32 } from "../../src/base/hash.ts";
import { BalancePeer, choosePeer, peerChecked } from "../../src/proxy/balance.ts";
import { Rendezvous } from "../../src/proxy/rendezvous.ts";
import { mulberry32 } from "../support/http1.ts";

const KEYS = Array.from({ length: 10_000 }, (_, i) => hash32(`tenant-${i}`));

const membersOf = (names: readonly string[], weights: readonly number[]) =>
  names.map((name, i) => ({ name, weight: weights[i] as number }));
const indexesOf = (list: readonly unknown[]) => [...list.keys()];

/** The owner of each key. */
function owners(names: readonly string[], weights: readonly number[], among = indexesOf(names)): number[] {
  const rendezvous = new Rendezvous(membersOf(names, weights));
  return KEYS.map((key) => rendezvous.find(key, among));
}

/** By how much the share of a server is off, in all keys; that of the one where it is most. */
function worstOf(names: readonly string[], weights: readonly number[]): number {
  const found = owners(names, weights);
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const off = weights.map((weight, i) => found.filter((owner) => owner === i).length / KEYS.length - weight / whole);
  return Math.max(...off.map(Math.abs));
}

describe("of 10,000 keys each server has its weight within 2 %", () => {
  test.each([0, 1, 2, 3])("127.7.%d.1 to .4", (net) => {
    const names = [1, 2, 3, 4].map((host) => `127.7.${net}.${host}:8123`);
    expect(worstOf(names, [4, 3, 2, 1])).toBeLessThan(0.02);
  });

  const WEIGHTS = [[4, 3, 2, 1], [1, 1], [5, 1], [100, 1], Array<number>(10).fill(1)];
  test.each(WEIGHTS.map((weights) => [weights]))("40 sets of addresses with the weights %p", (weights) => {
    const random = mulberry32(5);
    const byte = () => Math.floor(random() * 256);
    for (let set = 0; set < 40; set++) {
      const names = weights.map(() => `10.${byte()}.${byte()}.${byte()}:${1024 + byte()}`);
      expect(worstOf(names, weights)).toBeLessThan(0.02);
    }
  });

  test("names that differ in one digit", () => {
    const names = [8000, 8001, 8002].map((port) => `127.0.0.1:${port}`);
    expect(worstOf(names, [1, 1, 1])).toBeLessThan(0.02);
  });
});

describe("keys stay where they are", () => {
  const NAMES = ["a:1", "b:1", "c:1", "d:1"];
  const WEIGHTS = [4, 3, 2, 1];

  test("when a server goes for good, but for its own", () => {
    const before = owners(NAMES, WEIGHTS);
    const after = owners(NAMES.slice(0, 3), WEIGHTS.slice(0, 3));
    for (const [i, owner] of before.entries()) if (owner !== 3) expect(after[i]).toBe(owner);
  });

  test("when a server may not be asked for a while, and its own go to the others by weight", () => {
    const before = owners(NAMES, WEIGHTS);
    const after = owners(NAMES, WEIGHTS, [1, 2, 3]);
    const moved = [0, 0, 0, 0];
    for (const [i, owner] of before.entries()) {
      const now = after[i] as number;
      if (owner === 0) moved[now] = (moved[now] as number) + 1;
      else expect(now).toBe(owner);
    }
    const share = (index: number) => (moved[index] as number) / moved.reduce((sum, count) => sum + count, 0);
    expect(moved[0]).toBe(0);
    for (const [index, weight] of [3, 2, 1].entries())
      expect(Math.abs(share(index + 1) - weight / 6)).toBeLessThan(0.03);
  });

  test("when a weight grows, but for those that it gains", () => {
    const before = owners(NAMES, WEIGHTS);
    const after = owners(NAMES, [4, 3, 2, 2]);
    for (const [i, owner] of after.entries()) if (owner !== 3) expect(before[i]).toBe(owner);
  });

  test("whatever the order of the servers in the configuration", () => {
    const turned = owners(NAMES.toReversed(), WEIGHTS.toReversed());
    expect(turned.map((owner) => 3 - owner)).toEqual(owners(NAMES, WEIGHTS));
  });

  test("of two servers of one name all are the first's, or its twin's while it may not be asked", () => {
    expect(new Set(owners(["a:1", "a:1"], [1, 1]))).toEqual(new Set([0]));
    expect(new Set(owners(["a:1", "a:1"], [1, 1], [1]))).toEqual(new Set([1]));
  });
});

test("many servers of large weights cost nothing beforehand, and a key's server is looked for once", () => {
  const members = Array.from({ length: 1000 }, (_, i) => ({ name: `10.0.${i >> 8}.${i & 255}:80`, weight: 100 }));
  const beganMs = performance.now();
  const rendezvous = new Rendezvous(members);
  // 1 ms; the ring that was here had 16 million points.
  expect(performance.now() - beganMs).toBeLessThan(200);
  expect(rendezvous.find(7, indexesOf(members))).toBe(rendezvous.find(7, indexesOf(members)));
});

test("balance = hash asks whom the key belongs to, and another while that one is not well", () => {
  const group = [1, 1, 1, 1].map((weight) => new BalancePeer({ weight }));
  const rendezvous = new Rendezvous(membersOf(["a", "b", "c", "d"], [1, 1, 1, 1]));
  const fixed = { policy: "hash", nowMs: 0, random: () => 0, owners: rendezvous, stuckTo: -1 } as const;
  const of = (hash: number) => choosePeer(group, [], { ...fixed, hash });
  const before = KEYS.map(of);
  expect(KEYS.map(of)).toEqual(before);
  peerChecked(group[2] as BalancePeer, false, 0);
  for (const [i, key] of KEYS.entries()) {
    if (before[i] === 2) expect(of(key)).not.toBe(2);
    else expect(of(key)).toBe(before[i] as number);
  }
});
