/** Where uWSGI logs to, and what of requests. It writes messages and requests to one place unless it is told otherwise. */
import { formatDuration } from "../../base/units.ts";
import { absolutePath, type Context } from "./context.ts";
import { isYes } from "./given.ts";
import { unmark } from "./marks.ts";
import type { Option } from "./option.ts";
import { sizeOf } from "./sizes.ts";

/** uWSGI's names (core/logging.c uwsgi_register_logchunks) → ours. */
const VARIABLES: Readonly<Record<string, string>> = {
  uri: "request_uri",
  method: "request_method",
  user: "remote_user",
  addr: "remote_addr",
  host: "host",
  proto: "server_protocol",
  uagent: "http_user_agent",
  referer: "http_referer",
  status: "status",
  rsize: "body_bytes_sent",
  size: "bytes_sent",
  hsize: "bytes_sent",
  cl: "content_length",
  ltime: "time_local",
  ctime: "time_local",
  ftime: "time_local",
  time: "msec",
  epoch: "msec",
  tmsecs: "msec",
  secs: "request_time",
  msecs: "request_time",
  micros: "request_time",
  pid: "pid",
  wid: "upstream_addr",
};

export function translateLogs(context: Context): void {
  const { given, plan, base, root } = context;
  const daemonize = given.last("daemonize", "daemonize2");
  const logto = given.last("logto");
  const logto2 = given.last("logto2");
  if (daemonize !== undefined && logto !== undefined)
    given.tell("noEffectThere", logto, "uWSGI logs to the file of daemonize");
  const option = daemonize ?? logto ?? logto2;
  if (option !== undefined)
    logToFile(context, option, absolutePath(option.value ?? "", option === logto2 ? root : base));
  else if (context.purpose === "run") plan.server.set("access_log", "stderr");
  if (option === logto && logto !== undefined) given.tell("translated", logto, "error_log and access_log");
  if (logto2 !== undefined && option === logto2) given.tell("translated", logto2, "error_log and access_log");
  if (daemonize !== undefined)
    given.tell("translated", daemonize, "error_log and access_log; `server start` runs it in the background");
  for (const logger of given.all("logger", "log-socket", "log-syslog")) translateLogger(context, logger, "error_log");
  for (const logger of given.all("req-logger", "logger-req")) translateLogger(context, logger, "access_log");
  translateWhich(context);
  translateRotation(context);
  translateFormat(context);
}

function logToFile({ plan }: Context, option: Option, path: string): void {
  if (!plan.server.has("error_log")) plan.server.set("error_log", unmark(path), option.origin);
  // A gateway whose configuration is imported as well has its own.
  if (!plan.server.has("access_log")) plan.server.set("access_log", unmark(path), option.origin);
}

/** `file:/path`, `file:logfile=/path,maxsize=…`, or another kind. */
function translateLogger(context: Context, option: Option, key: "error_log" | "access_log"): void {
  const { given, plan, base } = context;
  const [, path] = /^(?:\w+ )?(?:file|logfile):(?:logfile=)?([^,]+)/.exec(option.value ?? "") ?? [];
  if (path !== undefined) {
    plan.server.set(key, unmark(absolutePath(path, base)), option.origin);
    return given.tell("translated", option, key);
  }
  if (/^(?:\w+ )?stdio:?/.test(option.value ?? "")) return given.tell("defaultHere", option, `${key} is where it is`);
  given.notSupported(
    option,
    `is not written to; ${key} may be stderr, where journald and containers take it`,
    "harmless",
  );
}

/** Beside disable-logging these say what is logged all the same; without it they say nothing new. */
function translateWhich({ given, plan }: Context): void {
  const disabled = given.last("disable-logging");
  const isOff = disabled !== undefined && isYes(disabled);
  if (disabled !== undefined && !isOff) given.tell("defaultHere", disabled, "requests are logged");
  const named = given.all("log-4xx", "log-5xx", "log-slow");
  const chosen = named.filter(isYes);
  for (const option of named) if (!isYes(option)) given.tell("defaultHere", option, "is switched off");
  if (!isOff) {
    for (const option of chosen) given.tell("defaultHere", option, "all requests are logged");
    return;
  }
  const statuses = chosen.filter(({ key }) => key !== "log-slow").map(({ key }) => key.slice("log-".length));
  if (statuses.length > 0) plan.server.set("access_log_status", statuses, chosen[0]?.origin);
  for (const option of chosen) {
    const slow = option.key === "log-slow" ? given.number(option) : undefined;
    if (slow !== undefined)
      plan.server.set("access_log_slow", typeof slow === "number" ? formatDuration(slow) : `${slow}ms`, option.origin);
    given.tell("translated", option, slow === undefined ? "access_log_status" : "access_log_slow");
  }
  if (chosen.length === 0) plan.server.set("access_log", "off", disabled.origin);
  given.tell(
    "translated",
    disabled,
    chosen.length === 0 ? "access_log = off" : "only the requests that are named get a line",
  );
}

function translateRotation({ given, plan }: Context): void {
  const option = given.last("log-maxsize");
  const bytes = option && given.number(option);
  if (option === undefined || bytes === undefined) return;
  plan.server.set("log_rotate_size", typeof bytes === "number" ? sizeOf(bytes) : bytes, option.origin);
  given.tell("translated", option, "log_rotate_size");
}

function translateFormat({ given, plan }: Context): void {
  const option = given.last("log-format", "logformat");
  if (option === undefined) return;
  const unknown: string[] = [];
  const format = unmark(option.value ?? "")
    .replaceAll("$", "$$$$")
    .replace(/%\(([^()]*)\)(?=(\w?))/g, (_, name: string, next: string) => {
      const variable = variableOf(name);
      if (variable === undefined) unknown.push(name);
      // A letter that follows would belong to the name.
      return variable === undefined ? "-" : next === "" ? `$${variable}` : `\${${variable}}`;
    });
  plan.server.set("access_log_format", format, option.origin);
  if (unknown.length === 0) given.tell("translated", option, "access_log_format; times are seconds with three digits");
  else
    given.notSupported(
      option,
      `${unknown.join(", ")} is not known here and is written as -; times are seconds`,
      "harmless",
    );
}

function variableOf(name: string): string | undefined {
  const [, variable] = /^var\.HTTP_(\w+)$/.exec(name) ?? [];
  if (variable !== undefined) return `http_${variable.toLowerCase()}`;
  return Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined;
}
