/**
 * A log as people read it: its last lines, through the files that it was rotated into, and what is added to it, through
 * rotations to come. An event is a line with those behind it that begin with a tab (tracebacks).
 */
import { closeSync, createReadStream, fstatSync, openSync, readSync, statSync } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { rotatedFiles } from "../master/log-rotation.ts";
import { LineSplitter } from "../os/output.ts";
import { type LineFilter, matches, type ReadLine } from "./log-lines.ts";

export interface LogSource {
  readonly path: string;
  readonly read: ReadLine;
  readonly filter: LineFilter;
}

export interface LogEvent {
  readonly text: string;
  /** Undefined: the line does not say. */
  readonly atMs: number | undefined;
}

/** A line may be long, a JSON line of a long URL; what is longer is cut in two. */
const LINE_BYTES_MAX = 256 * 1024;
const READ_BYTES = 64 * 1024;

/** The last `count` events that match, in order. */
export async function lastEvents(source: LogSource, count: number): Promise<LogEvent[]> {
  const { path, filter } = source;
  const files = [...rotatedFiles(path), { path, atMs: Number.POSITIVE_INFINITY }];
  const found: LogEvent[] = [];
  for (const file of files.toReversed()) {
    // It ended before.
    if (filter.sinceMs !== undefined && file.atMs < filter.sinceMs - 1000) break;
    found.unshift(...(await eventsOf(file.path, source, count - found.length)));
    if (found.length >= count) break;
  }
  return found;
}

async function eventsOf(path: string, source: LogSource, count: number): Promise<LogEvent[]> {
  const events = new EventFilter(source, count);
  const lines = new LineSplitter(LINE_BYTES_MAX);
  try {
    for await (const bytes of openText(path)) for (const line of lines.push(bytes as Buffer)) events.line(line);
  } catch (error) {
    // Deleted or compressed meanwhile.
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
  for (const line of lines.end()) events.line(line);
  return events.take();
}

function openText(path: string): Readable {
  const file = createReadStream(path);
  if (!path.endsWith(".gz")) return file;
  const gunzip = createGunzip();
  file.on("error", (error) => gunzip.destroy(error));
  return file.pipe(gunzip);
}

/** Keeps the last events that match. */
class EventFilter {
  private readonly source: LogSource;
  private readonly count: number;
  private kept: LogEvent[] = [];
  private isKeeping = false;

  constructor({ ...source }: LogSource, count: number) {
    this.source = source;
    this.count = count;
  }

  line(line: string): void {
    if (line.startsWith("\t")) return this.more(line);
    const facts = this.source.read(line);
    this.isKeeping = matches(facts, this.source.filter);
    if (!this.isKeeping) return;
    this.kept.push({ text: line, atMs: facts.atMs });
    // Not with each line: an array is shifted slowly.
    if (this.kept.length >= 2 * this.count) this.kept = this.kept.slice(-this.count);
  }

  private more(line: string): void {
    const last = this.isKeeping ? this.kept.pop() : undefined;
    if (last !== undefined) this.kept.push({ ...last, text: `${last.text}\n${line}` });
  }

  take(): LogEvent[] {
    return this.kept.splice(0).slice(-this.count);
  }
}

/** What is added from now on. */
export class Follower {
  private readonly source: LogSource;
  private readonly events: EventFilter;
  private lines = new LineSplitter(LINE_BYTES_MAX);
  private fd: number;
  private at: number;

  /** Throws what the file system throws. */
  constructor(source: LogSource) {
    this.source = source;
    this.events = new EventFilter(source, Number.POSITIVE_INFINITY);
    this.fd = openSync(source.path, "r");
    this.at = fstatSync(this.fd).size;
  }

  /** What has come since. */
  poll(): LogEvent[] {
    this.readOn();
    const there = statSync(this.source.path, { throwIfNoEntry: false });
    if (there !== undefined && there.ino !== fstatSync(this.fd).ino) this.change();
    return this.events.take();
  }

  /** What was still written to the old file, then the new one from its beginning. */
  private change(): void {
    this.readOn();
    closeSync(this.fd);
    this.fd = openSync(this.source.path, "r");
    this.at = 0;
    this.lines = new LineSplitter(LINE_BYTES_MAX);
    this.readOn();
  }

  private readOn(): void {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    // It was cut off (logrotate's copytruncate).
    if (fstatSync(this.fd).size < this.at) this.at = 0;
    for (;;) {
      const length = readSync(this.fd, buffer, 0, buffer.length, this.at);
      if (length === 0) return;
      this.at += length;
      for (const line of this.lines.push(buffer.subarray(0, length))) this.events.line(line);
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}
