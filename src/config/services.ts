/** [service.NAME] and [cron.NAME] as they were written → commands as they are run. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { resolveCommandUser } from "./command-user.ts";
import type { AppConfig, CommandConfig, CronConfig, ServiceConfig } from "./config.ts";
import { absolute, type Context } from "./context.ts";
import type { Section } from "./keys.ts";
import { nearest } from "./nearest.ts";
import { requireDirectory } from "./paths.ts";
import type { Place } from "./place.ts";
import { DEFAULT_PATH, findProgram } from "./programs.ts";
import type { CRON, SERVICE } from "./schema-services.ts";
import { findUser } from "./users.ts";

/** All that were written, also those that cannot be run. */
export interface KnownApps {
  readonly names: readonly string[];
  readonly configs: readonly AppConfig[];
}

export function resolveService(
  name: string,
  section: Section<typeof SERVICE>,
  apps: KnownApps,
  context: Context,
): ServiceConfig[] {
  const command = resolveCommand(section, apps, context);
  const { instances, restart, start } = section.values;
  const isFirst = start === "first";
  for (const key of isFirst ? (["instances", "restart"] as const) : []) refuseOfFirst(section.place, key);
  return command === undefined ? [] : [{ ...command, name, instances, restart: isFirst ? "never" : restart, start }];
}

function refuseOfFirst(place: Place, key: "instances" | "restart"): void {
  if (!place.has(key)) return;
  place
    .into(key)
    .wrongKey({ what: 'has no meaning beside start = "first"', should: "should be left out: it runs once" });
}

export function resolveCron(
  name: string,
  section: Section<typeof CRON>,
  apps: KnownApps,
  context: Context,
): CronConfig[] {
  const command = resolveCommand(section, apps, context);
  const { schedule, timezone, timeout, overlap, missed } = section.values;
  if (command === undefined || schedule === undefined) return [];
  return [{ ...command, name, schedule: schedule.text, timezone, timeoutMs: timeout, overlap, missed }];
}

function resolveCommand(
  { place, values }: Section<typeof SERVICE> | Section<typeof CRON>,
  apps: KnownApps,
  context: Context,
): CommandConfig | undefined {
  const app = values.app === undefined ? undefined : findApp(place.into("app"), values.app, apps);
  const cwd = values.cwd === undefined ? (app?.root ?? context.folder) : absolute(context, values.cwd);
  const isThere = requireDirectory(place.into("cwd"), cwd);
  const user = resolveCommandUser(place, values, app);
  const own = Object.fromEntries(values.env.map((variable) => [variable.name, variable.value]));
  const env = { ...account(user), ...inherited(app, context), ...own };
  // The app is what is wrong: its virtualenv is not known.
  if (values.command === undefined || !isThere || (values.app !== undefined && app === undefined)) return undefined;
  const [word = ""] = values.command;
  // Debian has python3 only.
  const isPython = app !== undefined && word === "python";
  const path = env["PATH"] ?? context.environment["PATH"];
  const program = isPython ? app.python : findProgram(place.into("command"), word, cwd, path);
  if (program === undefined) return undefined;
  const { stop_signal: stopSignal, stop_timeout: stopTimeoutMs } = values;
  const umask = values.umask ?? app?.process.umask;
  return { program, words: values.command, cwd, env, user, umask, stopSignal, stopTimeoutMs };
}

function findApp(place: Place, name: string, { names, configs }: KnownApps): AppConfig | undefined {
  const found = configs.find((app) => app.name === name);
  if (found !== undefined || names.includes(name)) return found;
  const suggestion = nearest(name, names);
  const others = names.length === 0 ? "there is no [app.NAME]" : `known: ${names.join(", ")}`;
  const should = suggestion === undefined ? others : undefined;
  place.wrong({ what: `names no app: ${JSON.stringify(name)}`, should, suggestion });
  return undefined;
}

/** What an activated virtualenv sets, and lines that reach the log when they are printed. */
function inherited(app: AppConfig | undefined, context: Context): Record<string, string> {
  const path = context.environment["PATH"] ?? DEFAULT_PATH;
  if (app === undefined) return { PATH: path, PYTHONUNBUFFERED: "1" };
  const bin = dirname(app.python);
  const virtualenv = existsSync(join(bin, "../pyvenv.cfg")) ? { VIRTUAL_ENV: dirname(bin) } : {};
  const rest = (app.env["PATH"] ?? path).split(":").filter((folder) => folder !== bin);
  return { PYTHONUNBUFFERED: "1", ...app.env, ...virtualenv, PATH: [bin, ...rest].join(":") };
}

/** What login sets. */
function account(user: CommandConfig["user"]): Record<string, string> {
  const found = user === undefined ? undefined : findUser(String(user.uid));
  if (found?.name === undefined) return {};
  return { USER: found.name, LOGNAME: found.name, ...(found.home !== undefined && { HOME: found.home }) };
}
