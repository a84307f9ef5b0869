/**
 * Which server is next, and whether it may be asked: passive failure marks, bounds and slow start as nginx has them
 * (ngx_http_upstream_round_robin.c), and the policies. Pure: the servers' state, the clock and chance are parameters.
 *
 *   ready servers  ▶  ready backups  ▶  marked servers  ▶  marked backups  ▶  none
 *
 * A server that failed `failsMax` times is left out for `failTimeoutMs`; then one request tries it, and the others keep
 * away until that one has succeeded. Unlike nginx, when every server is marked all of them are tried rather than none:
 * a mark is a guess, and a 502 without an attempt helps nobody. One that an active check found dead is not tried.
 */
import type { Rendezvous } from "./rendezvous.ts";

/** nginx: max_fails=1 fail_timeout=10s. */
export const FAILS_MAX = 1;
export const FAIL_TIMEOUT_MS = 10_000;

/** `key` policies look at the request: hash and sticky. */
export type Policy = "round_robin" | "least_conn" | "random" | "hash" | "sticky";

export interface BalanceOptions {
  readonly weight: number;
  /** Asked only when no other server is ready. */
  readonly backup?: boolean;
  /** Never asked: out of service by the administrator's word. */
  readonly down?: boolean;
  /** Requests at a time; 0 for no bound. */
  readonly connectionsMax?: number;
  /** 0: failures do not count. */
  readonly failsMax?: number;
  readonly failTimeoutMs?: number;
  /** After it came back its weight grows from nothing to its own in this time; 0 for at once. */
  readonly slowStartMs?: number;
}

export class BalancePeer {
  readonly weight: number;
  readonly backup: boolean;
  readonly down: boolean;
  readonly connectionsMax: number;
  readonly failsMax: number;
  readonly failTimeoutMs: number;
  readonly slowStartMs: number;
  /** Grows by `effective` with each choice, falls by the sum of all when chosen. */
  current = 0;
  /** The weight, lowered by failures, recovering by one with each choice. */
  effective: number;
  fails = 0;
  /** When it last failed, and when it was last tried in spite of that. */
  failedMs = -Infinity;
  checkedMs = -Infinity;
  /** When it last came back. */
  risenMs = -Infinity;
  /** What active checks say. */
  healthy = true;
  /** Requests under way, of this front. */
  active = 0;

  constructor(options: BalanceOptions) {
    this.weight = options.weight;
    this.backup = options.backup ?? false;
    this.down = options.down ?? false;
    this.connectionsMax = options.connectionsMax ?? 0;
    this.failsMax = options.failsMax ?? FAILS_MAX;
    this.failTimeoutMs = options.failTimeoutMs ?? FAIL_TIMEOUT_MS;
    this.slowStartMs = options.slowStartMs ?? 0;
    this.effective = options.weight;
  }

  /** Requests under way that count against `connectionsMax`: of all fronts, where they are counted so. */
  get occupied(): number {
    return this.active;
  }

  /** What policies compare: as `occupied`, which is told more exactly than they need. */
  get load(): number {
    return this.active;
  }
}

/** `out` by configuration or active check · `full` it has as many requests as it may · `marked` it failed of late. */
export type Standing = "ready" | "marked" | "full" | "out";

export function standingOf(peer: BalancePeer, nowMs: number): Standing {
  if (peer.down || !peer.healthy) return "out";
  if (isFull(peer)) return "full";
  const marked = peer.failsMax > 0 && peer.fails >= peer.failsMax && nowMs - peer.checkedMs <= peer.failTimeoutMs;
  return marked ? "marked" : "ready";
}

export function isFull(peer: BalancePeer): boolean {
  return peer.connectionsMax > 0 && peer.occupied >= peer.connectionsMax;
}

/** Do such policies ask how much a server has to do? Then it is to be known of all fronts. */
export function comparesLoad(policy: Policy): boolean {
  return policy === "least_conn" || policy === "random";
}

/** What a policy is told of the request. */
export interface Choice {
  readonly policy: Policy;
  readonly nowMs: number;
  /** From 0 up to 1, as Math.random. */
  readonly random: () => number;
  /** For `hash`. */
  readonly owners: Rendezvous | undefined;
  readonly hash: number;
  /** For `sticky`: the peer that the cookie names, or -1. */
  readonly stuckTo: number;
}

/** The indexes that may be chosen; used again for each choice. */
const candidates: number[] = [];

/** Index of the peer to use, or -1 when none is left. `tried`: those that had their chance. */
export function choosePeer<P extends BalancePeer>(peers: readonly P[], tried: readonly P[], choice: Choice): number {
  for (const standing of ["ready", "marked"] as const) {
    for (const backup of [false, true]) {
      if (!findCandidates(peers, tried, standing, backup, choice.nowMs)) continue;
      const index = pick(peers, choice);
      const peer = peers[index] as P; // one of the candidates
      // A success that follows takes the mark away (peerSucceeded).
      if (standing === "marked" || choice.nowMs - peer.checkedMs > peer.failTimeoutMs) peer.checkedMs = choice.nowMs;
      return index;
    }
  }
  return -1;
}

function findCandidates(
  peers: readonly BalancePeer[],
  tried: readonly BalancePeer[],
  standing: Standing,
  backup: boolean,
  nowMs: number,
): boolean {
  candidates.length = 0;
  for (let i = 0; i < peers.length; i++) {
    const peer = peers[i] as BalancePeer; // i < length
    if (peer.backup !== backup || tried.includes(peer) || standingOf(peer, nowMs) !== standing) continue;
    candidates.push(i);
  }
  return candidates.length > 0;
}

function pick(peers: readonly BalancePeer[], choice: Choice): number {
  switch (choice.policy) {
    case "round_robin":
      return roundRobin(peers, candidates, choice.nowMs);
    case "least_conn":
      return leastConnections(peers, choice.nowMs);
    case "random":
      return randomOfTwo(peers, choice);
    case "hash":
      return choice.owners?.find(choice.hash, candidates) ?? (candidates[0] as number);
    case "sticky":
      if (candidates.includes(choice.stuckTo)) return choice.stuckTo;
      return roundRobin(peers, candidates, choice.nowMs);
  }
}

/** Smooth: of weights 5, 1, 1 the turns are a a b a c a a, not a a a a a b c. `among` is not empty. */
function roundRobin(peers: readonly BalancePeer[], among: readonly number[], nowMs: number): number {
  let best = among[0] as number;
  let most = -Infinity;
  let total = 0;
  for (const index of among) {
    const peer = peers[index] as BalancePeer;
    const weight = peer.effective * rampOf(peer, nowMs);
    peer.current += weight;
    total += weight;
    if (peer.effective < peer.weight) peer.effective++;
    if (peer.current > most) [best, most] = [index, peer.current];
  }
  (peers[best] as BalancePeer).current -= total;
  return best;
}

const level: number[] = [];

/** Fewest requests under way for its weight, of all fronts; among equals round robin, of this one. */
function leastConnections(peers: readonly BalancePeer[], nowMs: number): number {
  let least = Infinity;
  level.length = 0;
  for (const index of candidates) {
    const load = loadOf(peers[index] as BalancePeer, nowMs);
    if (load > least) continue;
    if (load < least) level.length = 0;
    least = load;
    level.push(index);
  }
  return roundRobin(peers, level, nowMs);
}

/** Two different ones by lot, each as likely as its weight says; of them the one with less to do, and of equals the first, so
 *  that the weights are exact while nobody is busy. Close to least_conn, and fronts that choose at the same moment do not all
 *  run to the same server. */
function randomOfTwo(peers: readonly BalancePeer[], { random, nowMs }: Choice): number {
  const one = drawn(peers, random(), nowMs, -1);
  if (candidates.length === 1) return one;
  const other = drawn(peers, random(), nowMs, one);
  return loadOf(peers[other] as BalancePeer, nowMs) < loadOf(peers[one] as BalancePeer, nowMs) ? other : one;
}

/** One of the candidates but `except`, which is not the only one. */
function drawn(peers: readonly BalancePeer[], lot: number, nowMs: number, except: number): number {
  let total = 0;
  for (const index of candidates) if (index !== except) total += weightOf(peers[index] as BalancePeer, nowMs);
  let rest = lot * total;
  let last = except;
  for (const index of candidates) {
    if (index === except) continue;
    last = index;
    rest -= weightOf(peers[index] as BalancePeer, nowMs);
    if (rest < 0) break;
  }
  return last; // also where rounding leaves a rest
}

function loadOf(peer: BalancePeer, nowMs: number): number {
  return peer.load / weightOf(peer, nowMs);
}

function weightOf(peer: BalancePeer, nowMs: number): number {
  return peer.weight * rampOf(peer, nowMs);
}

/** The least share of its weight that a server gets in its slow start, so that it gets any. */
const RAMP_MIN = 0.05;

function rampOf(peer: BalancePeer, nowMs: number): number {
  const { slowStartMs } = peer;
  if (slowStartMs === 0) return 1;
  const sinceMs = nowMs - peer.risenMs;
  return sinceMs >= slowStartMs ? 1 : Math.max(RAMP_MIN, sinceMs / slowStartMs);
}

export function peerFailed(peer: BalancePeer, nowMs: number): void {
  peer.fails++;
  peer.failedMs = nowMs;
  peer.checkedMs = nowMs;
  if (peer.failsMax > 0) peer.effective = Math.max(0, peer.effective - Math.ceil(peer.weight / peer.failsMax));
}

/** A request that began after the last failure succeeded: the mark is gone. */
export function peerSucceeded(peer: BalancePeer, nowMs: number): void {
  if (peer.fails === 0 || peer.failedMs >= peer.checkedMs) return;
  if (peer.failsMax > 0 && peer.fails >= peer.failsMax) peer.risenMs = nowMs;
  peer.fails = 0;
}

/** What an active check found. True when that is news. */
export function peerChecked(peer: BalancePeer, healthy: boolean, nowMs: number): boolean {
  if (peer.healthy === healthy) return false;
  peer.healthy = healthy;
  if (healthy) {
    peer.risenMs = nowMs;
    peer.fails = 0;
  }
  return true;
}
