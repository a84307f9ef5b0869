/**
 * The logs of the whole process: opened before anything else can fail, opened anew on request (USR1, `server logs reopen`)
 * or when somebody moved a file away, and rotated (log-rotation.ts). The numbers that the front threads have stay the
 * same all the while (os/log-file.ts).
 */
import { statSync } from "node:fs";
import { type Log, makeLog } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { LogDescriptors } from "../front/messages.ts";
import { errorLogWriter, isInPlace, openLogFile, reopenLogFile, STREAMS } from "../os/log-file.ts";
import { LogRotation } from "./log-rotation.ts";

/** A busy log grows by some 10 MB a second. */
const LOOK_MS = 2_000;

export interface LogFile {
  readonly path: string;
  readonly fd: number;
}

/** Which files the configuration names, each once. */
export function logPaths(config: Config): string[] {
  const { server, sites } = config;
  return [...new Set([server.errorLog, server.accessLog.path, ...sites.map((site) => site.accessLog.path)])];
}

export class Logs {
  private readonly config: Config;
  private readonly opened = new Map<string, number>();
  private readonly write: (line: string) => void;
  private readonly log: Log;
  private readonly rotation: LogRotation;
  private timer: Timer | undefined;

  /** Throws what the file system throws. */
  constructor(config: Config) {
    this.config = config;
    this.open(config);
    this.write = errorLogWriter(this.fdOf(config.server.errorLog), config.server.errorLogFormat);
    this.log = this.logFor("logs");
    this.rotation = new LogRotation(config.server.logFiles, this.log);
  }

  /** Those that are not open yet. Others stay: lines of requests that began under another configuration go there. Throws
   *  what the file system throws. */
  open(config: Config): void {
    for (const path of logPaths(config)) if (!this.opened.has(path)) this.opened.set(path, openLogFile(path));
  }

  /** Another configuration is in force. */
  rotateBy(config: Config): void {
    this.rotation.options = config.server.logFiles;
  }

  logFor(source: string): Log {
    const { logLevel, errorLogFormat } = this.config.server;
    return makeLog(source, logLevel, this.write, errorLogFormat);
  }

  /** What front threads get. */
  get descriptors(): LogDescriptors {
    const { server } = this.config;
    const access = [...this.opened].filter(([, fd]) => fd !== -1);
    return { error: this.fdOf(server.errorLog), access: Object.fromEntries(access) };
  }

  private fdOf(path: string): number {
    return this.opened.get(path) ?? 2;
  }

  private get files(): LogFile[] {
    return [...this.opened].flatMap(([path, fd]) => (STREAMS.has(path) ? [] : [{ path, fd }]));
  }

  /** Every log file anew, under its name: whoever moved them away has them to himself. Returns what could not be opened;
   *  that log goes on as it was. */
  reopen(): string[] {
    const problems = this.files.flatMap((file) => this.reopenOne(file) ?? []);
    for (const problem of problems) this.log.error(problem);
    return problems;
  }

  private reopenOne({ path, fd }: LogFile): string | undefined {
    try {
      reopenLogFile(fd, path);
      return undefined;
    } catch (error) {
      return `${path} cannot be opened anew: ${(error as Error).message}`;
    }
  }

  /** From now on files are rotated, and found again when they were moved. */
  watch(): void {
    this.rotation.tidy(this.files);
    this.timer = setInterval(() => this.look(), LOOK_MS);
  }

  private look(): void {
    for (const file of this.files) {
      try {
        if (!isInPlace(file.fd, file.path)) this.found(file);
        else if (this.rotation.isDue(file)) this.rotation.rotate(file, () => reopenLogFile(file.fd, file.path));
      } catch (error) {
        this.log.error(`${file.path}: ${(error as Error).message}`);
      }
    }
    this.rotation.tidyNowAndThen(this.files);
  }

  /** Moved or deleted, and nobody said so. Its directory may be gone, too: then it waits. */
  private found(file: LogFile): void {
    if (statSync(file.path, { throwIfNoEntry: false })?.isDirectory() === true) return;
    const problem = this.reopenOne(file);
    if (problem === undefined) this.log.notice(`${file.path} was moved away or deleted: it is begun anew`);
  }

  close(): void {
    clearInterval(this.timer);
  }
}
