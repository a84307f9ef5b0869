/**
 * The logs of the whole process: opened before anything else can fail, opened anew on request (USR1, `server logs reopen`)
 * or when somebody moved a file away, and rotated (log-rotation.ts). The numbers that the front threads have stay the
 * same all the while (os/log-file.ts). The error log has a number of its own, behind which a reload puts another file.
 */
import { closeSync, fstatSync, statSync } from "node:fs";
import { type Log, type LogLevel, makeLog, type Threshold } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import {
  errorLogWriter,
  isInPlace,
  openLogFile,
  pointLog,
  reopenLogFile,
  STDERR,
  STDOUT,
  STREAMS,
} from "../os/log-file.ts";
import { duplicate } from "../os/sockets.ts";
import { giveFile } from "./privileges.ts";
import { LogRotation } from "./log-rotation.ts";
import { RecentLines } from "./recent-lines.ts";
import type { SignalQueue } from "./signals.ts";

/** A busy log grows by some 10 MB a second. */
const LOOK_MS = 2_000;

export interface LogFile {
  readonly path: string;
  readonly fd: number;
}

/** Which logs the configuration names, each once. */
function logPaths(config: Config): string[] {
  const { server, sites } = config;
  return [...new Set([server.errorLog, server.accessLog.path, ...sites.map((site) => site.accessLog.path)])];
}

/** Logs of a configuration that is not in force yet: those that are opened for it alone. */
export type StagedLogs = ReadonlyMap<string, number>;

export class Logs {
  /** In force; the format of the error log stays that of the first one. */
  private config: Config;
  /** What was opened once stays open: an exchange that began under an older configuration may still have a line for it. */
  private readonly opened = new Map<string, number>();
  readonly recent = new RecentLines();
  private readonly threshold: Threshold;
  private readonly makeLog: (source: string) => Log;
  private readonly log: Log;
  private readonly rotation: LogRotation;
  private timer: Timer | undefined;
  /** The descriptor of the error log, whatever file that is. */
  readonly error: number;

  /** Of a server in the background: the file that its standard output and error are. */
  readonly output: string | undefined;

  /** Throws what the file system throws. */
  constructor(config: Config, output?: string) {
    this.config = config;
    this.output = fstatSync(STDOUT).isFile() ? output : undefined;
    if (this.output !== undefined) giveFile(STDOUT, config.server);
    this.threshold = { level: config.server.logLevel };
    const staged = this.stage(config);
    // Every configuration has an error log.
    this.error = duplicate(staged.get(config.server.errorLog) as number);
    this.commit(config, staged);
    const { errorLogFormat } = config.server;
    const write = errorLogWriter(this.error, errorLogFormat);
    const both = (line: string, level: LogLevel) => {
      write(line, level);
      this.recent.add(line, level);
    };
    this.makeLog = (source) => makeLog(source, this.threshold, both, errorLogFormat);
    this.log = this.logFor("logs");
    this.rotation = new LogRotation(() => this.config.server.logFiles, this.log);
  }

  logFor(source: string): Log {
    return this.makeLog(source);
  }

  /** What front threads get for the configuration in force, or for one that is staged. */
  access(staged: StagedLogs = new Map()): Record<string, number> {
    return Object.fromEntries([...this.opened, ...staged].filter(([, fd]) => fd !== -1));
  }

  /** Opens what this configuration has and none before had. Throws what the file system throws; then nothing is open. */
  stage(config: Config): StagedLogs {
    const staged = new Map<string, number>();
    try {
      for (const path of logPaths(config)) if (!this.opened.has(path)) staged.set(path, openLogFile(path));
      for (const [path, fd] of staged) if (!STREAMS.has(path)) giveFile(fd, config.server);
      return staged;
    } catch (error) {
      this.discard(staged);
      throw error;
    }
  }

  discard(staged: StagedLogs): void {
    for (const [path, fd] of staged) if (!STREAMS.has(path)) closeSync(fd);
  }

  commit(config: Config, staged: StagedLogs): void {
    this.config = config;
    this.threshold.level = config.server.logLevel;
    for (const [path, fd] of staged) this.opened.set(path, fd);
    this.pointErrorLog();
  }

  private pointErrorLog(): void {
    pointLog(this.error, this.opened.get(this.config.server.errorLog) as number);
  }

  /** Of the configuration in force, and the output. */
  get files(): LogFile[] {
    const { output } = this;
    const files = logPaths(this.config).flatMap((path) => {
      const fd = this.opened.get(path);
      return STREAMS.has(path) || fd === undefined ? [] : [{ path, fd }];
    });
    if (output === undefined || files.some(({ path }) => path === output)) return files;
    return [...files, { path: output, fd: STDOUT }];
  }

  /** Every log file anew, under its name: whoever moved them away has them to himself. Returns what could not be opened;
   *  that log goes on as it was. */
  reopen(): string[] {
    const problems = this.files.flatMap((file) => this.reopenOne(file) ?? []);
    for (const problem of problems) this.log.error(problem);
    return problems;
  }

  /** Files are opened anew with each of these signals. */
  async obey(signals: SignalQueue): Promise<never> {
    for (;;) {
      const signal = await signals.next();
      this.reopen();
      this.log.notice(`${signal}: log files are opened anew`);
    }
  }

  private reopenOne({ path, fd }: LogFile): string | undefined {
    try {
      this.begin({ path, fd });
      return undefined;
    } catch (error) {
      return `${path} cannot be opened anew: ${(error as Error).message}`;
    }
  }

  /** Anew. Throws what the file system throws, and then all is as before. */
  private begin({ path, fd }: LogFile): void {
    reopenLogFile(fd, path);
    if (path === this.output) for (const stream of [STDOUT, STDERR]) if (stream !== fd) pointLog(stream, fd);
    this.pointErrorLog();
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
        else if (this.rotation.isDue(file)) this.rotation.rotate(file, () => this.begin(file));
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
