/** The options that nobody has taken up: those with a remark, limits, plugins, and words that are no options at all. */
import { nearest } from "../../config/nearest.ts";
import { absolutePath, type Context } from "./context.ts";
import { PLUGINS, systemPython } from "./app.ts";
import { isYes } from "./given.ts";
import { unmark } from "./marks.ts";
import type { Option } from "./option.ts";
import { isOption, optionNames, valueRule } from "./option-names.ts";
import { type Remark, remarkOn } from "./remarks.ts";
import { megabytes } from "./sizes.ts";

/** Plugins that change nothing of what is served. */
const KNOWN_PLUGINS =
  /^(?:python\d*|python[\d.]+|http|https|corerouter|logfile|logsocket|syslog|rsyslog|systemd_logger|router_\w+|gevent\d*|ping|signal|spooler|cache|carbon|stats_\w+|nagios|cheaper_\w+|cgi0|0|.*\/?python\S*)$/;

/** A hook that many files have so that TERM drains. */
const DRAINS = /^unix_signal:15 gracefully_kill_them_all$/;

export function translateRest(context: Context, placeholders: ReadonlySet<string>): void {
  translateLimits(context);
  if (context.purpose === "import") translatePidFile(context);
  const { given } = context;
  for (const option of given.all(...PLUGINS)) tellPlugins(context, option);
  for (const option of given.all("hook-master-start")) {
    if (DRAINS.test(option.value ?? ""))
      given.tell("defaultHere", option, "TERM ends the server: first the requests in flight");
    else given.notSupported(option, remarkOn("hook-master-start")?.sentence ?? "", "changes-meaning");
  }
  for (const option of given.rest) tellRest(context, option, placeholders);
}

/** A server that runs at once writes all of them itself (cli/uwsgi.ts). */
function translatePidFile({ given, plan, base, root }: Context): void {
  const early = given.last("pidfile", "safe-pidfile");
  const late = early === undefined ? given.last("pidfile2", "safe-pidfile2") : undefined;
  const option = early ?? late;
  if (option === undefined) return;
  plan.server.set(
    "pid_file",
    unmark(absolutePath(option.value ?? "", late === undefined ? base : root)),
    option.origin,
  );
  given.tell("translated", option, "pid_file");
}

/** setrlimit(2) */
function translateLimits({ given, app }: Context): void {
  const limits: Record<string, number | string> = {};
  const rows = [
    ["limit-as", "as"],
    ["limit-nproc", "nproc"],
    ["max-fd", "nofile"],
  ] as const;
  for (const [name, key] of rows) {
    const option = given.last(name);
    const value = option && given.number(option);
    if (option === undefined || value === undefined) continue;
    limits[key] = key === "as" ? megabytes(value) : value;
    app.set("limits", { ...limits }, option.origin);
    given.tell("translated", option, `limits.${key}`);
  }
}

function tellPlugins({ given, app }: Context, option: Option): void {
  const foreign = (option.value ?? "").split(",").filter((name) => !KNOWN_PLUGINS.test(name.trim()));
  const python = app.get("python");
  if (foreign.length === 0 && python !== undefined && python === systemPython(option))
    return given.tell("translated", option, "python, the interpreter of that plugin");
  if (foreign.length === 0) return given.tell("notNeeded", option, "the worker is the project's own interpreter");
  given.notSupported(option, `there are no plugins: what ${foreign.join(", ")} does is not done`, "changes-meaning");
}

const NO_REMARK: Remark = {
  verdict: "changes-meaning",
  sentence: "has no counterpart here; take it out, or keep uWSGI behind an upstream for it",
};

function tellRest(context: Context, option: Option, placeholders: ReadonlySet<string>): void {
  const { given } = context;
  if (!isOption(option.key)) return tellUnknown(context, option, placeholders);
  const remark = remarkOn(option.key);
  const { verdict, sentence } = remark ?? NO_REMARK;
  if (verdict === "not-needed") given.tell("notNeeded", option, sentence);
  else if (verdict === "default-here") given.tell("defaultHere", option, sentence);
  else if (isOff(option)) given.tell("defaultHere", option, "is switched off");
  else given.notSupported(option, isActOfUwsgi(option) ? OF_UWSGI_ITSELF : sentence, verdict);
}

const OF_UWSGI_ITSELF = "is not done; have it done before the server starts, or by the project";

/** `hook-post-fork = chdir:/srv`: a hook that runs no command. */
function isActOfUwsgi({ key, value = "" }: Option): boolean {
  return key.startsWith("hook-") && !/^!?(?:safe)?exec:/.test(value);
}

/** What is switched off changes nothing. */
function isOff(option: Option): boolean {
  return option.value !== "" && !isYes(option);
}

function tellUnknown({ given }: Context, option: Option, placeholders: ReadonlySet<string>): void {
  const { key } = option;
  if (placeholders.has(key)) return given.tell("translated", option, "stands for its value in other lines");
  // `master true` is a key as a whole.
  const [word = "", ...more] = key.split(/[\s:]+/);
  if (more.length > 0 && option.value === "" && isOption(word))
    return given.tell("noEffectThere", option, `uWSGI needs a = between key and value: ${word} = ${more.join(" ")}`);
  const near = nearest(key, optionNames());
  const offer = near === undefined ? "" : `; was ${near} meant?`;
  given.tell("noEffectThere", option, `is no option of uWSGI, which ignores it without strict${offer}`);
}

/** Text behind a value is part of it: uWSGI knows no comments there. Numbers and switches get away with it, but for one. */
export function tellComments({ given }: Context, options: readonly Option[]): void {
  for (const option of options) {
    const { key, value = "" } = option;
    const [comment] = /(?:\s|^)[;#]\s.*$/.exec(value) ?? [];
    if (comment === undefined || FREE_TEXT.test(key) || /^\d+\s/.test(value)) continue;
    const isFlag = valueRule(key) === "none";
    const plain = value.slice(0, -comment.length);
    const sentence = "is all of it the value to uWSGI: a comment has a line of its own";
    if (!isFlag) given.tell(NEEDED.test(key) ? "error" : "noEffectThere", option, sentence);
    else if (!isYes({ ...option, value: plain })) given.tell("noEffectThere", option, `means yes: ${sentence}`);
  }
}

/** Without these nothing runs. */
const NEEDED = /^(?:chdir|home|virtualenv|venv|pyhome|module|wsgi|wsgi-file|file|socket|http|http-socket)$/;
const FREE_TEXT = /attach-daemon|cron|log-?format|hook|exec|route|add-header|^env$|print/;
