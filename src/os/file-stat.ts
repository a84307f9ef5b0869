/**
 * What the kernel says about an open file, in plain numbers: statx(2) into one scratch buffer, a third of the cost of a
 * `bigint` fstatSync, whose sixty-four-bit fields it replaces where a cache compares them. Where a sandbox of old knows no
 * statx, fstatSync answers.
 *
 *   struct statx  28 mode(u16)  32 ino(u64)  40 size(u64)  96 ctime  112 mtime  136 dev_major(u32)  140 dev_minor(u32)
 *   timestamp      0 sec(i64)   8 nsec(u32)
 */
import { fstatSync } from "node:fs";
import { libc, ptr } from "./libc.ts";

export type FileKind = "file" | "directory" | "other";

/** One state of one file. */
export interface FileStat {
  readonly kind: FileKind;
  readonly size: number;
  /** Seconds since 1970 and the nanoseconds of that second. */
  readonly mtimeSec: number;
  readonly mtimeNsec: number;
  readonly ctimeSec: number;
  readonly ctimeNsec: number;
  readonly devMajor: number;
  readonly devMinor: number;
  /** An inode number has sixty-four bits; a Number holds fifty-three. */
  readonly inoLow: number;
  readonly inoHigh: number;
}

const SYS_STATX = process.arch === "arm64" ? 291 : 332;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const TWO_32 = 2 ** 32;

/** Over a buffer of their own: a small array of the engine's moves when it is first looked at through another view. By words of
 *  thirty-two bits, which the engine reads without a call (Buffer's own readers are calls), in the machine's order: x64 and arm64
 *  are little-endian. */
const scratch = new Uint32Array(new ArrayBuffer(256));
const scratchAt = ptr(scratch);
/** Indexes of the words. */
const MODE = 28 / 4;
const INO = 32 / 4;
const SIZE = 40 / 4;
const CTIME = 96 / 4;
const MTIME = 112 / 4;
const DEV_MAJOR = 136 / 4;
const DEV_MINOR = 140 / 4;
const path = Buffer.from(new ArrayBuffer(4096));
const pathAt = ptr(path);

/** Throws what fstat throws. */
export function statOf(fd: number): FileStat {
  return look(fd) ? readScratch() : statPortably(fd);
}

/** Is the content of the open file what it was when it had these stats (hasSameContent)? Throws what fstat throws. */
export function isUnwritten(fd: number, before: FileStat): boolean {
  if (!look(fd)) return hasSameContent(before, statPortably(fd));
  return size() === before.size && word(MTIME + 2) === before.mtimeNsec && seconds(MTIME) === before.mtimeSec;
}

/** Into `scratch`. False: by statx it cannot be told. */
function look(fd: number): boolean {
  path[0] = 0;
  return libc.syscall(SYS_STATX, fd, pathAt, AT_EMPTY_PATH, STATX_BASIC_STATS, scratchAt) === 0;
}

/** Of the entry `name` (latin-1 string of bytes) of an open directory, a link itself; undefined when it cannot be told. */
export function statEntry(directory: number, name: string): FileStat | undefined {
  if (name.length >= path.length) return undefined;
  path.latin1Write(name, 0, name.length);
  path[name.length] = 0;
  const result = libc.syscall(SYS_STATX, directory, pathAt, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, scratchAt);
  return result === 0 ? readScratch() : undefined;
}

function readScratch(): FileStat {
  return {
    // The two bytes behind it are spare.
    kind: kindOf(word(MODE) & 0xffff),
    size: size(),
    mtimeSec: seconds(MTIME),
    mtimeNsec: word(MTIME + 2),
    ctimeSec: seconds(CTIME),
    ctimeNsec: word(CTIME + 2),
    devMajor: word(DEV_MAJOR),
    devMinor: word(DEV_MINOR),
    inoLow: word(INO),
    inoHigh: word(INO + 1),
  };
}

function word(index: number): number {
  return scratch[index] as number; // all of them are inside
}

function size(): number {
  return word(SIZE) + word(SIZE + 1) * TWO_32;
}

/** Before 1970 they are negative. */
function seconds(index: number): number {
  return word(index) + (word(index + 1) | 0) * TWO_32;
}

/** The same through fstat(2). */
export function statPortably(fd: number): FileStat {
  const stats = fstatSync(fd, { bigint: true });
  const [mtimeSec, mtimeNsec] = split(stats.mtimeNs);
  const [ctimeSec, ctimeNsec] = split(stats.ctimeNs);
  return {
    kind: kindOf(Number(stats.mode)),
    size: Number(stats.size),
    mtimeSec,
    mtimeNsec,
    ctimeSec,
    ctimeNsec,
    // glibc's makedev
    devMajor: Number(((stats.dev >> 32n) & 0xfffff000n) | ((stats.dev >> 8n) & 0xfffn)),
    devMinor: Number(((stats.dev >> 12n) & 0xffffff00n) | (stats.dev & 0xffn)),
    inoLow: Number(stats.ino & 0xffffffffn),
    inoHigh: Number(stats.ino >> 32n),
  };
}

function split(ns: bigint): [number, number] {
  const nsec = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return [Number((ns - nsec) / 1_000_000_000n), Number(nsec)];
}

function kindOf(mode: number): FileKind {
  const format = mode & S_IFMT;
  if (format === S_IFREG) return "file";
  return format === S_IFDIR ? "directory" : "other";
}

/** Is it one file, and was nothing done to it between the two looks? Owner, permission and links count too (ctime). */
export function isUnchanged(a: FileStat, b: FileStat): boolean {
  if (a.inoLow !== b.inoLow || a.inoHigh !== b.inoHigh || a.devMinor !== b.devMinor) return false;
  return hasSameContent(a, b) && a.ctimeNsec === b.ctimeNsec && a.ctimeSec === b.ctimeSec && a.devMajor === b.devMajor;
}

/** Of two looks at one open file: was nothing written between them? (A new name or the loss of one changes its ctime.) */
export function hasSameContent(a: FileStat, b: FileStat): boolean {
  return a.size === b.size && a.mtimeNsec === b.mtimeNsec && a.mtimeSec === b.mtimeSec;
}

/** Milliseconds since 1970, with a fraction. */
export function mtimeMs({ mtimeSec, mtimeNsec }: FileStat): number {
  return mtimeSec * 1000 + mtimeNsec / 1e6;
}
