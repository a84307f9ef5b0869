/** Logs in the configuration: where access logs go and what stands in them, and what becomes of log files. */
import type { LogFormat, LogLevel } from "../base/log.ts";

/** Of the server as a whole. */
export interface LogsConfig {
  /** `stderr`, `stdout` or an absolute path. */
  readonly errorLog: string;
  readonly errorLogFormat: LogFormat;
  readonly logLevel: LogLevel;
  readonly accessLog: AccessLogConfig;
  /** Names of arguments, cookies and fields whose values no access log shows. */
  readonly masked: readonly string[];
  readonly logFiles: LogFilesConfig;
}

export interface AccessLogConfig {
  /** `stdout`, `stderr`, `off` or an absolute path. */
  readonly path: string;
  /** A name of front/log-format, or a template. */
  readonly format: string;
  readonly escape: "default" | "json";
  /** `404`, `5xx`; with `slowMs` the requests that get a line. Neither: all. */
  readonly statuses: readonly string[];
  readonly slowMs: number | undefined;
}

/** What becomes of log files; 0: not for that reason. */
export interface LogFilesConfig {
  readonly rotateBytes: number;
  readonly rotateAgeMs: number;
  readonly compress: boolean;
  readonly keepMs: number;
  readonly totalBytes: number;
}
