/**
 * Log files that become too large or too old are renamed and begun anew; renamed ones are compressed, and deleted when they
 * are too old or all logs together are too large. When which file goes is decided in pure functions below.
 *
 *   access.log  ─rename─▶  access.log.20261129T140312Z  ─gzip─▶  access.log.20261129T140312Z.gz  ─▶ deleted
 *
 * The time in a name is UTC, so that names sort as they came. logrotate and people with `mv` may do the same beside it.
 */
import { createReadStream, createWriteStream, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { wallMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { LogFilesConfig } from "../config/log-config.ts";
import type { LogFile } from "./logs.ts";

/** What was renamed by others, too, and files that became too old. */
const TIDY_MS = 60_000;
const PARTIAL = ".gz.tmp";

export interface RotatedFile {
  readonly path: string;
  readonly bytes: number;
  /** When it was rotated, Unix milliseconds. */
  readonly atMs: number;
}

export class LogRotation {
  private readonly options: () => LogFilesConfig;
  private readonly log: Log;
  /** When each file was begun. */
  private readonly begun = new Map<string, number>();
  private tidying: Promise<void> | undefined;
  private tidiedMs = 0;

  /** `options`: those that are in force. */
  constructor(options: () => LogFilesConfig, log: Log) {
    this.options = options;
    this.log = log;
  }

  isDue({ path }: LogFile): boolean {
    const { size, birthtimeMs } = statSync(path);
    // A file system that does not know gives 0: then since we know it.
    const begunMs = this.begun.get(path) ?? (birthtimeMs > 0 ? birthtimeMs : wallMs());
    this.begun.set(path, begunMs);
    return isDue(size, wallMs() - begunMs, this.options());
  }

  /** `reopen`: begins the file anew. Throws what the file system throws; then all is as before. */
  rotate(file: LogFile, reopen: () => void): void {
    const { path } = file;
    const rotated = freeName(path, new Date(wallMs()));
    renameSync(path, rotated);
    try {
      reopen();
    } catch (error) {
      renameSync(rotated, path);
      throw error;
    }
    this.begun.set(path, wallMs());
    this.log.info(`${path} is begun anew; what was in it is ${basename(rotated)}`);
    this.tidy([file]);
  }

  tidyNowAndThen(files: readonly LogFile[]): void {
    if (wallMs() - this.tidiedMs >= TIDY_MS || wallMs() < this.tidiedMs) this.tidy(files);
  }

  /** Compresses and deletes what there is to compress and delete, one file after the other. */
  tidy(files: readonly LogFile[]): void {
    this.tidiedMs = wallMs();
    const before = this.tidying ?? Promise.resolve();
    this.tidying = before.then(() => this.tidyNow(files)).catch((error: Error) => this.log.error(error.message));
  }

  /** For tests: what is being tidied is tidy. */
  async settled(): Promise<void> {
    await this.tidying;
  }

  private async tidyNow(files: readonly LogFile[]): Promise<void> {
    const { compress } = this.options();
    for (const { path } of files) {
      removePartial(path);
      for (const { path: rotated } of compress ? rotatedFiles(path) : []) {
        if (!rotated.endsWith(".gz")) await this.compress(rotated);
      }
    }
    const live = files.reduce((sum, { path }) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
    for (const { path } of surplus(
      files.flatMap((file) => rotatedFiles(file.path)),
      live,
      wallMs(),
      this.options(),
    )) {
      rmSync(path, { force: true });
      this.log.info(`${path} is deleted: log_keep or log_total_size is reached`);
    }
  }

  /** What cannot be compressed, as on a full disk, keeps nothing from being deleted: that makes room. */
  private async compress(path: string): Promise<void> {
    try {
      await gzip(path);
    } catch (error) {
      this.log.error(`${path} cannot be compressed: ${(error as Error).message}`);
    }
  }
}

export function isDue(bytes: number, ageMs: number, { rotateBytes, rotateAgeMs }: LogFilesConfig): boolean {
  if (bytes === 0) return false;
  return (rotateBytes > 0 && bytes >= rotateBytes) || (rotateAgeMs > 0 && ageMs >= rotateAgeMs);
}

/** Which are to be deleted: those that are too old, then the oldest until all fit beside the `live` bytes. */
export function surplus(
  files: readonly RotatedFile[],
  live: number,
  nowMs: number,
  { keepMs, totalBytes }: LogFilesConfig,
): RotatedFile[] {
  let total = files.reduce((sum, { bytes }) => sum + bytes, live);
  const oldestFirst = files.toSorted((a, b) => a.atMs - b.atMs);
  return oldestFirst.filter((file) => {
    const isOld = keepMs > 0 && nowMs - file.atMs > keepMs;
    const isMuch = totalBytes > 0 && total > totalBytes;
    if (isOld || isMuch) total -= file.bytes;
    return isOld || isMuch;
  });
}

const ROTATED = /^\.(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z(?:-\d+)?(?:\.gz)?$/;

/** Oldest first. */
export function rotatedFiles(path: string): RotatedFile[] {
  const folder = dirname(path);
  const name = basename(path);
  return readdirSync(folder)
    .flatMap((entry) => {
      const found = entry.startsWith(name) ? ROTATED.exec(entry.slice(name.length)) : null;
      if (found === null) return [];
      const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = found.slice(1).map(Number);
      const file = join(folder, entry);
      const state = statSync(file, { throwIfNoEntry: false });
      if (state?.isFile() !== true) return [];
      return [{ path: file, bytes: state.size, atMs: Date.UTC(year, month - 1, day, hour, minute, second) }];
    })
    .toSorted((a, b) => a.atMs - b.atMs || (a.path < b.path ? -1 : 1));
}

function freeName(path: string, when: Date): string {
  const stamp = when.toISOString().replace(/[-:]|\.\d+/g, "");
  const taken = new Set(readdirSync(dirname(path)).map((entry) => entry.replace(/\.gz$/, "")));
  for (let number = 0; ; number++) {
    const name = number === 0 ? `${path}.${stamp}` : `${path}.${stamp}-${number}`;
    if (!taken.has(basename(name))) return name;
  }
}

/** Of a compression that the end of a server cut off: the file itself is still there. */
function removePartial(path: string): void {
  const folder = dirname(path);
  for (const entry of readdirSync(folder)) {
    if (entry.startsWith(`${basename(path)}.`) && entry.endsWith(PARTIAL)) rmSync(join(folder, entry), { force: true });
  }
}

/** Complete before it has its name; the original goes last. Throws what the file system throws; then all is as before. */
async function gzip(path: string): Promise<void> {
  const { mode } = statSync(path);
  const partial = `${path}${PARTIAL}`;
  try {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(partial, { mode: mode & 0o777 }));
    renameSync(partial, `${path}.gz`);
    rmSync(path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}
