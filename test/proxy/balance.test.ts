import { describe, expect, test } from "bun:test";
import {
  type BalancePeer,
  choosePeer,
  FAIL_TIMEOUT_MS,
  makePeer,
  peerFailed,
  peerSucceeded,
} from "../../src/proxy/balance.ts";

const peers = (...weights: number[]): BalancePeer[] => weights.map(makePeer);
const turns = (group: readonly BalancePeer[], count: number, nowMs = 0) =>
  Array.from({ length: count }, () => choosePeer(group, [], nowMs)).join("");

describe("smooth weighted round robin", () => {
  const cases: readonly (readonly [weights: number[], order: string])[] = [
    [[1], "0000"],
    [[1, 1], "0101"],
    [[1, 1, 1], "012012"],
    // The example of nginx's commit message: a a b a c a a.
    [[5, 1, 1], "0010200"],
    [[2, 1], "010010"],
  ];
  test.each(cases)("weights %p go %s", (weights, order) => {
    expect(turns(peers(...weights), order.length)).toBe(order);
  });

  test("shares are exact over a cycle", () => {
    const order = turns(peers(3, 7, 2), 1200);
    const count = (digit: string) => order.split(digit).length - 1;
    expect([count("0"), count("1"), count("2")]).toEqual([300, 700, 200]);
  });
});

describe("a server that failed", () => {
  test("is left out, then one request tries it", () => {
    const group = peers(1, 1);
    peerFailed(group[0] as BalancePeer, 0);
    expect(turns(group, 4, 1)).toBe("1111");
    expect(turns(group, 4, FAIL_TIMEOUT_MS)).toBe("1111");
    expect([...turns(group, 4, FAIL_TIMEOUT_MS + 1)].filter((turn) => turn === "0")).toHaveLength(1);
  });

  test("is back when that one succeeded", () => {
    const group = peers(1, 1);
    peerFailed(group[0] as BalancePeer, 0);
    turns(group, 2, FAIL_TIMEOUT_MS + 1);
    peerSucceeded(group[0] as BalancePeer);
    expect([...turns(group, 10, FAIL_TIMEOUT_MS + 2)].filter((turn) => turn === "0")).toHaveLength(5);
  });

  test("stays away when a request from before the failure succeeds", () => {
    const group = peers(1, 1);
    peerFailed(group[0] as BalancePeer, 0);
    peerSucceeded(group[0] as BalancePeer);
    expect(turns(group, 3, 1)).toBe("111");
  });

  test("is used all the same when it is the only one", () => {
    const group = peers(1);
    peerFailed(group[0] as BalancePeer, 0);
    expect(choosePeer(group, [], 1)).toBe(0);
  });

  test("is used all the same when every other failed too", () => {
    const group = peers(1, 1);
    for (const peer of group) peerFailed(peer, 0);
    expect(new Set(turns(group, 6, 1))).toEqual(new Set("01"));
    for (const peer of group) peerSucceeded(peer);
    expect(group.map((peer) => peer.fails)).toEqual([0, 0]);
  });
});

test("servers that were tried are not chosen again", () => {
  const group = peers(1, 1, 1);
  expect(choosePeer(group, [0, 1], 0)).toBe(2);
  expect(choosePeer(group, [0, 1, 2], 0)).toBe(-1);
  expect(choosePeer(peers(1), [0], 0)).toBe(-1);
});
