/** What `server status` shows, whole: it is read by people, so the text itself is what is promised. */
import { expect, test } from "bun:test";
import { ago, statusText, type ServerStatus } from "../../src/cli/status-text.ts";

const NOW = new Date("2026-11-22T12:00:00Z");
const MIB = 1024 * 1024;

const WORKER = {
  number: 1,
  generation: 2,
  pid: 4001,
  state: "ready",
  stateMs: 7_200_000,
  leaving: undefined,
  handled: 123_456,
  rssBytes: 87 * MIB,
  threads: [
    { handled: 9, runningMs: 12_345, request: { front: 0, id: 7 }, what: `GET /report?q=${"x".repeat(90)}` },
    { handled: 5, runningMs: undefined, request: undefined, what: undefined },
  ],
  failures: 0,
  lastExit: undefined,
} as const;

const STATUS: ServerStatus = {
  version: "0.1.0",
  pid: 4000,
  state: "serving",
  config: "/www/mysite/server.toml",
  startedAt: "2026-11-19T08:00:00.000Z",
  uptimeMs: 273_600_000,
  lost: [],
  listeners: ["http://0.0.0.0:80", "http://[::]:80", "http://127.0.0.1:8000", "uwsgi://127.0.0.1:8997"],
  fronts: [
    { number: 0, state: "accepting", replaced: 0 },
    { number: 1, state: "accepting", replaced: 1 },
  ],
  connections: 1,
  sites: [{ name: "www.example.org", listen: ["0.0.0.0:80"], routes: 3 }],
  certificates: [],
  apps: [
    {
      name: "mysite",
      phase: "running",
      generation: 2,
      processes: { min: 1, max: 4, desired: 2, ready: 1 },
      workers: [
        WORKER,
        {
          ...WORKER,
          number: 2,
          pid: undefined,
          state: "down",
          stateMs: 3_900,
          handled: 0,
          rssBytes: undefined,
          threads: [],
          lastExit: "was killed by SIGSEGV",
        },
      ],
      queue: { depth: 3, oldestMs: 1500, refused: 12 },
      exits: {},
      crashLoop: {
        failures: 4,
        nextStartMs: 3_900,
        cause: "exited with code 1",
        traceback: Array.from({ length: 9 }, (_, i) => `line ${i + 1}`).join("\n"),
      },
      reloadFailure: "Traceback\nSyntaxError: no",
    },
  ],
  services: [
    {
      name: "celery",
      instances: [
        {
          number: 1,
          state: "running",
          stateMs: 60_000,
          pid: 4100,
          rssBytes: 60 * MIB,
          restarts: 0,
          failures: 0,
          lastExit: undefined,
          lastLines: [],
        },
      ],
    },
  ],
  crons: [
    {
      name: "nightly",
      schedule: "30 4 * * *",
      timezone: "Europe/Berlin",
      nextAt: NOW.getTime() + 59_400_000,
      running: [],
      runs: 3,
      failures: 1,
      skipped: 0,
      last: {
        startedAt: NOW.getTime() - 27_000_000,
        tookMs: 1_400,
        ok: false,
        cause: "exited with code 1",
        lastLines: ["no such table"],
      },
    },
  ],
  upstreams: [
    {
      name: "legacy",
      servers: [
        {
          address: "127.0.0.1:8997",
          backup: false,
          active: 1,
          idle: 2,
          requests: 30,
          failures: 0,
          fronts: { ready: 2 },
        },
        {
          address: "unix:/run/legacy.sock",
          backup: true,
          active: 0,
          idle: 0,
          requests: 4,
          failures: 4,
          fronts: { marked: 1, ready: 1 },
        },
      ],
    },
  ],
  caches: [
    {
      name: "www.example.org /",
      hits: 10,
      misses: 2,
      bypassed: 1,
      entries: 2,
      bytes: 3_145_728,
      diskEntries: 7,
      diskBytes: 1_048_576,
    },
  ],
  limits: { max_connections: 1, spool_memory: 20 },
  errors: [
    { at: NOW.getTime() - 90_000, times: 1, text: "[error] master: something", hint: undefined },
    {
      at: NOW.getTime() - 4000,
      times: 12,
      text: "[error] app mysite: worker 1: django.db.utils.OperationalError: no such table: shop_order\n\tlast line",
      hint: "the database has not this table yet: manage.py migrate, and some more words to fill it",
    },
  ],
};

const EXPECTED = `server 0.1.0, pid 4000, serving, up 3d4h
config     /www/mysite/server.toml
listeners  http://0.0.0.0:80, http://[::]:80, http://127.0.0.1:8000,
           uwsgi://127.0.0.1:8997
fronts     2; 1 connection open, front-1 died once
sites      www.example.org (3 routes)

app mysite: running, 1 of 2 workers ready (1 to 4), code 2
  queue: 3 requests waiting for 1.5s, 12 refused so far
  worker     pid  state        for        handled      RSS  runs
       1    4001  ready       2h          123456   87 MiB  1 of 2, 12s
           12s GET /report?q=${"x".repeat(51)}
       2       -  down        3.9s             0        -
           last: was killed by SIGSEGV
  CRASH LOOP: 4 starts failed; next start in 3.9s; the last exited with code 1
    | …
    | line 4
    | line 5
    | line 6
    | line 7
    | line 8
    | line 9
  the last reload failed; the old code goes on:
    | Traceback
    | SyntaxError: no

service celery: running for 1m, pid 4100, 60 MiB

cron nightly: 30 4 * * * Europe/Berlin, next in 16h30m; 3 runs, 1 failed
  the last exited with code 1 after 1.4s, 7h30m ago
    | no such table

upstream legacy
  127.0.0.1:8997: ready; 1 active, 2 idle, 30 requests, 0 failed
  unix:/run/legacy.sock (backup): ready (1), failed of late (1)
    0 active, 0 idle, 4 requests, 4 failed

cache www.example.org /
  2 kept (3.0 MiB), 7 on disk (1.0 MiB)
  10 hits, 2 misses, 1 past it

limits hit max_connections once, spool_memory 20 times

last errors
  1m30s ago: [error] master: something
  4.0s ago, 12 times: [error] app mysite: worker 1:
    django.db.utils.OperationalError: no such table: shop_order
    | last line
    → the database has not this table yet: manage.py migrate, and some more
      words to fill it
`;

test("everything at once, well and not well", () => {
  expect(statusText(STATUS, NOW)).toBe(EXPECTED);
  expect(Math.max(...EXPECTED.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});

test("what comes over the socket has null where there is nothing; it looks the same", () => {
  const sent = JSON.parse(JSON.stringify(STATUS, (_, value: unknown) => value ?? null)) as ServerStatus;
  expect(statusText(sent, NOW)).toBe(EXPECTED);
});

test("a crash loop of processes that say nothing shows no empty line", () => {
  const [app] = STATUS.apps;
  const crashLoop = { failures: 2, nextStartMs: 0, cause: "was killed by SIGKILL", traceback: "" };
  const apps = app === undefined ? [] : [{ ...app, crashLoop, reloadFailure: undefined }];
  const text = statusText({ ...STATUS, apps }, NOW);
  expect(text).toContain("CRASH LOOP: 2 starts failed; starting again; the last was killed by SIGKILL\n\n");
});

test("a server of files only is told of in six lines", () => {
  const text = statusText(
    { ...STATUS, apps: [], services: [], crons: [], upstreams: [], caches: [], limits: {}, errors: [], fronts: [] },
    NOW,
  );
  expect(text.trimEnd().split("\n").length).toBe(6);
});

test.each([
  [0, "0.0s"],
  [9_940, "9.9s"],
  [59_400, "59s"],
  [61_000, "1m1s"],
  [3_725_000, "1h2m"],
  [90_061_000, "1d1h"],
])("%p ms is %p", (ms, text) => {
  expect(ago(ms)).toBe(text);
});
