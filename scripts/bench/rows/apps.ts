/** Applications: the smallest, Django, a megabyte in, a megabyte out, and what a sleeping thread costs the others. */
import { Load } from "../../../test/support/load.ts";
import { MEGABYTE, PAGE_ENTRIES } from "../scenes/scene.ts";
import type { Subject } from "../subject.ts";
import { closedRow, inspect, measureClosed, pacedRow } from "./closed.ts";
import { hasLength, holds, type How, type Metric, type Row, type Sample } from "./row.ts";

const wsgi = { group: "apps", scene: "wsgi", needs: "wsgi" } as const;
const django = { group: "apps", scene: "django", needs: "wsgi", warmUpSeconds: 3 } as const;
const hello = { path: "/", wrong: holds("hello") };
const page = { path: "/", wrong: holds(`visitor ${PAGE_ENTRIES - 1}`) };
const view = { path: "/hello/", wrong: holds("Hello, World!") };
const upload = { path: "/upload", body: Buffer.alloc(MEGABYTE, "u"), wrong: holds(String(MEGABYTE)) };

/** Fewer connections than threads, so that a request waits only if it has to. */
const NEIGHBOURS = { path: "/", connections: 4 };

const BESIDE: readonly Metric[] = [
  { key: "ratio", title: "p99 beside a sleeper / alone", better: "less", digits: 2 },
  { key: "calmMs", title: "p99 ms alone", better: "less", digits: 2 },
  { key: "besideMs", title: "p99 ms beside", better: "less", digits: 2 },
];

async function besideSleeper(subject: Subject, how: How): Promise<Sample> {
  const calm = await measureClosed(subject, NEIGHBOURS, how);
  const address = { host: "127.0.0.1", port: subject.place.port };
  const asleep = new Load({ address, connections: 1, request: () => "GET /sleep HTTP/1.1\r\nHost: localhost\r\n\r\n" });
  const beside = await measureClosed(subject, NEIGHBOURS, how);
  const { statuses, failures } = await asleep.stop();
  const slept = Object.entries(statuses).filter(([status]) => status !== "200");
  const errors = (calm["errors"] ?? 0) + (beside["errors"] ?? 0) + failures.length + slept.length;
  const [calmMs, besideMs] = [calm["p99Ms"] as number, beside["p99Ms"] as number];
  return { calmMs, besideMs, ratio: besideMs / calmMs, errors };
}

export const APP_ROWS: readonly Row[] = [
  closedRow({
    ...wsgi,
    id: "hello",
    title: "WSGI hello, kept connections",
    connections: 64,
    isQuick: true,
    bar: { key: "perSecond", atLeast: 1.7 },
    ...hello,
  }),
  closedRow({
    ...wsgi,
    id: "hello-close",
    title: "WSGI hello, a connection for each request",
    connections: 64,
    fields: ["Connection: close"],
    isQuick: true,
    ...hello,
  }),
  pacedRow({ ...wsgi, id: "hello-paced", title: "WSGI hello at 2,000 requests/s", perSecond: 2000, ...hello }),
  closedRow({
    ...django,
    id: "django-hello",
    title: "Django, a plain view",
    connections: 32,
    isQuick: true,
    bar: { key: "perSecond", atLeast: 1 },
    ...view,
  }),
  closedRow({
    ...django,
    id: "django-page",
    title: "Django, a page of a template and a query",
    connections: 32,
    isQuick: true,
    bar: { key: "perSecond", atLeast: 1 },
    ...page,
  }),
  pacedRow({ ...django, id: "django-paced", title: "Django page at 200 requests/s", perSecond: 200, ...page }),
  closedRow({
    ...wsgi,
    id: "upload",
    title: "1 MB uploaded and read",
    connections: 16,
    isQuick: true,
    bar: { key: "perSecond", atLeast: 1 },
    ...upload,
  }),
  closedRow({
    ...wsgi,
    id: "stream",
    title: "1 MB streamed in 64 KiB pieces",
    path: "/stream",
    connections: 16,
    isQuick: true,
    wrong: hasLength(MEGABYTE),
    bar: { key: "perSecond", atLeast: 1 },
  }),
  {
    ...wsgi,
    id: "sleeper",
    title: "p99 while one of eight threads sleeps",
    metrics: BESIDE,
    judgedBy: ["besideMs"],
    check: (subject) => inspect(subject, hello),
    measure: besideSleeper,
  },
];
