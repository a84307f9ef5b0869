/** Logs as descriptors: opened once for the process, written to by every thread in whole lines (O_APPEND). */
import { openSync, writeSync } from "node:fs";

const LOG_MODE = 0o640;

/** `stdout`, `stderr`, `off` (-1) or a path. Throws what the file system throws (ENOENT, EACCES), the path named. */
export function openLogFile(where: string): number {
  switch (where) {
    case "off":
      return -1;
    case "stdout":
      return 1;
    case "stderr":
      return 2;
    default:
      return openSync(where, "a", LOG_MODE);
  }
}

/** A log that cannot be written must not stop the service: the line is lost. */
export function writeLine(fd: number, line: string): void {
  try {
    writeSync(fd, line);
  } catch {
    // nowhere left to say it
  }
}
