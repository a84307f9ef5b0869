/** The logs of the whole process, opened before anything else can fail. */
import type { ServerConfig } from "../config/config.ts";
import type { LogDescriptors } from "../front/messages.ts";
import { openLogFile } from "../os/log-file.ts";

/** Throws what the file system throws. */
export function openLogs(server: ServerConfig): LogDescriptors {
  return { access: openLogFile(server.accessLog), error: openLogFile(server.errorLog) };
}
