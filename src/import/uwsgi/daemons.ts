/** Programs beside the app: attach-daemon becomes a service, cron a timed command. */
import { parse } from "node:path";
import { type CronKey, freeName, type ServiceKey, Settings, type Value } from "../plan.ts";
import type { Context } from "./context.ts";
import { hasMark, unmark } from "./marks.ts";
import type { Option } from "./option.ts";
import { duration } from "./workers.ts";

const DAEMONS = ["attach-daemon", "attach-control-daemon", "legion-attach-daemon"] as const;
const WITH_PIDFILE = ["smart-attach-daemon", "legion-smart-attach-daemon"] as const;
const WITH_USELESS_PIDFILE = ["smart-attach-daemon2", "legion-smart-attach-daemon2"] as const;
const CRONS = ["cron", "unique-cron", "legion-cron", "cron-legion"] as const;

export function translateDaemons(context: Context): void {
  const { given } = context;
  for (const option of given.all(...DAEMONS)) addService(context, option, option.value ?? "", {});
  for (const option of given.all(...WITH_USELESS_PIDFILE))
    addService(context, option, (option.value ?? "").replace(/^\S+\s+/, ""), {});
  for (const option of given.all(...WITH_PIDFILE)) {
    const sentence =
      "goes to the background itself, where it is not seen; make it a [service.NAME] that stays in the foreground";
    given.notSupported(option, sentence, "changes-meaning");
  }
  for (const option of given.all("attach-daemon2")) translateKeyed(context, option);
  for (const option of given.all(...CRONS)) translateCron(context, option);
  for (const option of given.all("cron2")) translateKeyedCron(context, option);
}

/** `told`: what is said of it beside its name. */
export function addService(
  context: Context,
  option: Option,
  command: string,
  more: Partial<Record<ServiceKey, Value>>,
  told = "",
): void {
  const { given, plan, name } = context;
  if (command === "") return given.tell("noEffectThere", option, "names no command");
  const service = freeName(commandName(command), plan.services);
  const settings = new Settings<ServiceKey>();
  settings.set("app", name, option.origin);
  settings.set("command", commandValue(command), option.origin);
  for (const [key, value] of Object.entries(more)) settings.set(key as ServiceKey, value, option.origin);
  plan.services.set(service, settings);
  given.tell("translated", option, `[service.${service}]${told}`);
}

/** What a shell would do more than split the words is left to a shell. */
function commandValue(command: string): Value {
  const text = unmark(command);
  return /[|&;<>$`*?~()#!\\]/.test(command) || /^\w+=/.test(command) || hasMark(command)
    ? ["/bin/sh", "-c", text]
    : text;
}

/** `celery` of `/srv/venv/bin/celery -A mysite worker`, `clearsessions` of `python manage.py clearsessions`. */
function commandName(command: string): string {
  const words = command.split(/\s+/).filter((word) => !/^\w+=|^-/.test(word));
  const names = words.map((word) => parse(word).name);
  const isManaged = names.findIndex((word) => word === "manage");
  return (isManaged === -1 ? names[0] : names[isManaged + 1]) || "daemon";
}

/** `cmd=celery -A x worker,freq=3,stopsignal=15` */
function translateKeyed(context: Context, option: Option): void {
  const pairs = keyValues(option.value ?? "");
  const signal = pairs["stopsignal"] === undefined ? undefined : SIGNALS[Number(pairs["stopsignal"])];
  const more = {
    ...(signal && { stop_signal: signal }),
    ...(pairs["uid"] && { user: pairs["uid"] }),
    ...(pairs["gid"] && { group: pairs["gid"] }),
  };
  const command = pairs["cmd"] ?? pairs["command"] ?? pairs["exec"] ?? "";
  if (pairs["pidfile"] !== undefined && pairs["daemonize"] !== undefined)
    return context.given.notSupported(
      option,
      "goes to the background itself; make it a [service.NAME] that does not",
      "changes-meaning",
    );
  addService(context, option, command, more);
}

const SIGNALS: Readonly<Record<number, string>> = {
  1: "HUP",
  2: "INT",
  3: "QUIT",
  9: "KILL",
  10: "USR1",
  12: "USR2",
  15: "TERM",
};

function keyValues(text: string): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    text.split(",").map((pair) => [pair.split("=", 1)[0]?.trim(), pair.slice(pair.indexOf("=") + 1)]),
  );
}

/** `minute hour day month weekday command`, where -1 is any and -5 is every fifth. */
function translateCron(context: Context, option: Option): void {
  const words = (option.value ?? "").trim().split(/\s+/);
  const numbers = words.slice(0, 5).map(Number);
  if (words.length < 6 || !numbers.every(Number.isInteger)) {
    const sentence = "should be minute, hour, day, month, weekday (-1 is any, -5 every fifth) and a command";
    return context.given.tell("error", option, sentence);
  }
  addCron(context, option, numbers, words.slice(5).join(" "), { overlap: !option.key.startsWith("unique") });
}

/** `minute=-5,unique=1,harakiri=60 command` */
function translateKeyedCron(context: Context, option: Option): void {
  const [, keys = "", command = ""] = /^((?:\w+=[^\s,]*,?)+)\s+(.*)$/s.exec(option.value ?? "") ?? [];
  const pairs = keyValues(keys);
  const numbers = ["minute", "hour", "day", "month", "week"].map((key) => Number(pairs[key] ?? "-1"));
  if (command === "" || !numbers.every(Number.isInteger))
    return context.given.tell("error", option, "should be minute=…,hour=… and a command");
  const timeout = pairs["harakiri"];
  const more = { overlap: pairs["unique"] !== "1", ...(timeout && { timeout: duration(Number(timeout)) }) };
  addCron(context, option, numbers, command, more);
}

function addCron(
  context: Context,
  option: Option,
  numbers: readonly number[],
  command: string,
  more: Partial<Record<CronKey, Value>>,
): void {
  const { given, plan, name } = context;
  const cron = freeName(commandName(command), plan.crons);
  const settings = new Settings<CronKey>();
  settings.set("app", name, option.origin);
  settings.set("command", commandValue(command), option.origin);
  settings.set("schedule", numbers.map(scheduleField).join(" "), option.origin);
  // An overlap that is not forbidden there is hardly ever wanted, but it is what there is.
  for (const [key, value] of Object.entries(more))
    if (value !== false) settings.set(key as CronKey, value, option.origin);
  plan.crons.set(cron, settings);
  given.tell("translated", option, `[cron.${cron}]`);
}

function scheduleField(number: number): string {
  if (number >= 0) return String(number);
  return number === -1 ? "*" : `*/${-number}`;
}
