import { expect, test } from "bun:test";
import { noCounts, type RouteCounts } from "../../src/exchange/route-counts.ts";
import { TrafficTotals } from "../../src/master/traffic-totals.ts";

function told(front: number, since: number, requests: number, lostLogLines = 0) {
  const counts: RouteCounts = noCounts({ site: "s", route: "/", target: "files" });
  counts.statuses[1] = requests;
  counts.ms = requests * 2;
  return { front, since, routes: [counts], lostLogLines };
}

const sum = ({ routes }: ReturnType<TrafficTotals["add"]>) => routes.map(({ statuses, ms }) => [statuses[1], ms]);

test("what the fronts tell of a route is added up, each front's last word once", () => {
  const totals = new TrafficTotals();
  expect(sum(totals.add([told(0, 1, 5), told(1, 1, 7)]))).toEqual([[12, 24]]);
  expect(sum(totals.add([told(0, 1, 6), told(1, 1, 8)]))).toEqual([[14, 28]]);
});

test("a front that does not answer counts with what it last said", () => {
  const totals = new TrafficTotals();
  totals.add([told(0, 1, 5), told(1, 1, 7)]);
  expect(sum(totals.add([told(0, 1, 9)]))).toEqual([[16, 32]]);
});

test("no counter ever falls: what a front that died had counted stays", () => {
  const totals = new TrafficTotals();
  totals.add([told(0, 1, 100, 3)]);
  for (let since = 2; since < 6; since++) totals.add([told(0, since, 10, 1)]);
  const all = totals.add([told(0, 6, 1)]);
  expect(sum(all)).toEqual([[141, 282]]);
  expect(all.lostLogLines).toBe(7);
});
