/** Policies that compare load know that of all fronts. Two fronts in one thread, with the shared memory between them. */
import { expect, test } from "bun:test";
import { SILENT } from "../../src/base/log.ts";
import { CountSketch, makeCountMemory } from "../../src/exchange/count-sketch.ts";
import type { UpstreamOptions } from "../../src/proxy/options.ts";
import type { Peer } from "../../src/proxy/peer.ts";
import { Upstream } from "../../src/proxy/upstream.ts";
import { fakeExchange } from "../support/exchange.ts";
import { UPSTREAM } from "../support/scripted-upstream.ts";

const SERVERS = [1, 2].map((port) => ({ address: { kind: "tcp", host: "127.0.0.1", port } as const, weight: 1 }));

function upstream(counts: CountSketch, options: Partial<UpstreamOptions> = {}): Upstream {
  return new Upstream({ ...UPSTREAM, servers: SERVERS, policy: "least_conn", ...options }, SILENT, counts);
}

function twoFronts(options: Partial<UpstreamOptions> = {}) {
  const memory = makeCountMemory(2);
  const counts = [new CountSketch(memory, 0), new CountSketch(memory, 1)] as const;
  return { memory, counts, one: upstream(counts[0], options), other: upstream(counts[1], options) };
}

const choose = (from: Upstream): Peer => from.choose(fakeExchange({}).exchange, []) as Peer;

/** Requests one after the other: how many each server gets. */
function shares(from: Upstream, count: number): number[] {
  const before = from.peers.map(({ requests }) => requests);
  for (let i = 0; i < count; i++) {
    const peer = choose(from);
    peer.begun();
    peer.ended();
  }
  return from.peers.map(({ requests }, index) => requests - (before[index] as number));
}

test.each(["least_conn", "random"] as const)("%s goes around a server that is busy with another front", (policy) => {
  const { one, other } = twoFronts({ policy });
  const hanging = choose(one);
  hanging.begun();
  const at = one.peers.indexOf(hanging);
  expect(shares(other, 100)[at]).toBe(0);
  expect(shares(one, 100)[at]).toBe(0);
  hanging.ended();
  expect(Math.min(...shares(other, 100))).toBeGreaterThan(20);
});

test("equally busy servers get their weights exactly, whichever front has the requests", () => {
  const servers = SERVERS.map((server, i) => ({ ...server, weight: [3, 1][i] as number }));
  const { one, other } = twoFronts({ servers });
  expect(shares(other, 400)).toEqual([300, 100]);
  for (const count of [3, 1].entries()) for (let i = 0; i < count[1]; i++) one.peers[count[0]]?.begun();
  expect(shares(other, 400)).toEqual([300, 100]);
});

test("what a front had that died is no load once there is its successor", () => {
  const { memory, one, other } = twoFronts();
  one.peers[0]?.begun();
  expect(shares(other, 10)).toEqual([0, 10]);
  const successor = upstream(new CountSketch(memory, 0));
  expect(shares(other, 10)).toEqual([5, 5]);
  expect(shares(successor, 10)).toEqual([5, 5]);
});

test("what is under way from before a reload is load for the upstream that was changed, in every front", () => {
  const { counts, one } = twoFronts();
  const before = one.peers[0] as Peer;
  before.begun();
  const changed = counts.map((each) => upstream(each, { readTimeoutMs: 2000 }));
  for (const each of changed) expect(shares(each, 10)).toEqual([0, 10]);
  before.ended();
  for (const each of changed) expect(shares(each, 10)).toEqual([5, 5]);
});

test("servers of another upstream are others, though their addresses are the same", () => {
  const { counts, one } = twoFronts();
  one.peers[0]?.begun();
  expect(shares(upstream(counts[1], { name: "else" }), 10)).toEqual([5, 5]);
});

test("round robin counts nothing for others", () => {
  const { counts, one } = twoFronts({ policy: "round_robin" });
  one.peers[0]?.begun();
  expect(shares(upstream(counts[1]), 10)).toEqual([5, 5]);
});
