/**
 * The error log: levels and the shape of a line. Where lines go is the caller's `write`.
 *
 *   text   2026/11/22 17:41:43 [warn] 4711 front-1: text     nginx's error_log is the model
 *   json   {"time":"2026-11-22T17:41:43.120Z","level":"warn","pid":4711,"source":"front-1","message":"text"}
 *
 * The number is that of the process: while one takes over from another, both write the same file.
 *
 * One line is one event; in text the further lines of a traceback follow as lines that begin with a tab.
 */
import { clockOf, two } from "./time-of-day.ts";

export const LOG_LEVELS = ["debug", "info", "notice", "warn", "error", "crit"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Log {
  readonly level: LogLevel;
  debug(text: string): void;
  info(text: string): void;
  notice(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  crit(text: string): void;
}

export const LOG_FORMATS = ["text", "json", "short"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What is below is dropped; it may be changed while the log is written. */
export interface Threshold {
  level: LogLevel;
}

/** A log that names its `source` (`master`, `front-1`, `app mysite`) and drops what is below `level`. */
export function makeLog(
  source: string,
  level: LogLevel | Threshold,
  write: (line: string, level: LogLevel) => void,
  format: LogFormat = "text",
): Log {
  const threshold = typeof level === "string" ? { level } : level;
  const line = lineOf(format);
  const at = (lineLevel: LogLevel) => (text: string) => {
    if (!isBelow(lineLevel, threshold.level)) write(line(new Date(), lineLevel, source, text), lineLevel);
  };
  return {
    get level() {
      return threshold.level;
    },
    debug: at("debug"),
    info: at("info"),
    notice: at("notice"),
    warn: at("warn"),
    error: at("error"),
    crit: at("crit"),
  };
}

export function isBelow(level: LogLevel, floor: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(floor);
}

/** Control characters become `\xNN`: client data in a message can never start a line of its own. Newlines of ours (tracebacks) are written as continuation lines that begin with a tab. */
export function formatLogLine(when: Date, level: LogLevel, source: string, text: string): string {
  const safe = escapeControls(text).replaceAll("\n", "\n\t");
  return `${timestamp(when)} [${level}] ${process.pid} ${source}: ${safe}\n`;
}

/** Makes lines of this format. */
export function lineOf(format: LogFormat): typeof formatLogLine {
  return { text: formatLogLine, json: jsonLogLine, short: shortLogLine }[format];
}

/** syslog's (sd-daemon(3)). */
const PRIORITIES: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, notice: 5, warn: 4, error: 3, crit: 2 };

const PREFIX = /^(?:\d{4}\/\d\d\/\d\d )?\d\d:\d\d:\d\d (?:(\[[a-z]+\]) \d+ )?/;

/** A line of text without its time and its process. */
export function bareLine(line: string): string {
  return line.replace(PREFIX, (_, level?: string) => (level === undefined ? "" : `${level} `));
}

/** The same for the journal of systemd, which knows the time and the process, and takes every line for one of its own. */
export function journalLines(line: string, level: LogLevel): string {
  if (line === "") return "";
  const lines = bareLine(line).trimEnd().split("\n");
  return lines.map((each) => `<${PRIORITIES[level]}>${each}\n`).join("");
}

/** For somebody who watches: the time of day, and what a worker prints as it printed it. */
function shortLogLine(when: Date, level: LogLevel, source: string, text: string): string {
  const [, printed] = (source.startsWith("app ") ? /^worker \d+: (.*)$/s.exec(text) : null) ?? [];
  const safe = escapeControls(printed ?? `${level} ${source}: ${text}`).replaceAll("\n", "\n\t");
  return `${clockOf(when)} ${safe}\n`;
}

function jsonLogLine(when: Date, level: LogLevel, source: string, message: string): string {
  return `${JSON.stringify({ time: when.toISOString(), level, pid: process.pid, source, message })}\n`;
}

function escapeControls(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function timestamp(when: Date): string {
  return `${when.getFullYear()}/${two(when.getMonth() + 1)}/${two(when.getDate())} ${clockOf(when)}`;
}

/** For tests and for rooms that were given no log. */
export const SILENT: Log = makeLog("", "crit", () => {});
