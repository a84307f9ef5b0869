/** What `server top` makes of two samples, and of keys. */
import { describe, expect, test } from "bun:test";
import { keysOf } from "../../src/cli/screen.ts";
import { ratesBetween, type Sample } from "../../src/cli/top-rates.ts";
import { otherPage, page, type View, workerRows } from "../../src/cli/top-view.ts";
import type { WorkerStatus } from "../../src/apps/status.ts";
import { noCounts, type RouteCounts } from "../../src/exchange/route-counts.ts";

const VIEW: View = {
  columns: 100,
  rows: 30,
  colour: false,
  sort: "number",
  isPaused: false,
  selected: 11,
  message: "",
};

function route(
  target: string,
  requests: number,
  failed = 0,
  latencies: Readonly<Record<number, number>> = {},
): RouteCounts {
  const counts = noCounts({ site: "s", route: `/${target}`, target });
  const histogram = counts.latencies.map((_, i) => latencies[i] ?? 0);
  return {
    ...counts,
    statuses: [0, requests - failed, 0, 0, failed],
    latencies: histogram,
    bytesSent: requests * 1024,
  };
}

function worker(number: number, handled: number, what?: string): WorkerStatus {
  const request = what === undefined ? undefined : { front: 0, id: 1 };
  return {
    number,
    generation: 1,
    pid: 10 + number,
    state: "ready",
    stateMs: 65_000,
    leaving: undefined,
    handled,
    rssBytes: (10 + number) * 1024 * 1024,
    threads: [{ handled, runningMs: what === undefined ? undefined : 1234, request, what }],
    failures: 0,
    lastExit: undefined,
  };
}

function sample(atMs: number, routes: readonly RouteCounts[], workers: readonly WorkerStatus[]): Sample {
  const queue = { depth: 3, oldestMs: 400, refused: 2 };
  const processes = { min: 2, max: 2, desired: 2, ready: 2 };
  const app = { name: "mysite", phase: "running", generation: 1, processes, workers, exits: {}, queue } as const;
  const server = { address: "10.0.0.1:80", backup: false, active: 1, idle: 2, requests: atMs, failures: 0 };
  const status = {
    version: "1.2.3",
    pid: 9,
    state: "serving",
    uptimeMs: 3_600_000,
    fronts: [{ state: "accepting" }],
    limits: {},
    apps: [{ ...app, crashLoop: undefined, reloadFailure: undefined }],
  };
  return {
    atMs,
    measured: {
      status,
      traffic: { upstreams: [{ name: "old", servers: [{ ...server, fronts: { ready: 2 } }] }], caches: [] },
      routes,
      connections: { idle: 4, active: 5 },
      lostLogLines: 0,
      rssBytes: 80 * 1024 * 1024,
    },
  } as unknown as Sample;
}

describe("rates", () => {
  test("are what came between two samples, of the routes that are meant", () => {
    const before = sample(1000, [route("app:mysite", 100), route("files", 7)], []);
    const now = sample(3000, [route("app:mysite", 300, 20), route("files", 9)], []);
    const rates = ratesBetween(before, now, ({ target }) => target === "app:mysite");
    expect(rates).toMatchObject({ requestsPerSecond: 100, failedShare: 0.1, sentPerSecond: 100 * 1024 });
    expect(ratesBetween(before, now, () => true).requestsPerSecond).toBe(101);
  });

  test("of a server that counts anew are what it has counted", () => {
    const rates = ratesBetween(sample(0, [route("files", 500)], []), sample(1000, [route("files", 3)], []), () => true);
    expect(rates.requestsPerSecond).toBe(3);
  });

  test("percentiles lie where their class of the histogram lies", () => {
    // 90 up to 0.5 ms, 9 between 5 and 10, 1 beyond a minute
    const now = sample(1000, [route("files", 100, 0, { 0: 90, 4: 9, 16: 1 })], []);
    const { percentilesMs } = ratesBetween(sample(0, [], []), now, () => true);
    expect(percentilesMs?.map((ms) => Number(ms.toFixed(2)))).toEqual([0.28, 7.78, 10]);
    const late = sample(1000, [route("files", 2, 0, { 16: 2 })], []);
    expect(ratesBetween(sample(0, [], []), late, () => true).percentilesMs).toEqual([60_000, 60_000, 60_000]);
    expect(ratesBetween(now, now, () => true).percentilesMs).toBeUndefined();
  });
});

describe("the page", () => {
  const before = sample(1000, [], [worker(1, 100), worker(2, 100)]);
  const now = sample(2000, [route("app:mysite", 40)], [worker(1, 110, "GET /a\x1b[2J"), worker(2, 130)]);

  test("has the whole, each app with its workers, and upstreams", () => {
    const lines = page(before, now, VIEW);
    expect(lines.length).toBe(30);
    const text = lines.join("\n");
    expect(text).toContain("server 1.2.3, pid 9, serving, up 1h");
    expect(text).toContain("connections 5 active, 4 idle  memory 80 MiB, Python 23 MiB  fronts 1 of 1");
    expect(text).toContain("app mysite: running, 2 of 2 ready  queue 3, oldest 0.4s, 2 refused");
    expect(text).toContain("10.0.0.1:80: ready (2); 1000 requests/s, 1 active, 2 idle, 0 failed");
    expect(lines.find((line) => line.startsWith(">"))).toMatch(
      /^> +1 +11 {2}ready +1m5s +10\.0 +110 +11 MiB {2}1\/1 +1\.2s GET/,
    );
  });

  test("shows nothing that moves the cursor, and no line that is too wide", () => {
    const lines = page(before, now, { ...VIEW, columns: 40, rows: 10 });
    expect(lines.length).toBe(10);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(40);
    // eslint-disable-next-line no-control-regex
    expect(page(before, now, VIEW).join("")).not.toMatch(/[\x00-\x1f]/);
    expect(lines[7]).toMatch(/^… \d+ lines more$/);
  });

  test.each([
    ["number", [1, 2]],
    ["requests", [2, 1]],
    ["running", [1, 2]],
    ["memory", [2, 1]],
    ["handled", [2, 1]],
  ] as const)("sorted by %s", (sort, numbers) => {
    expect(workerRows(before, now, sort).map((row) => row.worker.number)).toEqual([...numbers]);
  });

  test("another page stands alone, with the keys below", () => {
    const lines = otherPage("stacks", ["one", "two"], { ...VIEW, rows: 8 });
    expect(lines.slice(0, 4)).toEqual(["stacks", "", "one", "two"]);
    expect(lines.at(-1)).toContain("q quit");
  });
});

test("keys are told apart however they come, and what means nothing is none", () => {
  expect(keysOf("q")).toEqual(["q"]);
  expect(keysOf("\x1b[A\x1bOBs\r")).toEqual(["up", "down", "s", "enter"]);
  expect(keysOf("\x03\x1b")).toEqual(["interrupt", "escape"]);
  expect(keysOf("\x1b[15~\x1b[1;5C\x07")).toEqual([]);
});
