/**
 * What all fronts have counted, ever: a front that was replaced counts from zero, so what its predecessor last told is kept
 * and added. A front that does not answer in time counts with what it last said.
 */
import type { RouteCounts } from "../exchange/route-counts.ts";
import type { FrontTraffic } from "../front/traffic.ts";

type Told = Pick<FrontTraffic, "front" | "since" | "routes" | "lostLogLines">;

export class TrafficTotals {
  private readonly last = new Map<number, Told>();
  private readonly gone: Told[] = [];

  /** Takes note of answers; returns the sum of all that was ever told. */
  add(answers: readonly Told[]): { readonly routes: readonly RouteCounts[]; readonly lostLogLines: number } {
    for (const answer of answers) {
      const before = this.last.get(answer.front);
      if (before !== undefined && before.since !== answer.since) this.gone.push(before);
      this.last.set(answer.front, answer);
    }
    // Deaths are few, but many are possible: their numbers become one.
    if (this.gone.length > 1) this.gone.splice(0, this.gone.length, joined(this.gone));
    const { routes, lostLogLines } = joined([...this.gone, ...this.last.values()]);
    return { routes, lostLogLines };
  }
}

function joined(all: readonly Told[]): Told {
  const routes = new Map<string, RouteCounts>();
  for (const each of all.flatMap((told) => told.routes)) {
    const key = `${each.site}\0${each.route}\0${each.target}`;
    const before = routes.get(key);
    routes.set(key, before === undefined ? each : sum(before, each));
  }
  const lostLogLines = all.reduce((lost, told) => lost + told.lostLogLines, 0);
  return { front: -1, since: 0, routes: [...routes.values()], lostLogLines };
}

function sum(a: RouteCounts, b: RouteCounts): RouteCounts {
  const add = (one: readonly number[], other: readonly number[]) => one.map((number, i) => number + (other[i] ?? 0));
  return {
    site: a.site,
    route: a.route,
    target: a.target,
    statuses: add(a.statuses, b.statuses),
    bytesSent: a.bytesSent + b.bytesSent,
    bytesReceived: a.bytesReceived + b.bytesReceived,
    ms: a.ms + b.ms,
    latencies: add(a.latencies, b.latencies),
    waitMs: a.waitMs + b.waitMs,
    workMs: a.workMs + b.workMs,
    worked: a.worked + b.worked,
  };
}
