/** Opens the logs once for the whole process; threads write to the same descriptors. */
import { openSync } from "node:fs";
import type { ServerConfig } from "../config/config.ts";
import type { LogDescriptors } from "../front/messages.ts";

const LOG_MODE = 0o640;

/** Throws what the file system throws (ENOENT, EACCES), the path in its message. */
export function openLogs(server: ServerConfig): LogDescriptors {
  return { access: openLog(server.accessLog), error: openLog(server.errorLog) };
}

function openLog(where: string): number {
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
