/** The error log as a front writes it: sparingly, and with a word of each line to the master, which keeps the last ones. */
import { type Log, type LogLevel, makeLog, type Threshold } from "../base/log.ts";
import { sparing } from "../base/log-repetition.ts";
import { monotonicMs } from "../base/clock.ts";
import { errorLogWriter } from "../os/log-file.ts";
import type { ToFront } from "./messages.ts";

type Start = Pick<Extract<ToFront, { kind: "start" }>, "front" | "setup" | "errorLog">;

/** Of this thread. */
const threshold: Threshold = { level: "info" };

/** From now on, whatever was opened before. */
export function setLogLevel(level: LogLevel): void {
  threshold.level = level;
}

export function openErrorLog(
  { front, setup, errorLog }: Start,
  told: { readonly logged: (line: string, level: LogLevel) => void },
): Log {
  const { logLevel, errorLogFormat } = setup.config.server;
  setLogLevel(logLevel);
  const write = errorLogWriter(errorLog, errorLogFormat);
  const both = (line: string, level: LogLevel) => {
    write(line, level);
    told.logged(line, level);
  };
  return sparing(makeLog(`front-${front}`, threshold, both, errorLogFormat), monotonicMs);
}
