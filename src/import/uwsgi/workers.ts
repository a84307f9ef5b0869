/** How many processes and threads there are, for how long, and how long a request may take. */
import { formatDuration } from "../../base/units.ts";
import type { AppKey } from "../plan.ts";
import type { Context } from "./context.ts";
import { isYes } from "./given.ts";
import { hasMark } from "./marks.ts";
import type { Option } from "./option.ts";
import { leadingNumber } from "./placeholders.ts";
import { megabytes } from "./sizes.ts";

const PROCESSES = ["processes", "workers"] as const;

/** uWSGI's greenlets cost nothing; threads do. */
const THREADS_FOR_GREENLETS_MAX = 64;
const THREADS_MAX = 256;

const SECOND = 1000;

export function translateWorkers(context: Context): void {
  translateProcesses(context);
  translateThreads(context);
  translateLimits(context);
  translateTimeout(context);
  translatePreload(context);
}

function translateProcesses(context: Context): void {
  const { given, app } = context;
  const option = given.last(...PROCESSES);
  const max = (option === undefined ? 1 : given.number(option)) ?? 1;
  if (option !== undefined) given.tell("translated", option, "processes");
  const { min, idle, by } = fewest(context);
  if (typeof min === "number" && typeof max === "number" && min > 0 && min >= max && by !== undefined)
    return given.tell("error", by, `should be less than processes, which is ${max}; uWSGI refuses it`);
  if (min === undefined) {
    const comment = option === undefined ? "uWSGI has one process unless it is told otherwise" : perCore(option);
    return app.set("processes", max, option?.origin, comment);
  }
  app.set("processes", { min, max, ...(idle !== undefined && { idle }) }, by?.origin);
}

interface Fewest {
  readonly min?: number | string;
  readonly idle?: string;
  readonly by?: Option;
}

/** How many processes there are when nothing is to do: none in cheap mode, where `idle` leads to as well. */
function fewest({ given }: Context): Fewest {
  const [cheap, cheaper, idle] = [given.last("cheap"), given.last("cheaper"), given.last("idle")];
  const seconds = idle && given.number(idle);
  const isIdle = seconds !== undefined && seconds !== 0;
  if (isYes(cheap) || isIdle) {
    if (cheap !== undefined) given.tell("translated", cheap, "processes.min = 0");
    if (idle !== undefined) given.tell("translated", idle, "processes.idle");
    if (cheaper !== undefined) given.tell("noEffectThere", cheaper, "when nothing is to do there is no process at all");
    const by = cheap ?? idle;
    return { min: 0, ...(isIdle && { idle: duration(seconds) }), ...(by && { by }) };
  }
  for (const option of [cheap, idle]) if (option !== undefined) given.tell("defaultHere", option, "is switched off");
  if (cheaper !== undefined && isZero(cheaper)) {
    given.tell("noEffectThere", cheaper, "is 0 to uWSGI, which switches it off; it should be the fewest processes");
    return {};
  }
  const min = cheaper && given.number(cheaper);
  if (cheaper === undefined || min === undefined) return {};
  given.tell("translated", cheaper, "processes.min");
  return { min, by: cheaper };
}

/** As strtol(3) reads it: `cheaper = true` says nothing. */
function isZero({ value = "1" }: Option): boolean {
  return !hasMark(value) && leadingNumber(value) === 0;
}

/** What was counted from the cores of this machine is a number now. */
function perCore(option: Option | undefined): string | undefined {
  const { origin } = option ?? {};
  const line = origin === undefined ? "" : origin.file.line(origin.file.positionOf(origin.offset).line);
  return /%k|nproc/.test(line) ? `of this machine's cores: ${line.trim()}` : undefined;
}

function translateThreads(context: Context): void {
  const { given, app } = context;
  const option = given.last("threads");
  const greenlets = given.last("gevent", "async");
  if (greenlets !== undefined) return translateGreenlets(context, greenlets, option);
  if (option === undefined) {
    return app.set("threads", 1, undefined, "uWSGI has one thread in each process unless it is told otherwise");
  }
  const threads = given.number(option);
  if (threads === undefined) return;
  app.set(
    "threads",
    typeof threads === "number" ? Math.min(Math.max(threads, 1), THREADS_MAX) : threads,
    option.origin,
  );
  given.tell("translated", option, "threads");
}

function translateGreenlets({ given, app }: Context, option: Option, threads: Option | undefined): void {
  const count = given.number(option);
  if (threads !== undefined) given.tell("noEffectThere", threads, `uWSGI does not have both threads and ${option.key}`);
  if (count === undefined) return;
  const value = typeof count === "number" ? Math.min(Math.max(count, 1), THREADS_FOR_GREENLETS_MAX) : count;
  app.set("threads", value, option.origin, `threads in place of ${option.key}: a request that waits holds one of them`);
  given.tell(
    "translated",
    option,
    `threads, ${THREADS_FOR_GREENLETS_MAX} at most: what waits in greenlets there waits in threads here, without monkey patching`,
  );
}

interface Limit {
  readonly names: readonly string[];
  readonly key: AppKey;
  readonly unit: "count" | "seconds" | "megabytes";
}

const LIMITS: readonly Limit[] = [
  { names: ["max-requests"], key: "max_requests", unit: "count" },
  { names: ["max-worker-lifetime"], key: "max_lifetime", unit: "seconds" },
  { names: ["reload-on-rss"], key: "max_rss", unit: "megabytes" },
  { names: ["evil-reload-on-rss"], key: "kill_rss", unit: "megabytes" },
  { names: ["worker-reload-mercy"], key: "drain_timeout", unit: "seconds" },
];

/** Zero is none, which needs no key. */
function translateLimits({ given, app, plan }: Context): void {
  for (const { names, key, unit } of LIMITS) {
    const option = given.last(...names);
    const value = option && given.number(option);
    if (option === undefined || value === undefined) continue;
    if (value === 0) given.tell("defaultHere", option, "0 is no bound");
    else {
      app.set(key, unit === "count" ? value : unit === "seconds" ? duration(value) : megabytes(value), option.origin);
      given.tell("translated", option, key);
    }
  }
  const mercy = given.last("reload-mercy");
  const seconds = mercy && given.number(mercy);
  if (mercy === undefined || seconds === undefined) return;
  plan.server.set("drain_timeout", duration(seconds), mercy.origin);
  given.tell("translated", mercy, "drain_timeout of [server]");
}

function translateTimeout({ given, app }: Context): void {
  const option = given.last("harakiri");
  const seconds = option === undefined ? 0 : given.number(option);
  if (seconds === undefined) return;
  const comment = option === undefined ? "without harakiri a request may take for ever" : undefined;
  app.set("request_timeout", duration(seconds), option?.origin, comment);
  if (option !== undefined)
    given.tell(
      "translated",
      option,
      "request_timeout: the client is answered 504, and the stack of the thread is in the log",
    );
}

/** uWSGI imports the project in the master and forks, unless it is told to be lazy. */
function translatePreload({ given, app }: Context): void {
  const lazy = given.last("lazy-apps", "lazy");
  const isSingle = app.get("processes") === 1;
  if (isYes(lazy) || isSingle) {
    if (lazy !== undefined) given.tell("defaultHere", lazy, "each process imports the project itself");
    return;
  }
  app.set("preload", true, lazy?.origin, "without lazy-apps uWSGI imports the project once and forks");
  if (lazy !== undefined) given.tell("translated", lazy, "preload");
}

/** Seconds, or a reference to a variable that holds them. */
export function duration(seconds: number | string): string {
  return typeof seconds === "number" ? formatDuration(seconds * SECOND) : seconds;
}
