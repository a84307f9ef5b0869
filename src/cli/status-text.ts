/**
 * A status as people read it, in 80 columns: what is well in one line, what is not with its cause below. Pure. Colours
 * would say nothing that the words do not.
 */
import type { AppStatus, CrashLoop, WorkerStatus } from "../apps/status.ts";
import { formatDuration } from "../base/units.ts";
import type { ServerStatus as MasterStatus } from "../master/status.ts";
import type { TrafficStatus } from "../master/traffic-status.ts";
import { cacheText, upstreamText } from "./status-traffic.ts";

const WIDTH = 80;
/** Of a traceback: the end tells what it was, the rest is in the log. */
const TRACEBACK_LINES = 6;
const MIB = 1024 * 1024;
const ERRORS_SHOWN = 5;
/** Of a worker, those that run longest. */
const REQUESTS_SHOWN = 3;

export type ServerStatus = MasterStatus & TrafficStatus;

export function statusText(status: ServerStatus, now: Date): string {
  const sections = [
    headText(status),
    certificatesText(status.certificates, now),
    ...status.apps.map(appText),
    ...status.services.map(serviceText),
    ...status.crons.map((cron) => cronText(cron, now)),
    ...status.upstreams.map(upstreamText),
    ...status.caches.map(cacheText),
    limitsText(status.limits),
    errorsText(status.errors, now),
  ];
  return sections.filter((section) => section !== "").join("");
}

function headText(status: ServerStatus): string {
  const { version, pid, state, uptimeMs, config, listeners, lost, fronts, connections, sites } = status;
  const troubled = fronts.filter(({ replaced }) => replaced > 0);
  const died = troubled.map(({ number, replaced }) => `front-${number} died ${times(replaced)}`);
  const busy = [`${count(connections, "connection")} open`, ...died].join(", ");
  return [
    `server ${version}, pid ${pid}, ${state}, up ${ago(uptimeMs)}`,
    `config     ${config}`,
    ...wrap("listeners", listeners),
    ...lost.map((path) => `LOST       ${path}: its file is gone, nobody can connect; server logs tells why`),
    `fronts     ${fronts.length}; ${busy}`,
    ...wrap(
      "sites",
      sites.map(({ name, routes }) => `${name} (${count(routes, "route")})`),
    ),
    "",
  ].join("\n");
}

/** `label      a, b, c`, broken where 80 columns end. */
function wrap(label: string, parts: readonly string[]): string[] {
  const lines: string[] = [];
  let line = label.padEnd(11);
  parts.forEach((part, i) => {
    const text = i === parts.length - 1 ? part : `${part}, `;
    if (line.length + text.trimEnd().length > WIDTH && line.trim() !== "" && line.trim() !== label) {
      lines.push(line.trimEnd());
      line = " ".repeat(11);
    }
    line += text;
  });
  return [...lines, line.trimEnd()];
}

/** Each in a line, what is wrong with it below. */
function certificatesText(certificates: ServerStatus["certificates"], now: Date): string {
  if (certificates.length === 0) return "";
  const lines = certificates.flatMap(({ site, source, notAfter, nextAt, problems }) => {
    const left = notAfter - now.getTime();
    const validity = left < 0 ? `EXPIRED ${ago(-left)} ago` : `valid for ${ago(left)}`;
    const inMs = nextAt === null ? undefined : Math.max(0, nextAt - now.getTime());
    const next = inMs === undefined ? "" : `, ${source === "temporary" ? "next order" : "renewal"} in ${ago(inMs)}`;
    return [`certificate ${site}: ${validity}, from ${source}${next}`, ...problems.map((problem) => `  ${problem}`)];
  });
  return ["", ...lines, ""].join("\n");
}

function appText(app: AppStatus): string {
  const { name, phase, generation, processes, queue } = app;
  const { ready, desired, min, max } = processes;
  const range = min === max ? "" : ` (${min} to ${max})`;
  const waiting = queue.depth === 0 ? "" : `${count(queue.depth, "request")} waiting for ${ago(queue.oldestMs)}`;
  const refused = queue.refused === 0 ? "" : `${queue.refused} refused so far`;
  const queued = [waiting, refused].filter((text) => text !== "").join(", ");
  const title = `app ${name}: ${phase}, ${ready} of ${count(desired, "worker")} ready${range}`;
  return [
    "",
    `${title}, code ${generation}`,
    ...(queued === "" ? [] : [`  queue: ${queued}`]),
    ...(app.workers.length === 0 ? [] : [WORKER_HEAD]),
    ...app.workers.flatMap(workerLines),
    // A start that failed once and was made up for is in the log.
    ...(app.crashLoop && ready < desired ? crashLines(app.crashLoop) : []),
    ...(app.reloadFailure ? ["  the last reload failed; the old code goes on:", ...lastLines(app.reloadFailure)] : []),
    "",
  ].join("\n");
}

const WORKER_HEAD = "  worker     pid  state        for        handled      RSS  runs";

function workerLines(worker: WorkerStatus): string[] {
  const { number, pid, state, stateMs, handled, rssBytes, threads, leaving, lastExit } = worker;
  const busy = threads.flatMap(({ runningMs, what }) => (typeof runningMs === "number" ? [{ runningMs, what }] : []));
  busy.sort((a, b) => b.runningMs - a.runningMs);
  const longest = busy[0] === undefined ? "idle" : `${busy.length} of ${threads.length}, ${ago(busy[0].runningMs)}`;
  const columns = [
    String(number).padStart(8),
    (pid ? String(pid) : "-").padStart(7),
    ` ${state.padEnd(11)}`,
    ago(stateMs).padEnd(9),
    String(handled).padStart(8),
    (rssBytes ? `${Math.round(rssBytes / MIB)} MiB` : "-").padStart(8),
    ` ${state === "ready" ? longest : ""}`,
  ];
  const notes = [leaving ? `leaves: ${leaving}` : "", lastExit ? `last: ${lastExit}` : ""].filter(
    (note) => note !== "",
  );
  const requests = busy.slice(0, REQUESTS_SHOWN).map(({ runningMs, what }) => `${ago(runningMs)} ${what ?? ""}`);
  return [columns.join(" ").trimEnd(), ...[...notes, ...requests].map((note) => `           ${note}`.slice(0, WIDTH))];
}

function crashLines({ failures, nextStartMs, cause, traceback }: CrashLoop): string[] {
  const next = nextStartMs > 0 ? `next start in ${ago(nextStartMs)}` : "starting again";
  return [`  CRASH LOOP: ${count(failures, "start")} failed; ${next}; the last ${cause}`, ...lastLines(traceback)];
}

function lastLines(text: string): string[] {
  const lines = text.trimEnd() === "" ? [] : text.trimEnd().split("\n");
  const shown = lines.slice(-TRACEBACK_LINES).map((line) => `    | ${line}`);
  return lines.length > TRACEBACK_LINES ? ["    | …", ...shown] : shown;
}

function serviceText({ name, instances }: ServerStatus["services"][number]): string {
  const lines = instances.flatMap((instance) => {
    const { number, state, stateMs, pid, rssBytes, restarts, lastExit, lastLines: said, failures } = instance;
    const label = instances.length === 1 ? `service ${name}` : `service ${name} ${number}`;
    const process = pid ? `, pid ${pid}${rssBytes ? `, ${Math.round(rssBytes / MIB)} MiB` : ""}` : "";
    const again = state === "waiting" ? `, next start in ${ago(stateMs)}` : ` for ${ago(stateMs)}`;
    const past = restarts > 0 ? `, started again ${times(restarts)}` : "";
    const exit = lastExit ? [`  it last ${lastExit}`] : [];
    return [
      `${label}: ${state}${again}${process}${past}`,
      ...exit,
      ...(failures > 0 ? said.map((line) => `    | ${line}`) : []),
    ];
  });
  return ["", ...lines, ""].join("\n");
}

function cronText(cron: ServerStatus["crons"][number], now: Date): string {
  const { name, schedule, timezone, nextAt, running, runs, failures, skipped, last } = cron;
  const next = nextAt ? `next in ${ago(Math.max(0, nextAt - now.getTime()))}` : "never due";
  const zone = timezone ? ` ${timezone}` : "";
  const busy = running.map(({ pid, forMs }) => `, pid ${pid} runs for ${ago(forMs)}`).join("");
  const counts = `${count(runs, "run")}, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  const past = last
    ? [`  the last ${last.cause} after ${ago(last.tookMs)}, ${ago(now.getTime() - last.startedAt)} ago`]
    : [];
  const said = last && !last.ok ? last.lastLines.map((line) => `    | ${line}`) : [];
  return ["", `cron ${name}: ${schedule}${zone}, ${next}${busy}; ${counts}`, ...past, ...said, ""].join("\n");
}

function limitsText(limits: ServerStatus["limits"]): string {
  const hit = Object.entries(limits).map(([name, hits]) => `${name} ${times(hits)}`);
  return hit.length === 0 ? "" : `\n${wrap("limits hit", hit).join("\n")}\n`;
}

function errorsText(errors: ServerStatus["errors"], now: Date): string {
  const lines = errors.slice(-ERRORS_SHOWN).flatMap(({ at, times: often, text, hint }) => {
    const [first = "", ...more] = text.split("\n");
    const last = more.at(-1)?.trim();
    const again = often > 1 ? `, ${times(often)}` : "";
    return [
      ...folded(`${ago(Math.max(0, now.getTime() - at))} ago${again}: ${first}`, "  "),
      ...(last ? folded(last, "    | ") : []),
      ...(hint ? folded(hint, "    → ") : []),
    ];
  });
  return lines.length === 0 ? "" : `\nlast errors\n${lines.join("\n")}\n`;
}

/** Broken between words, the further lines below the first; a word that is too long stays whole. */
function folded(text: string, lead: string): string[] {
  const lines: string[] = [];
  let line = lead;
  for (const word of text.split(" ")) {
    if (line.trim() !== lead.trim() && line.length + word.length > WIDTH) {
      lines.push(line.trimEnd());
      line = " ".repeat(lead.trim() === "" ? lead.length + 2 : lead.length);
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function times(number: number): string {
  return number === 1 ? "once" : `${number} times`;
}

/** The two largest units: `3d4h`, `12m5s`, `1.4s`. */
export function ago(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  const day = 86_400;
  if (seconds >= day) return formatDuration((seconds - (seconds % 3600)) * 1000);
  if (seconds >= 3600) return formatDuration((seconds - (seconds % 60)) * 1000);
  return formatDuration(seconds * 1000);
}
