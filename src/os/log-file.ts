/**
 * Logs as descriptors: opened once for the process, written to by every thread in whole lines (O_APPEND). A log that
 * cannot be written, as on a full disk, loses lines and never holds up the service; when there is room again it is told
 * how many were lost.
 *
 * A descriptor is a log for as long as the process lives: a file that was rotated is replaced under the same number
 * (dup3(2)), which every thread sees at the same moment and none has to be told of.
 */
import { closeSync, constants, fchmodSync, fchownSync, fstatSync, lstatSync, openSync } from "node:fs";
import { type Stats, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { journalLines, lineOf, type LogFormat, type LogLevel } from "../base/log.ts";
import { isJournal } from "./journal.ts";
import { check, libc } from "./libc.ts";

const LOG_MODE = 0o640;
const OTHERS_WRITE = 0o022;
const O_CLOEXEC = 0o2000000;
export const [STDOUT, STDERR] = [1, 2] as const;
const NEWLINE = 0x0a;

/** Names of what is no file. */
export const STREAMS: ReadonlySet<string> = new Set(["off", "stdout", "stderr"]);

/** `stdout`, `stderr`, `off` (-1) or a path. Throws what the file system throws (ENOENT, EACCES), the path named. */
export function openLogFile(where: string): number {
  switch (where) {
    case "off":
      return -1;
    case "stdout":
      return STDOUT;
    case "stderr":
      return STDERR;
    default:
      return openToAppend(where);
  }
}

/** Who may write the directory could have root write, and give away, any file there is: by a link with the log's name. */
export function openToAppend(path: string): number {
  if (statSync(path, { throwIfNoEntry: false })?.isFIFO() === true) return openPipe(path);
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;
  if (process.geteuid?.() !== 0 || !mayOthersWrite(dirname(path))) return openSync(path, flags, LOG_MODE);
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) throw refusal(path, "it is a link");
  // It may have become one since then.
  const fd = openSync(path, flags | constants.O_NOFOLLOW, LOG_MODE);
  if (fstatSync(fd).nlink <= 1) return fd;
  closeSync(fd);
  throw refusal(path, "it has another name, too");
}

/** A pipe is not waited for, neither for somebody who reads it nor for room in it (fifo(7)): no request is worth a line. */
function openPipe(path: string): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    const isUnread = (error as { code?: string }).code === "ENXIO";
    throw isUnread ? new Error(`${path}: it is a pipe that nobody reads`) : error;
  }
}

function refusal(path: string, what: string): Error {
  return new Error(
    `${path}: ${what}, and others than root may write its directory; it should be a file of its own, or in a directory of root's`,
  );
}

function mayOthersWrite(directory: string): boolean {
  const { uid, mode } = statSync(directory);
  return uid !== 0 || (mode & OTHERS_WRITE) !== 0;
}

/** From now on `fd` is the file that `path` names, made if it is not there, with the owner and the mode of the one before.
 *  Throws what the file system throws, and then nothing has changed. */
export function reopenLogFile(fd: number, path: string): void {
  const before = fstatSync(fd);
  const opened = openToAppend(path);
  try {
    if (before.isFile() && fstatSync(opened).size === 0) inherit(opened, before);
    pointLog(fd, opened);
  } finally {
    closeSync(opened);
  }
}

function inherit(fd: number, { mode, uid, gid }: Stats): void {
  try {
    fchmodSync(fd, mode & 0o777);
    fchownSync(fd, uid, gid);
  } catch {
    // Not the owner: then the directory decides who is.
  }
}

/** From now on `fd` is the same file as `other`, for every thread that has its number. Standard streams are for successors, too. */
export function pointLog(fd: number, other: number): void {
  check(libc.dup3(other, fd, fd <= STDERR ? 0 : O_CLOEXEC), "dup3", "a log");
}

/** Does `path` still name the file that `fd` is? It was moved or deleted otherwise. */
export function isInPlace(fd: number, path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  const here = fstatSync(fd);
  return there !== undefined && there.ino === here.ino && there.dev === here.dev;
}

export interface LossEvents {
  /** The first lines were lost. */
  losing(why: string): void;
  /** Lines are written again. */
  recovered(lost: number, why: string): void;
}

/** One thread's way into a log. */
export class LogWriter {
  /** Lines that could not be written, ever. */
  lost = 0;
  private readonly fd: number;
  private readonly events: LossEvents;
  private missing = 0;
  private why = "";
  /** The last line that got in is not whole. */
  private broken = false;

  constructor(fd: number, events: LossEvents) {
    this.fd = fd;
    this.events = events;
  }

  /** Whole lines, the first `length` of `bytes`. */
  write(bytes: Uint8Array, length: number): void {
    let at = 0;
    try {
      if (this.broken) this.mend();
      while (at < length) at += writeSync(this.fd, bytes, at, length - at);
    } catch (error) {
      if (at > 0) this.broken = bytes[at - 1] !== NEWLINE;
      return this.lose(countLines(bytes, at, length), (error as Error).message);
    }
    if (this.missing > 0) this.recover();
  }

  private mend(): void {
    writeSync(this.fd, "\n");
    this.broken = false;
  }

  private lose(lines: number, why: string): void {
    const isFirst = this.missing === 0;
    this.missing += lines;
    this.lost += lines;
    this.why = why;
    if (isFirst) this.events.losing(why);
  }

  private recover(): void {
    const { missing, why } = this;
    this.missing = 0;
    this.events.recovered(missing, why);
  }
}

function countLines(bytes: Uint8Array, from: number, to: number): number {
  let lines = 0;
  for (let at = from; at < to; at++) if (bytes[at] === NEWLINE) lines++;
  return lines;
}

/** One thread's way into the error log, line by line; the lines that were lost are told of there, too. */
export function errorLogWriter(fd: number, format: LogFormat): (line: string, level: LogLevel) => void {
  const notice = (text: string) => lineOf(format)(new Date(), "error", "error log", text);
  const put = (line: string, level: LogLevel) => {
    // Another file may have been put there since the last line.
    const bytes = Buffer.from(isJournal(fd) ? journalLines(line, level) : line);
    writer.write(bytes, bytes.length);
  };
  const writer = new LogWriter(fd, {
    losing: () => {},
    recovered: (lost, why) => put(notice(`${lost} ${lost === 1 ? "line was" : "lines were"} lost (${why})`), "error"),
  });
  return put;
}

/** For what has no log yet, or none any more. */
export function writeLine(fd: number, line: string): void {
  try {
    writeSync(fd, isJournal(fd) ? journalLines(line, "error") : line);
  } catch {
    // nowhere left to say it
  }
}
