/** How many processes and threads there are, for how long, and how long a request may take. */
import { formatDuration } from "../../base/units.ts";
import type { Context } from "./context.ts";
import type { Given } from "./given.ts";
import type { Option } from "./option.ts";

const SECOND = 1000;
/** Seconds: the longest that server.toml takes. */
const DAY = 86_400;
const THREADS_MAX = 256;
const GREENLETS_REMEDY =
  "greenlets are not run: what waits in them there waits in threads here, without monkey patching; say threads in its place";

export type WorkerClass = "sync" | "gthread" | "asgi" | "other";

/** What runs the requests, told of --worker-class. */
export function translateClass(given: Given): WorkerClass {
  const option = given.last("worker_class");
  if (option === undefined) return hasThreads(given) ? "gthread" : "sync";
  const name = String(option.value);
  if (/uvicorn|asgi|hypercorn/i.test(name)) {
    const sentence =
      "ASGI is not served here: leave gunicorn running and proxy to it (upstream), or name the WSGI application (mysite.wsgi) and no worker class";
    given.notSupported(option, sentence, "changes-meaning");
    return "asgi";
  }
  if (/^(?:sync|gunicorn\.workers\.sync\.SyncWorker)$/.test(name)) {
    given.tell("translated", option, hasThreads(given) ? "with threads it is gthread" : "one thread in each process");
    return hasThreads(given) ? "gthread" : "sync";
  }
  if (/^(?:gthread|gunicorn\.workers\.gthread\.ThreadWorker)$/.test(name)) {
    given.tell("translated", option, "threads in each process; slow clients hold none of them");
    return "gthread";
  }
  const isGreen = /gevent|eventlet/.test(name);
  const remedy = isGreen ? GREENLETS_REMEDY : "processes and threads are what there is here";
  given.notSupported(option, remedy, "changes-meaning");
  return "other";
}

/** arbiter.py: more than one thread makes a sync worker a gthread. */
function hasThreads(given: Given): boolean {
  return Number(given.look("threads")?.value ?? 1) > 1;
}

export function translateWorkers(context: Context, worker: WorkerClass): void {
  translateCounts(context);
  translateLifetime(context);
  translateTimeouts(context, worker);
}

function translateCounts({ given, app }: Context): void {
  const workers = given.last("workers");
  const processes = workers && given.number(workers);
  if (workers === undefined) app.set("processes", 1, undefined, "gunicorn has one worker unless it is told otherwise");
  else if (processes === 0) given.tell("error", workers, "serves nothing; say how many");
  else if (processes !== undefined) {
    const counted = workers.written.includes("cpu_count") ? `of this machine's cores: ${workers.written}` : undefined;
    app.set("processes", processes, workers.origin, counted);
    given.tell("translated", workers, "processes");
  }
  const option = given.last("threads");
  const threads = option && given.number(option);
  if (option === undefined)
    app.set("threads", 1, undefined, "gunicorn has one thread in each unless it is told otherwise");
  else if (threads !== undefined) {
    app.set("threads", Math.min(Math.max(threads, 1), THREADS_MAX), option.origin);
    given.tell("translated", option, threads > THREADS_MAX ? `threads, ${THREADS_MAX} at most` : "threads");
  }
}

function translateLifetime({ given, app }: Context): void {
  const most = given.last("max_requests");
  const requests = most && given.number(most);
  if (most !== undefined && requests === 0) given.tell("defaultHere", most, "0 is no bound");
  else if (most !== undefined && requests !== undefined) {
    app.set("max_requests", requests, most.origin);
    given.tell("translated", most, "max_requests; the new process is ready before the old one ends");
  }
  const jitter = given.last("max_requests_jitter");
  if (jitter === undefined) return;
  if (requests === undefined || requests === 0)
    given.tell("noEffectThere", jitter, "without max_requests no process is replaced");
  else given.tell("defaultHere", jitter, "a process takes up to a tenth more than max_requests");
}

function translateTimeouts(context: Context, worker: WorkerClass): void {
  translateTimeout(context, worker);
  const { given, app, plan } = context;
  const graceful = given.last("graceful_timeout");
  const written = graceful && given.number(graceful);
  if (graceful === undefined || written === undefined) return;
  const drain = formatDuration(Math.min(written, DAY) * SECOND);
  app.set("drain_timeout", drain, graceful.origin);
  // The server as a whole waits for its apps; it takes no zero.
  if (written > 0) plan.server.set("drain_timeout", drain, graceful.origin);
  given.tell("translated", graceful, written > DAY ? "drain_timeout, a day at most" : "drain_timeout");
}

function translateTimeout({ given, app }: Context, worker: WorkerClass): void {
  const option = given.last("timeout");
  const seconds = option === undefined ? undefined : given.number(option);
  const ofWorker = "gunicorn's timeout is of a worker that gives no sign of life";
  if (option === undefined) {
    const isBound = worker === "sync";
    const comment = isBound
      ? `${ofWorker}: 30 s, and a sync worker gives none during a request`
      : `${ofWorker}; beside threads it gives one, so that a request may take for ever`;
    return app.set("request_timeout", isBound ? "30s" : "0s", undefined, comment);
  }
  if (seconds === undefined) return;
  if (seconds === 0 || seconds > DAY) {
    app.set("request_timeout", "0s", option.origin);
    const sentence = seconds === 0 ? "0 is no bound" : "more than a day is no bound here";
    return given.tell("translated", option, `request_timeout: ${sentence}`);
  }
  const comment =
    worker === "sync"
      ? `${ofWorker}; a sync worker gives none during a request, so that it bounds each`
      : `${ofWorker}; here it bounds each request`;
  app.set("request_timeout", formatDuration(seconds * SECOND), option.origin, comment);
  given.tell("translated", option, "request_timeout: of a request, which is answered 504, and not of a worker");
}

export function isOff(option: Option): boolean {
  return option.value === false || option.value === null || /^(?:|off|false)$/i.test(String(option.value));
}
