/**
 * What the kernel says about an open file, in plain numbers: fstat(2) into one scratch buffer, a third of the cost of a
 * `bigint` fstatSync, whose sixty-four-bit fields it replaces where a cache compares them. (statx(2) tells the same, and is twice as
 * dear.) Asked of the kernel itself: the C libraries' own functions take its structure apart and put it together again.
 *
 *   struct stat of x64 and arm64, the same but for the place of the mode
 *     0 dev(u64)  8 ino(u64)  24, arm64 16 mode(u32)  48 size(i64)  88 mtime  104 ctime
 *   timestamp
 *     0 sec(i64)  8 nsec(u64)
 */
import { check, libc, ptr } from "./libc.ts";

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
  /** As stat(2) has it. The kernel's numbers of devices have thirty-two bits. */
  readonly dev: number;
  /** An inode number has sixty-four bits; a Number holds fifty-three. */
  readonly inoLow: number;
  readonly inoHigh: number;
}

const IS_ARM = process.arch === "arm64";
const SYS_FSTAT = IS_ARM ? 80 : 5;
const SYS_NEWFSTATAT = IS_ARM ? 79 : 262;
const AT_SYMLINK_NOFOLLOW = 0x100;
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
const DEV = 0;
const INO = 8 / 4;
const MODE = (IS_ARM ? 16 : 24) / 4;
const SIZE = 48 / 4;
const MTIME = 88 / 4;
const CTIME = 104 / 4;
const path = Buffer.from(new ArrayBuffer(4096));
const pathAt = ptr(path);

/** Throws where fstat fails. */
export function statOf(fd: number): FileStat {
  look(fd);
  return readScratch();
}

/** Is the content of the open file what it was when it had these stats (hasSameContent)? Throws where fstat fails. */
export function isUnwritten(fd: number, before: FileStat): boolean {
  look(fd);
  return size() === before.size && word(MTIME + 2) === before.mtimeNsec && seconds(MTIME) === before.mtimeSec;
}

/** Into `scratch`. */
function look(fd: number): void {
  if (libc.syscall(SYS_FSTAT, fd, scratchAt, 0, 0, 0) !== 0) check(-1, "fstat", `${fd}`);
}

/** Of the entry `name` (latin-1 string of bytes) of an open directory, a link itself; undefined when it cannot be told. */
export function statEntry(directory: number, name: string): FileStat | undefined {
  if (name.length >= path.length) return undefined;
  path.latin1Write(name, 0, name.length);
  path[name.length] = 0;
  const result = libc.syscall(SYS_NEWFSTATAT, directory, pathAt, scratchAt, AT_SYMLINK_NOFOLLOW, 0);
  return result === 0 ? readScratch() : undefined;
}

function readScratch(): FileStat {
  return {
    kind: kindOf(word(MODE)),
    size: size(),
    mtimeSec: seconds(MTIME),
    mtimeNsec: word(MTIME + 2),
    ctimeSec: seconds(CTIME),
    ctimeNsec: word(CTIME + 2),
    dev: word(DEV),
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

function kindOf(mode: number): FileKind {
  const format = mode & S_IFMT;
  if (format === S_IFREG) return "file";
  return format === S_IFDIR ? "directory" : "other";
}

/** Is it one file, and was nothing done to it between the two looks? Owner, permission and links count too (ctime). */
export function isUnchanged(a: FileStat, b: FileStat): boolean {
  if (a.inoLow !== b.inoLow || a.inoHigh !== b.inoHigh || a.dev !== b.dev) return false;
  return hasSameContent(a, b) && a.ctimeNsec === b.ctimeNsec && a.ctimeSec === b.ctimeSec;
}

/** Of two looks at one open file: was nothing written between them? (A new name or the loss of one changes its ctime.) */
export function hasSameContent(a: FileStat, b: FileStat): boolean {
  return a.size === b.size && a.mtimeNsec === b.mtimeNsec && a.mtimeSec === b.mtimeSec;
}

/** Milliseconds since 1970, with a fraction. */
export function mtimeMs({ mtimeSec, mtimeNsec }: FileStat): number {
  return mtimeSec * 1000 + mtimeNsec / 1e6;
}
