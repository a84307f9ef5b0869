/**
 * The error log: levels and the shape of a line. Where lines go is the caller's `write`.
 * Format, one line per event (nginx's error_log is the model): `2026/11/22 17:41:43 [warn] front-1: text`.
 */

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

/** A log that names its `source` (`master`, `front-1`, `app mysite`) and drops what is below `level`. */
export function makeLog(source: string, level: LogLevel, write: (line: string) => void): Log {
  const floor = LOG_LEVELS.indexOf(level);
  const at = (lineLevel: LogLevel) => {
    if (LOG_LEVELS.indexOf(lineLevel) < floor) return () => {};
    return (text: string) => write(formatLogLine(new Date(), lineLevel, source, text));
  };
  return {
    level,
    debug: at("debug"),
    info: at("info"),
    notice: at("notice"),
    warn: at("warn"),
    error: at("error"),
    crit: at("crit"),
  };
}

/** Control characters become `\xNN`: client data in a message can never start a line of its own. Newlines of ours (tracebacks) are written as continuation lines that begin with a tab. */
export function formatLogLine(when: Date, level: LogLevel, source: string, text: string): string {
  const safe = escapeControls(text).replaceAll("\n", "\n\t");
  return `${timestamp(when)} [${level}] ${source}: ${safe}\n`;
}

function escapeControls(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function timestamp(when: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${when.getFullYear()}/${two(when.getMonth() + 1)}/${two(when.getDate())}`;
  return `${day} ${two(when.getHours())}:${two(when.getMinutes())}:${two(when.getSeconds())}`;
}

/** For tests and for rooms that were given no log. */
export const SILENT: Log = makeLog("", "crit", () => {});
