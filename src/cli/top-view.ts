/**
 * What `server top` shows of two samples, as lines of a page. Pure: the command (top.ts) knows the terminal. Colour only marks what
 * the words say, too.
 */
import type { AppStatus, WorkerStatus } from "../apps/status.ts";
import type { UpstreamServerStatus } from "../master/traffic-status.ts";
import { ago } from "./status-text.ts";
import { growth, type Rates, ratesBetween, type Sample } from "./top-rates.ts";

const MIB = 1024 * 1024;

export const SORTS = ["number", "requests", "running", "memory", "handled"] as const;
export type Sort = (typeof SORTS)[number];

export interface View {
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
  readonly sort: Sort;
  readonly isPaused: boolean;
  /** Process of a worker. */
  readonly selected: number | undefined;
  /** What became of the last key, or why the server does not answer. */
  readonly message: string;
}

export interface WorkerRow {
  readonly app: string;
  readonly worker: WorkerStatus;
  readonly requestsPerSecond: number;
}

/** In the order in which they are shown. */
export function workerRows(before: Sample, now: Sample, sort: Sort): WorkerRow[] {
  return now.measured.status.apps.flatMap((app) => rowsOf(app, before, now).toSorted(order(sort)));
}

function rowsOf(app: AppStatus, before: Sample, now: Sample): WorkerRow[] {
  const old = before.measured.status.apps.find(({ name }) => name === app.name);
  const handled = new Map(old?.workers.map(({ pid, handled: number }) => [pid, number]));
  return app.workers.map((worker) => ({
    app: app.name,
    worker,
    requestsPerSecond: growth(handled.get(worker.pid), worker.handled, now.atMs - before.atMs),
  }));
}

function order(sort: Sort): (a: WorkerRow, b: WorkerRow) => number {
  const value = (row: WorkerRow) => {
    switch (sort) {
      case "number":
        return -row.worker.number;
      case "requests":
        return row.requestsPerSecond;
      case "running":
        return longest(row.worker)?.runningMs ?? -1;
      case "memory":
        return row.worker.rssBytes ?? 0;
      case "handled":
        return row.worker.handled;
    }
  };
  return (a, b) => value(b) - value(a);
}

function longest({ threads }: WorkerStatus): { readonly runningMs: number; readonly what: string } | undefined {
  const busy = threads.flatMap(({ runningMs, what }) =>
    typeof runningMs === "number" ? [{ runningMs, what: what ?? "" }] : [],
  );
  return busy.toSorted((a, b) => b.runningMs - a.runningMs)[0];
}

export function page(before: Sample, now: Sample, view: View): string[] {
  const body = [
    ...headLines(before, now, view),
    ...now.measured.status.apps.flatMap((app) => appLines(app, before, now, view)),
    ...now.measured.traffic.upstreams.flatMap((upstream) => upstreamLines(upstream, before, now)),
  ];
  return framed(body, view);
}

/** The stack of a worker, or the help, in the place of the rest. */
export function otherPage(title: string, lines: readonly string[], view: View): string[] {
  return framed([title, "", ...lines], { ...view, selected: undefined });
}

const KEYS = "q quit  p pause  s sort  ↑↓ worker  r reload its app  ⏎ its Python stack  ? help";

function framed(body: readonly string[], view: View): string[] {
  const room = Math.max(1, view.rows - 2);
  const hidden = body.length - room;
  const shown = hidden > 0 ? [...body.slice(0, room - 1), `… ${hidden + 1} lines more`] : body;
  const padding = Array.from({ length: room - shown.length }, () => "");
  const marked = (text: string) => (text.startsWith(">") ? reversed(text, view) : text);
  const lines = [...shown, ...padding, view.message, KEYS].map((line) => marked(cut(line, view.columns)));
  return lines.map((line, i) => (i === 0 ? bold(line, view) : line));
}

/** Whoever sent a request has chosen its target: nothing of it moves the cursor. */
function cut(text: string, columns: number): string {
  // eslint-disable-next-line no-control-regex
  const safe = text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
  return safe.length > columns ? `${safe.slice(0, columns - 1)}…` : safe;
}

function headLines(before: Sample, now: Sample, view: View): string[] {
  const { status, connections, rssBytes, lostLogLines } = now.measured;
  const { version, pid, state, uptimeMs, fronts, limits } = status;
  const python = status.apps.flatMap(({ workers }) => workers).reduce((sum, { rssBytes: own }) => sum + (own ?? 0), 0);
  const rates = ratesBetween(before, now, () => true);
  const away = fronts.filter((front) => front.state !== "accepting").length;
  const hit = Object.entries(limits).map(([name, hits]) => `${name} ${hits}`);
  return [
    `server ${version}, pid ${pid}, ${state}, up ${ago(uptimeMs)}${view.isPaused ? "  PAUSED" : ""}  sorted by ${view.sort}`,
    `${rateText(rates)}  in ${perSecond(rates.receivedPerSecond)}  out ${perSecond(rates.sentPerSecond)}`,
    `connections ${connections.active} active, ${connections.idle} idle  memory ${mib(rssBytes)}, Python ${mib(python)}  fronts ${fronts.length - away} of ${fronts.length}`,
    ...(hit.length === 0 ? [] : [`limits hit: ${hit.join(", ")}`]),
    ...(lostLogLines === 0 ? [] : [`LOST LOG LINES: ${lostLogLines}`]),
  ];
}

function rateText({ requestsPerSecond, percentilesMs, failedShare }: Rates): string {
  const times = ["p50", "p95", "p99"].map((name, i) => `${name} ${millis(percentilesMs?.[i])}`).join("  ");
  const failed = failedShare ? `  5xx ${(failedShare * 100).toFixed(1)}%` : "";
  return `${number(requestsPerSecond)} requests/s  ${times}${failed}`;
}

function appLines(app: AppStatus, before: Sample, now: Sample, view: View): string[] {
  const { name, phase, processes, queue, crashLoop, reloadFailure } = app;
  const rates = ratesBetween(before, now, ({ target }) => target === `app:${name}`);
  const waiting = queue.depth === 0 ? "queue 0" : `queue ${queue.depth}, oldest ${ago(queue.oldestMs)}`;
  const refused = queue.refused === 0 ? "" : `, ${queue.refused} refused`;
  return [
    "",
    `app ${name}: ${phase}, ${processes.ready} of ${processes.desired} ready  ${waiting}${refused}`,
    `  ${rateText(rates)}`,
    ...(crashLoop && processes.ready < processes.desired
      ? [`  CRASH LOOP: ${crashLoop.failures} starts failed, the last ${crashLoop.cause}`]
      : []),
    ...(reloadFailure ? ["  the last reload failed; the old code goes on"] : []),
    WORKER_HEAD,
    ...rowsOf(app, before, now)
      .toSorted(order(view.sort))
      .map((row) => workerLine(row, view)),
  ];
}

const WORKER_HEAD = "   worker     pid  state     for        req/s   handled      RSS  busy  runs";

function workerLine({ worker, requestsPerSecond }: WorkerRow, view: View): string {
  const { number: seat, pid, state, stateMs, handled, rssBytes, threads, leaving } = worker;
  const busy = threads.filter(({ runningMs }) => typeof runningMs === "number").length;
  const running = longest(worker);
  const note = leaving
    ? `leaves: ${leaving}`
    : running === undefined
      ? ""
      : `${ago(running.runningMs)} ${running.what}`;
  const columns = [
    `${pid === view.selected && pid ? ">" : " "}${String(seat).padStart(8)}`,
    (pid ? String(pid) : "-").padStart(7),
    ` ${state.padEnd(8)}`,
    ago(stateMs).padEnd(7),
    number(requestsPerSecond).padStart(8),
    String(handled).padStart(9),
    (rssBytes ? mib(rssBytes) : "-").padStart(8),
    ` ${busy}/${threads.length}`.padEnd(6),
    note,
  ];
  return columns.join(" ").trimEnd();
}

function upstreamLines(
  { name, servers }: Sample["measured"]["traffic"]["upstreams"][number],
  before: Sample,
  now: Sample,
): string[] {
  const rates = ratesBetween(before, now, ({ target }) => target === `upstream:${name}`);
  const old = before.measured.traffic.upstreams.find((each) => each.name === name)?.servers ?? [];
  const betweenMs = now.atMs - before.atMs;
  return [
    "",
    `upstream ${name}: ${rateText(rates)}`,
    ...servers.map((server) =>
      serverLine(
        server,
        old.find(({ address }) => address === server.address),
        betweenMs,
      ),
    ),
  ];
}

function serverLine(server: UpstreamServerStatus, old: UpstreamServerStatus | undefined, betweenMs: number): string {
  const { address, backup, active, idle, requests, failures, fronts } = server;
  const states = Object.entries(fronts).map(([state, count]) => (count === 1 ? state : `${state} (${count})`));
  const rate = `${number(growth(old?.requests ?? requests, requests, betweenMs))} requests/s`;
  return `  ${address}${backup ? " (backup)" : ""}: ${states.join(", ")}; ${rate}, ${active} active, ${idle} idle, ${failures} failed`;
}

function number(value: number): string {
  return value >= 100 || value === 0 ? String(Math.round(value)) : value.toFixed(1);
}

function millis(value: number | undefined): string {
  if (value === undefined) return "-";
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return value >= 10 ? `${Math.round(value)} ms` : `${value.toFixed(1)} ms`;
}

function perSecond(bytes: number): string {
  if (bytes >= MIB) return `${(bytes / MIB).toFixed(1)} MiB/s`;
  return `${(bytes / 1024).toFixed(bytes < 10_240 ? 1 : 0)} KiB/s`;
}

function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}

function bold(text: string, { colour }: View): string {
  return colour ? `\x1b[1m${text}\x1b[0m` : text;
}

function reversed(text: string, { colour }: View): string {
  return colour ? `\x1b[7m${text}\x1b[0m` : text;
}
