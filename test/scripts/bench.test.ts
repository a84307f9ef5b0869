/** What the benches make of their figures: ratios, who is ahead, what of an earlier run stays, what pages say. */
import { expect, test } from "bun:test";
import { readCount } from "../../scripts/bench/count.ts";
import { readHandshakes } from "../../scripts/bench/load/handshakes.ts";
import { readReport } from "../../scripts/bench/load/wrk.ts";
import { quantile } from "../../scripts/bench/load/paced.ts";
import { unmeasured } from "../../scripts/bench/outcome.ts";
import { gather } from "../../scripts/bench/peers/all.ts";
import type { Peer } from "../../scripts/bench/peers/peer.ts";
import { fitting, Progress } from "../../scripts/bench/progress.ts";
import { fromJsc, fromPySpy, selfShares, totalShares } from "../../scripts/bench/profile/stacks.ts";
import { chart } from "../../scripts/bench/report/chart.ts";
import { aheadOfUs, barIsMet, barText, ratioOf } from "../../scripts/bench/report/judge.ts";
import { page, shortTable, withTable } from "../../scripts/bench/report/page.ts";
import { WHY } from "../../scripts/bench/report/why.ts";
import { rowTable, summary } from "../../scripts/bench/report/table.ts";
import { type Entry, merge, type Results, type RowResult } from "../../scripts/bench/results.ts";
import { runRow, spread } from "../../scripts/bench/rounds.ts";
import { ROWS } from "../../scripts/bench/rows/all.ts";
import { CPU, REQUESTS, type Row } from "../../scripts/bench/rows/row.ts";
import type { Subject } from "../../scripts/bench/subject.ts";

const entry = (peer: string, perSecond: number, cpuUs: number, errors = 0): Entry => ({
  peer,
  values: { perSecond: spread([perSecond]), cpuUs: spread([cpuUs]) },
  errors,
});

const ROW: RowResult = {
  id: "hello",
  title: "hello",
  group: "apps",
  metrics: [REQUESTS, CPU],
  judgedBy: ["perSecond", "cpuUs"],
  bar: { key: "perSecond", atLeast: 1.7 },
  rounds: 1,
  seconds: 1,
  entries: [entry("server", 300, 20), entry("nginx + uWSGI", 200, 40), entry("Granian", 400, 30, 7)],
  refused: [{ peer: "waitress", why: "its answer is wrong: status 500" }],
};

const results = (rows: readonly RowResult[], more: Partial<Results> = {}): Results => ({
  date: "2026-11-29",
  machine: "this",
  tools: ["wrk 4"],
  versions: { server: "1" },
  notes: {},
  absent: [],
  rows,
  ...more,
});

const DOCS = { folder: "docs", source: "docs/bench/results.json" };
const pageOf = (given: Results) => page(given, DOCS);

test("medians and how far the rounds lay apart", () => {
  expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(3);
  expect(quantile([1, 2, 3, 4], 1)).toBe(4);
});

test("what s_time prints", () => {
  const report =
    "No CIPHER specified\nCollecting connection statistics for 1 seconds\nstarting\n*rrr*r\n\n6 connections in 0.1s; 1\n";
  expect(readHandshakes(report)).toEqual({ connections: 6, resumed: 4 });
  expect(() => readHandshakes("connect: Connection refused")).toThrow("no connection was made");
});

test("wrk's last words", () => {
  const report = `  Latency Distribution
     50%    0.91ms
     99%   12.50ms
  31000 requests in 2.00s, 4.00MB read
  Socket errors: connect 1, read 2, write 0, timeout 3
  Non-2xx or 3xx responses: 4
Requests/sec:  15500.00`;
  const found = readReport(report);
  expect(found).toMatchObject({ requests: 31_000, perSecond: 15_500, p50Ms: 0.91, p99Ms: 12.5, errors: 10 });
  expect(found.megabytesPerSecond).toBeCloseTo(2.097, 3);
  expect(readReport("1 requests in 1.10m, 1.00KB read").perSecond).toBeCloseTo(1 / 66);
  expect(() => readReport("  0 requests in 2.00s, 0.00B read")).toThrow("nothing was answered");
});

test("ratios are to the reference, and whoever is better in what the row is judged by is named", () => {
  const [ours] = ROW.entries as [Entry];
  expect(ratioOf(ROW, ours, "perSecond")).toBe(1.5);
  expect(aheadOfUs(ROW).map(({ peer, metric }) => [peer, metric.key])).toEqual([["Granian", "perSecond"]]);
  expect(barIsMet(ROW)).toBeFalse();
  expect(barIsMet({ ...ROW, bar: { key: "cpuUs", atMost: 0.5 } })).toBeTrue();
  expect(barText(ROW)).toBe("at least 1.70 × the requests/s of nginx + uWSGI");
  expect(barIsMet({ ...ROW, entries: [ours] })).toBeUndefined();
});

test("tables name errors, those who left, and where others are ahead", () => {
  const table = rowTable(ROW);
  expect(table).toContain("7 ERRORS");
  expect(table).toContain("waitress: its answer is wrong: status 500");
  expect(table).toContain("NOT met");
  expect(summary([ROW])).toContain("hello: Granian, 400 against 300 requests/s");
  expect(summary([{ ...ROW, entries: ROW.entries.slice(0, 2) }])).toContain("ahead of every peer in every row");
  expect(summary([{ ...ROW, entries: ROW.entries.slice(1) }])).toBe("");
});

test("a part that is measured anew takes the place of what was, and the rest stays", () => {
  const other = { ...ROW, id: "page", title: "page" };
  const again = { ...ROW, entries: [entry("server", 500, 10)], refused: [] };
  const order = ["hello", "page"];
  const merged = merge(results([other, ROW]), results([again]), order);
  expect(merged.rows.map(({ id }) => id)).toEqual(order);
  expect(merged.rows[0]?.entries.map(({ peer, values }) => [peer, values["perSecond"]?.median])).toEqual([
    ["server", 500],
    ["nginx + uWSGI", 200],
    ["Granian", 400],
  ]);
  expect(merged.rows[0]?.entries.map(({ rounds }) => rounds)).toEqual([undefined, ROW.rounds, ROW.rounds]);
  expect(merged.rows[0]?.refused).toEqual(ROW.refused);
  expect(merge(results([other], { machine: "another" }), results([again]), order).rows).toEqual([again]);
});

test("pages and charts are made of the results, with names escaped", () => {
  expect(pageOf(results([{ ...ROW, load: 999.5 }]))).toContain("The machine was not quiet: load average 999.5.");
  const dated = (...dates: string[]) =>
    pageOf(results([{ ...ROW, entries: dates.map((date, i) => ({ ...entry(`peer${i}`, 1, 1), date })) }]));
  expect(dated("2026-11-29", "2026-11-29")).not.toContain("Measured");
  expect(dated("2026-11-01", "2026-11-01")).toContain("Measured 2026-11-01.");
  expect(dated("2026-11-29", "2026-11-01")).toContain("Measured 2026-11-01: peer1.");
  const odd = { ...ROW, title: 'a <b> & "c"' };
  const text = pageOf(results([odd], { absent: [{ peer: "Caddy", why: "no package" }] }));
  expect(text).toContain("Not there: Caddy (no package).");
  expect(text).toContain("| **server** |");
  expect(text).toContain('| a <b> & "c" | Granian | requests/s | 400 | 300 |');
  const svg = chart("Applications", [{ row: odd, metric: REQUESTS }]);
  expect(svg).toContain("a &lt;b> &amp; &quot;c&quot;");
  expect(svg.match(/<rect class="(ours|reference|other)"/g)).toHaveLength(3);
  expect(svg).toContain("7 errors");
});

test("a page says of what it is made, and its links are those of where it stands", () => {
  const elsewhere = page(results([ROW]), { folder: ".build/bench", source: ".build/bench/results.json" });
  expect(elsewhere).toContain("by `make bench` from .build/bench/results.json.");
  expect(elsewhere).toContain("(../../scripts/bench/peers)");
  expect(pageOf(results([ROW]))).toContain("by `make bench` from docs/bench/results.json.");
  expect(pageOf(results([ROW]))).toContain("(../scripts/bench/peers)");
});

test("a page says how long was measured, once, and of rows that had other lengths", () => {
  const three = { ...ROW, rounds: 3, seconds: 2 };
  const bar = "Wanted: at least 1.70 × the requests/s of nginx + uWSGI; not met.";
  const remarks = (more: Partial<RowResult>) => pageOf(results([three, three, { ...three, ...more }])).split(bar)[3];
  expect(pageOf(results([three]))).toContain("Each row had 3 rounds of 2 seconds, unless");
  expect(remarks({})).toStartWith(" waitress: ");
  expect(remarks({ rounds: 9 })).toStartWith(" 9 rounds. ");
  expect(remarks({ rounds: 1, seconds: 1 })).toStartWith(" 1 round of 1 second. ");
  const [ours, ...others] = ROW.entries as [Entry, ...Entry[]];
  expect(remarks({ entries: [{ ...ours, rounds: 5 }, ...others] })).toStartWith(" 5 rounds: server. ");
});

test("why others are ahead is told of each row, or that nobody has looked", () => {
  const why = (id: string) => pageOf(results([{ ...ROW, id }])).split("### Why")[1];
  expect(why("proxy")).toContain("- hello: most of it is system calls");
  expect(why("a-new-row")).toContain("- hello: not looked into.");
});

test("counts that are none are refused, by their names", () => {
  expect(readCount("ROUNDS", "3")).toBe(3);
  for (const text of ["abc", "0", "-1", "1.5", "", "2x", "1e3", "100000000000"]) {
    expect(() => readCount("ROUNDS", text)).toThrow(
      `ROUNDS is ${JSON.stringify(text)}; it should be a whole number from 1 to 1000`,
    );
  }
});

test("a row that nobody has done is told of when it was asked for, or when somebody could have", () => {
  const empty = { ...ROW, entries: [] };
  const unable = { ...empty, id: "tls", refused: [] };
  expect(unmeasured([ROW], true)).toBeUndefined();
  expect(unmeasured([ROW, unable], false)).toBeUndefined();
  expect(unmeasured([ROW, unable], true)).toBe("nothing was measured in tls (none of the peers can do it)");
  expect(unmeasured([ROW, empty], false)).toBe(
    "nothing was measured in hello (waitress: its answer is wrong: status 500)",
  );
  expect(unmeasured([unable], false)).toContain("none of the peers is here and can do any of the rows");
  expect(unmeasured([unable], true)).toContain("none of the peers is here and can do tls");
  expect(unmeasured([], false)).toContain("nothing was measured");
});

test("who gives no figure for what a row is judged by is not in it", async () => {
  const row = { ...(ROWS[0] as Row), hasNoWarmUp: true, check: async () => undefined };
  const subject = { peer: { name: "server", abilities: [row.needs] } } as unknown as Subject;
  const how = { rounds: 1, seconds: 1, folder: "" };
  const done = (cpuUs: number) =>
    runRow({ ...row, measure: async () => ({ perSecond: 1, cpuUs }) }, [subject], how, new Progress(1));
  expect((await done(1)).entries).toMatchObject([{ peer: "server", rounds: 1, seconds: 1 }]);
  expect(await done(Number.NaN)).toMatchObject({
    entries: [],
    refused: [{ peer: "server", why: "not measured: µs CPU/request" }],
  });
});

test("a line of the terminal leaves its last column free, also where it does not know how many it has", () => {
  expect(fitting("x".repeat(50), 40)).toHaveLength(39);
  expect(fitting("progress", 40)).toBe("progress");
  for (const columns of [0, undefined]) expect(fitting("progress", columns)).toBe("progress");
});

test("the README's table stands between its marks", () => {
  const text = "before\n<!-- bench: written by make bench -->\n\nold\n\n<!-- /bench -->\nafter\n";
  const table = shortTable(results([ROW]));
  expect(withTable(text, table)).toContain("| hello | 300 requests/s | 200 requests/s | 1.50 × | 0.50 × |");
  expect(withTable(text, table)).not.toContain("old");
  expect(withTable(withTable(text, "x"), table)).toBe(withTable(text, table));
});

test("rows have ids of their own and are judged by what they measure", () => {
  expect(new Set(ROWS.map(({ id }) => id)).size).toBe(ROWS.length);
  expect(Object.keys(WHY).filter((id) => !ROWS.some((row) => row.id === id))).toEqual([]);
  for (const { id, metrics, judgedBy, bar } of ROWS) {
    const keys = metrics.map(({ key }) => key);
    expect([id, [...judgedBy, ...(bar === undefined ? [] : [bar.key])].filter((key) => !keys.includes(key))]).toEqual([
      id,
      [],
    ]);
  }
});

test("stacks of both profilers say who was at work, and on whose behalf", () => {
  const python = fromPySpy("main (a.py:1);serve (a.py:2) 3\nmain (a.py:1);serve (a.py:2);view (b.py:9) 1\n");
  expect(selfShares(python)).toEqual([
    { frame: "serve (a.py:2)", share: 0.75 },
    { frame: "view (b.py:9)", share: 0.25 },
  ]);
  expect(totalShares(python)).toContainEqual({ frame: "main (a.py:1)", share: 1 });
  const frames = [{ name: "", sourceURL: "/x/src/a.ts", line: 3 }, { name: "turn" }];
  const front = fromJsc(JSON.stringify({ traces: [{ frames }] }), "/x");
  expect(front).toEqual([{ frames: ["(anonymous) src/a.ts:3", "turn"], samples: 1 }]);
});

test("peers that are not there and cannot be had are named, with why", () => {
  const peer = (name: string, there: boolean): Peer => ({
    name,
    abilities: ["files"],
    packages: {},
    isThere: () => there,
    version: () => "1",
    launch: () => Promise.reject(new Error("not to be started")),
  });
  const { here, absent } = gather([peer("one", true), peer("two", false)], () => {});
  expect(here.map(({ name }) => name)).toEqual(["one"]);
  expect(absent).toEqual([{ peer: "two", why: "it was installed and is not there" }]);
});
