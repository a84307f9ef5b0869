/** The schema of what runs beside the apps: [service.NAME] and [cron.NAME]. How to read it: schema.ts. */
import { RESTART_RULES } from "../services/policy.ts";
import { STOP_SIGNALS } from "../services/child.ts";
import { COMMAND, SCHEDULE, TIME_ZONE } from "./command-kinds.ts";
import { byDefault, durationKey, optional, required, type Schema } from "./keys.ts";
import { boolean, choice, duration, integer, namedOf, nonEmpty, string } from "./kinds.ts";
import { refuseVariableName } from "./schema-app.ts";
import { UMASK } from "./schema-app-process.ts";

const SECOND = 1000;
const DAY = 86_400 * SECOND;

/** Celery's warm shutdown waits for tasks at work; supervisor gives 10 s, systemd 90 s, our own drain 30 s. */
const STOP_TIMEOUT_MS = 30 * SECOND;

const SHARED = {
  command: required(
    COMMAND,
    'The program and its arguments: a list, or a string that is split at blanks (quotes hold words together). No shell reads it: for pipes and variables write `["sh", "-c", "…"]`. The program is looked for in the virtualenv of `app`, then on PATH. uWSGI: attach-daemon, attach-daemon2, cron, cron2.',
  ),
  app: optional(
    nonEmpty("the NAME of an [app.NAME]"),
    "none",
    "The app that it belongs to: it runs in the app's `root`, with its `env` and virtualenv; `python` is the app's interpreter.",
  ),
  cwd: optional(
    nonEmpty("a directory"),
    "`root` of the app, else the directory of this file",
    "Working directory. uWSGI: attach-daemon2 chdir. supervisor: directory.",
  ),
  env: byDefault(
    namedOf(string('a string: write numbers in quotes ("1")'), "a table of strings", refuseVariableName),
    [],
    "Environment variables, beside those of the server and of `app`. supervisor: environment.",
    "none",
  ),
  user: optional(
    nonEmpty("a user's name or number"),
    "that of the server",
    "The user it runs as, with his groups, HOME and USER; else the app's. Only root may choose one. " +
      "uWSGI: attach-daemon2 uid. supervisor: user.",
  ),
  group: optional(
    nonEmpty("a group's name or number"),
    "that of `user`",
    "The group it runs as. uWSGI: attach-daemon2 gid.",
  ),
  umask: optional(UMASK, "that of the server", "Permissions that new files do not get. supervisor: umask."),
  stop_signal: byDefault(
    choice(STOP_SIGNALS),
    "TERM",
    "What it is sent when it should end. The process itself gets it; what is left of its session is killed. " +
      "uWSGI: attach-daemon2 stopsignal. supervisor: stopsignal.",
  ),
  stop_timeout: durationKey(
    duration(10, DAY),
    STOP_TIMEOUT_MS,
    "How long it may take to end; then it is killed with all that it has started. supervisor: stopwaitsecs, 10 s.",
  ),
} satisfies Schema;

export const SERVICE = {
  ...SHARED,
  instances: byDefault(integer(1, 1024), 1, "How many of it run. supervisor: numprocs."),
  restart: byDefault(
    choice(RESTART_RULES),
    "always",
    "When it is started again after it has ended: with pauses of 1, 2, 4 … 60 s while it ends within 10 s of its start. " +
      "supervisor: autorestart, startsecs.",
  ),
  start: byDefault(
    choice(["after", "before", "first"]),
    "after",
    "Started when the apps are ready (and ended first); `before` they are started (and ended last), for what they need; or " +
      "`first`: run once to its end, one after the other, before anything else, as `python manage.py migrate`. When one of " +
      "those fails the server does not start; they run again when the configuration is reloaded, which fails with them. " +
      "supervisor: priority. uWSGI: hook-pre-app, exec-pre-app.",
  ),
} satisfies Schema;

export const CRON = {
  ...SHARED,
  schedule: required(
    SCHEDULE,
    "When it runs: minute, hour, day, month and weekday as in crontab(5), with names, ranges and steps; " +
      "`@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`; or `@every 30s`, counted from the start of the server. " +
      "uWSGI: cron2.",
  ),
  timezone: optional(
    TIME_ZONE,
    "that of the server",
    "The zone whose clock the schedule means. Where clocks change, a command at a fixed time runs once that day.",
  ),
  timeout: optional(
    duration(10, 30 * DAY),
    "none",
    "How long a run may take; then it is stopped as at the server's end. uWSGI: cron-harakiri.",
  ),
  overlap: byDefault(
    boolean,
    false,
    "Whether a run may begin while another is at work; else it is skipped, and logged. uWSGI: unique-cron.",
  ),
  missed: byDefault(
    choice(["run", "skip"]),
    "run",
    "When the time passed while the machine slept or its clock was set: make up one run, or none. What was due while the " +
      "server did not run is never made up.",
  ),
} satisfies Schema;
