/**
 * Which server is next: smooth weighted round robin and passive failure marks, both as nginx does them
 * (ngx_http_upstream_round_robin.c). Pure: the servers' state and the clock are parameters.
 *
 * A server that failed FAILS_MAX times is left out for FAIL_TIMEOUT_MS; then one request tries it, and the others keep
 * away until that one has succeeded. Unlike nginx, when every server is marked all of them are tried rather than none:
 * a mark is a guess, and a 502 without an attempt helps nobody.
 */

/** nginx: max_fails=1 fail_timeout=10s. */
export const FAILS_MAX = 1;
export const FAIL_TIMEOUT_MS = 10_000;

export interface BalancePeer {
  readonly weight: number;
  /** Grows by `effective` with each choice, falls by the sum of all when chosen. */
  current: number;
  /** The weight, lowered by failures, recovering by one with each choice. */
  effective: number;
  fails: number;
  /** When it last failed, and when it was last tried in spite of that. */
  failedMs: number;
  checkedMs: number;
}

export function makePeer(weight: number): BalancePeer {
  return { weight, current: 0, effective: weight, fails: 0, failedMs: -Infinity, checkedMs: -Infinity };
}

/** Index of the peer to use, or -1 when all are in `tried`. */
export function choosePeer(peers: readonly BalancePeer[], tried: readonly number[], nowMs: number): number {
  if (peers.length === 1) return tried.length === 0 ? 0 : -1;
  const among = chooseAmong(peers, tried, nowMs, false);
  return among === -1 ? chooseAmong(peers, tried, nowMs, true) : among;
}

function chooseAmong(peers: readonly BalancePeer[], tried: readonly number[], nowMs: number, marked: boolean): number {
  let best: BalancePeer | undefined;
  let bestIndex = -1;
  let total = 0;
  for (const [index, peer] of peers.entries()) {
    if (tried.includes(index) || (!marked && isMarked(peer, nowMs))) continue;
    peer.current += peer.effective;
    total += peer.effective;
    if (peer.effective < peer.weight) peer.effective++;
    if (best === undefined || peer.current > best.current) [best, bestIndex] = [peer, index];
  }
  if (best === undefined) return -1;
  best.current -= total;
  // A success that follows takes the mark away (peerSucceeded).
  if (marked || nowMs - best.checkedMs > FAIL_TIMEOUT_MS) best.checkedMs = nowMs;
  return bestIndex;
}

function isMarked(peer: BalancePeer, nowMs: number): boolean {
  return peer.fails >= FAILS_MAX && nowMs - peer.checkedMs <= FAIL_TIMEOUT_MS;
}

export function peerFailed(peer: BalancePeer, nowMs: number): void {
  peer.fails++;
  peer.failedMs = nowMs;
  peer.checkedMs = nowMs;
  peer.effective = Math.max(0, peer.effective - Math.ceil(peer.weight / FAILS_MAX));
}

/** A request that began after the last failure succeeded: the mark is gone. */
export function peerSucceeded(peer: BalancePeer): void {
  if (peer.fails > 0 && peer.failedMs < peer.checkedMs) peer.fails = 0;
}
