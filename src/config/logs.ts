/** Logs as they were written → where they go, what stands in them, and what becomes of their files. */
import { DEFAULT_MASKED } from "../exchange/masking.ts";
import type { Scope } from "../exchange/scope.ts";
import { NAMED_LOG_FORMATS } from "../exchange/log-formats.ts";
import type { ServerConfig } from "./config.ts";
import type { AccessLogConfig, LogFilesConfig } from "./log-config.ts";
import { absolute, type Context } from "./context.ts";
import type { Values } from "./keys.ts";
import { requireAppendable } from "./paths.ts";
import type { Place } from "./place.ts";
import type { LOGS, SITE_LOGS } from "./schema-logs.ts";
import { readTemplate } from "./templates.ts";

const STREAMS: ReadonlySet<string> = new Set(["stderr", "stdout", "off"]);

type LogsOfServer = Pick<
  ServerConfig,
  "errorLog" | "errorLogFormat" | "logLevel" | "accessLog" | "masked" | "logFiles"
>;

export function resolveLogs(place: Place, values: Values<typeof LOGS>, context: Context, scope: Scope): LogsOfServer {
  const errorLog = place.into("error_log");
  if (values.error_log === "off") errorLog.unfit('"stderr", "stdout" or a file; /dev/null is one');
  readFormat(place.into("access_log_format"), values.access_log_format, scope);
  return {
    errorLog: resolvePath(errorLog, values.error_log, context),
    errorLogFormat: values.error_log_format,
    logLevel: values.log_level,
    accessLog: {
      path: resolvePath(place.into("access_log"), values.access_log, context),
      format: values.access_log_format,
      escape: values.access_log_escape,
      ...conditionOf(values),
    },
    masked: values.log_mask?.map((name) => name.value) ?? DEFAULT_MASKED,
    logFiles: resolveFiles(values),
  };
}

/** A condition is one thing: who says a part of it says all of it. */
export function resolveSiteLog(
  place: Place,
  values: Values<typeof SITE_LOGS>,
  server: AccessLogConfig,
  context: Context,
  scope: Scope,
): AccessLogConfig {
  const path = place.into("access_log");
  if (values.access_log_format !== undefined)
    readFormat(place.into("access_log_format"), values.access_log_format, scope);
  const isConditional = values.access_log_status !== undefined || values.access_log_slow !== undefined;
  return {
    ...server,
    ...(values.access_log !== undefined && { path: resolvePath(path, values.access_log, context) }),
    ...(values.access_log_format !== undefined && { format: values.access_log_format }),
    ...(values.access_log_escape !== undefined && { escape: values.access_log_escape }),
    ...(isConditional && conditionOf(values)),
  };
}

function conditionOf(
  values: Pick<Values<typeof SITE_LOGS>, "access_log_status" | "access_log_slow">,
): Pick<AccessLogConfig, "statuses" | "slowMs"> {
  return {
    statuses: (values.access_log_status ?? []).map((status) => status.value),
    slowMs: values.access_log_slow,
  };
}

function resolveFiles(values: Values<typeof LOGS>): LogFilesConfig {
  return {
    rotateBytes: values.log_rotate_size,
    rotateAgeMs: values.log_rotate_age,
    compress: values.log_compress,
    keepMs: values.log_keep,
    totalBytes: values.log_total_size,
  };
}

function resolvePath(place: Place, written: string, context: Context): string {
  if (STREAMS.has(written)) return written;
  const path = absolute(context, written);
  requireAppendable(place, path);
  return path;
}

function readFormat(place: Place, written: string, scope: Scope): void {
  if (!Object.hasOwn(NAMED_LOG_FORMATS, written)) readTemplate(place, written, scope, "log");
}
