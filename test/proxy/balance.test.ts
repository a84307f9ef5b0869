import { describe, expect, test } from "bun:test";
import {
  type BalanceOptions,
  BalancePeer,
  type Choice,
  choosePeer,
  FAIL_TIMEOUT_MS,
  peerChecked,
  peerFailed,
  peerSucceeded,
} from "../../src/proxy/balance.ts";
import { mulberry32 } from "../support/http1.ts";

const peers = (...weights: number[]): BalancePeer[] => weights.map((weight) => new BalancePeer({ weight }));
const made = (...options: Partial<BalanceOptions>[]): BalancePeer[] =>
  options.map((each) => new BalancePeer({ weight: 1, ...each }));

function choice(change: Partial<Choice> = {}): Choice {
  return { policy: "round_robin", nowMs: 0, random: mulberry32(1), owners: undefined, hash: 0, stuckTo: -1, ...change };
}

const choose = (group: readonly BalancePeer[], tried: readonly number[] = [], change: Partial<Choice> = {}) =>
  choosePeer(
    group,
    tried.map((index) => group[index] as BalancePeer),
    choice(change),
  );
const turns = (group: readonly BalancePeer[], count: number, nowMs = 0) =>
  Array.from({ length: count }, () => choose(group, [], { nowMs })).join("");
/** Who is asked by lot. */
function lots(group: readonly BalancePeer[], count: number): string {
  const random = mulberry32(7);
  return Array.from({ length: count }, () => choose(group, [], { policy: "random", random })).join("");
}
const first = (group: readonly BalancePeer[]) => group[0] as BalancePeer;
const times = (order: string, digit: string) => order.split(digit).length - 1;

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
    expect(["0", "1", "2"].map((digit) => times(order, digit))).toEqual([300, 700, 200]);
  });
});

describe("a server that failed", () => {
  test("is left out, then one request tries it", () => {
    const group = peers(1, 1);
    peerFailed(first(group), 0);
    expect(turns(group, 4, 1)).toBe("1111");
    expect(turns(group, 4, FAIL_TIMEOUT_MS)).toBe("1111");
    expect(times(turns(group, 4, FAIL_TIMEOUT_MS + 1), "0")).toBe(1);
  });

  test("is back when that one succeeded", () => {
    const group = peers(1, 1);
    peerFailed(first(group), 0);
    turns(group, 2, FAIL_TIMEOUT_MS + 1);
    peerSucceeded(first(group), FAIL_TIMEOUT_MS + 2);
    expect(times(turns(group, 10, FAIL_TIMEOUT_MS + 2), "0")).toBe(5);
  });

  test("stays away when a request from before the failure succeeds", () => {
    const group = peers(1, 1);
    peerFailed(first(group), 0);
    peerSucceeded(first(group), 1);
    expect(turns(group, 3, 1)).toBe("111");
  });

  test("is used all the same when it is the only one, or every other failed too", () => {
    const alone = peers(1);
    peerFailed(first(alone), 0);
    expect(choose(alone, [], { nowMs: 1 })).toBe(0);
    const group = peers(1, 1);
    for (const peer of group) peerFailed(peer, 0);
    expect(new Set(turns(group, 6, 1))).toEqual(new Set("01"));
    for (const peer of group) peerSucceeded(peer, 1);
    expect(group.map((peer) => peer.fails)).toEqual([0, 0]);
  });

  test("may fail as often as max_fails says, for as long as fail_timeout says; 0 does not count", () => {
    const group = made({ failsMax: 2, failTimeoutMs: 50 }, { failsMax: 0 });
    peerFailed(first(group), 0);
    expect(turns(group, 8, 1)).toContain("0");
    peerFailed(first(group), 1);
    expect(turns(group, 8, 2)).toBe("11111111");
    expect(turns(group, 8, 60)).toContain("0");
    for (let i = 0; i < 10; i++) peerFailed(group[1] as BalancePeer, 61);
    expect(turns(group, 8, 62)).toContain("1");
  });

  test("comes back slowly where slow_start says so", () => {
    const group = made({ slowStartMs: 1000 }, {});
    peerChecked(first(group), false, 0);
    expect(turns(group, 4, 0)).toBe("1111");
    peerChecked(first(group), true, 0);
    const shares = [100, 500, 1000].map((nowMs) => times(turns(group, 1000, nowMs), "0"));
    expect(shares[0]).toBeWithin(80, 100);
    expect(shares[1]).toBeWithin(325, 342);
    expect(shares[2]).toBeWithin(490, 511);
  });
});

describe("who may not be asked", () => {
  test("those that were tried", () => {
    const group = peers(1, 1, 1);
    expect(choose(group, [0, 1])).toBe(2);
    expect(choose(group, [0, 1, 2])).toBe(-1);
    expect(choose(peers(1), [0])).toBe(-1);
  });

  test("those that are down, by configuration or by an active check: not even as the last", () => {
    const group = made({ down: true }, {});
    peerChecked(group[1] as BalancePeer, false, 0);
    expect(choose(group)).toBe(-1);
    peerChecked(group[1] as BalancePeer, true, 1);
    expect(turns(group, 3, 2)).toBe("111");
  });

  test("those with as many requests as max_conns allows", () => {
    const group = made({ connectionsMax: 1 }, { connectionsMax: 2 });
    for (const peer of group) peer.active = 1;
    expect(turns(group, 3)).toBe("111");
    (group[1] as BalancePeer).active = 2;
    expect(choose(group)).toBe(-1);
  });

  test("backups, while another is ready", () => {
    const group = made({}, { backup: true }, { backup: true });
    expect(turns(group, 4)).toBe("0000");
    peerFailed(first(group), 0);
    expect(turns(group, 4, 1)).toBe("1212");
    expect(choose(group, [1, 2], { nowMs: 1 })).toBe(0);
  });
});

describe("policies", () => {
  test("least_conn: the fewest requests for the weight, equals in turn", () => {
    const group = peers(1, 1, 2);
    const ask = () => choose(group, [], { policy: "least_conn" });
    [1, 0, 1].forEach((active, i) => ((group[i] as BalancePeer).active = active));
    expect(ask()).toBe(1);
    (group[1] as BalancePeer).active = 1;
    expect(ask()).toBe(2);
    for (const peer of group) peer.active = 0;
    expect(new Set([ask(), ask(), ask(), ask()])).toEqual(new Set([0, 1, 2]));
  });

  test("random: by weight within 2 %, while nobody is busy", () => {
    const group = peers(5, 3, 2);
    const order = lots(group, 10_000);
    expect(times(order, "0")).toBeWithin(4800, 5200);
    expect(times(order, "1")).toBeWithin(2800, 3200);
  });

  test("random: of two servers never the busier one", () => {
    for (const weights of [
      [1, 1],
      [1, 3],
    ]) {
      const group = peers(...weights);
      (group[1] as BalancePeer).active = 5;
      expect(times(lots(group, 1000), "1")).toBe(0);
    }
  });

  test("random: the second is another one, by weight among those that are left", () => {
    const group = peers(5, 3, 2);
    first(group).active = 1;
    expect(times(lots(group, 10_000), "0")).toBe(0);
    (group[1] as BalancePeer).active = 1000;
    const order = lots(group, 10_000);
    // Only beside 1 is 0 the one with less: in 0.5 · 3/5 + 0.3 · 5/7 of all pairs.
    expect(times(order, "1")).toBe(0);
    expect(times(order, "0")).toBeWithin(4950, 5330);
  });

  test("random: the only one that is left", () => {
    expect(choose(peers(1, 1), [1], { policy: "random" })).toBe(0);
  });

  test("sticky: where the cookie says, elsewhere when that one is not ready", () => {
    const group = peers(1, 1, 1);
    const stuckTo = 2;
    for (let i = 0; i < 3; i++) expect(choose(group, [], { policy: "sticky", stuckTo })).toBe(2);
    peerFailed(group[2] as BalancePeer, 0);
    expect(choose(group, [], { policy: "sticky", stuckTo, nowMs: 1 })).not.toBe(2);
    expect(choose(group, [], { policy: "sticky" })).not.toBe(-1);
  });
});
