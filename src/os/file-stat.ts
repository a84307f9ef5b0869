/**
 * What the kernel says about an open file, in plain numbers: fstat(2) into one scratch buffer, a third of the cost of a
 * `bigint` fstatSync, whose sixty-four-bit fields it replaces where a cache compares them. (statx(2) tells the same, and is twice as
 * dear.) Asked of the kernel itself: the C libraries' own functions take its structure apart and put it together again.
 *
 *   struct stat of x64 and arm64 (asm/stat.h, asm-generic/stat.h), the same but for links, mode and owner
 *     0 dev(u64)  8 ino(u64)  48 size(i64)  64 blocks(i64)  88 mtime  104 ctime
 *     x64    16 nlink(u64)  24 mode(u32)   28 uid(u32)  32 gid(u32)
 *     arm64  16 mode(u32)   20 nlink(u32)  24 uid(u32)  28 gid(u32)
 *   timestamp
 *     0 sec(i64)  8 nsec(u64)
 */
import { check, ENOENT, ENOTDIR, errno, libc, ptr } from "./libc.ts";

export type FileKind = "file" | "directory" | "other";

/** One state of one file. */
export interface FileStat {
  readonly kind: FileKind;
  readonly size: number;
  /** Of 512 bytes, that it has on its disk. What is cut off gives back its room last. */
  readonly blocks: number;
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
  /** How many names it has. */
  readonly nlink: number;
  /** Its kind and permissions, as stat(2) has them. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const IS_ARM = process.arch === "arm64";
const SYS_FSTAT = IS_ARM ? 80 : 5;
const SYS_NEWFSTATAT = IS_ARM ? 79 : 262;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const TWO_32 = 2 ** 32;
/** Of st_blocks, whatever the file system has. */
const BLOCK_BYTES = 512;

/** Over a buffer of their own: a small array of the engine's moves when it is first looked at through another view. By words of
 *  thirty-two bits, which the engine reads without a call (Buffer's own readers are calls), in the machine's order: x64 and arm64
 *  are little-endian. */
const scratch = new Uint32Array(new ArrayBuffer(256));
const scratchAt = ptr(scratch);
/** Indexes of the words. */
const DEV = 0;
const INO = 8 / 4;
const NLINK = (IS_ARM ? 20 : 16) / 4;
const MODE = (IS_ARM ? 16 : 24) / 4;
const UID = (IS_ARM ? 24 : 28) / 4;
const GID = (IS_ARM ? 28 : 32) / 4;
const SIZE = 48 / 4;
const BLOCKS = 64 / 4;
const MTIME = 88 / 4;
const CTIME = 104 / 4;
const path = Buffer.from(new ArrayBuffer(4096));
const pathAt = ptr(path);

/** Throws where fstat fails. */
export function statOf(fd: number): FileStat {
  look(fd);
  return readScratch();
}

/** As statOf, of an open file that had these stats: themselves, and no other object, if its size and times are what they were. */
export function statAgain(fd: number, before: FileStat): FileStat {
  look(fd);
  const isSame =
    word(CTIME + 2) === before.ctimeNsec &&
    seconds(CTIME) === before.ctimeSec &&
    word(MTIME + 2) === before.mtimeNsec &&
    seconds(MTIME) === before.mtimeSec &&
    size() === before.size;
  return isSame ? before : readScratch();
}

/** Is the content of the open file what it was when it had these stats (hasSameContent)? No, if that cannot be told. Throws where
 *  fstat fails. */
export function isUnwritten(fd: number, before: FileStat): boolean {
  const now = statAgain(fd, before);
  return now === before || hasSameContent(before, now) === true;
}

/** Has the open file less room on its disk than it is long: holes, or it is compressed there? */
export function isSparse(fd: number): boolean {
  look(fd);
  return blocks() * BLOCK_BYTES < size();
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

/** Of which of `asked` there is an entry, of any kind, whose path is `place` (latin-1 string of bytes) with the extension behind it. */
export function entriesBeside<T extends string>(
  place: string,
  extensions: Readonly<Record<T, string>>,
  asked: readonly T[],
): readonly T[] {
  const { length } = place;
  if (length >= path.length) return NONE as readonly T[];
  path.latin1Write(place, 0, length);
  let found = NONE as readonly T[];
  for (const each of asked) {
    const extension = extensions[each];
    const end = length + extension.length;
    if (end >= path.length) continue;
    path.latin1Write(extension, length, extension.length);
    path[end] = 0;
    const result = libc.syscall(SYS_NEWFSTATAT, AT_FDCWD, pathAt, scratchAt, AT_SYMLINK_NOFOLLOW, 0);
    if (result === 0) found = [...found, each];
  }
  return found;
}

const NONE: readonly string[] = [];

/** Does the path (latin-1 string of bytes), through links, lead to another file than the one that has these stats, or to none? No, if
 *  that cannot be told. */
export function leadsElsewhere(place: string, { inoLow, inoHigh, dev }: FileStat): boolean {
  if (place.length >= path.length) return false;
  path.latin1Write(place, 0, place.length);
  path[place.length] = 0;
  if (libc.syscall(SYS_NEWFSTATAT, AT_FDCWD, pathAt, scratchAt, 0, 0) !== 0) {
    const code = errno();
    return code === ENOENT || code === ENOTDIR;
  }
  return word(INO) !== inoLow || word(INO + 1) !== inoHigh || word(DEV) !== dev;
}

function readScratch(): FileStat {
  const mode = word(MODE);
  return {
    kind: kindOf(mode),
    size: size(),
    blocks: blocks(),
    mtimeSec: seconds(MTIME),
    mtimeNsec: word(MTIME + 2),
    ctimeSec: seconds(CTIME),
    ctimeNsec: word(CTIME + 2),
    dev: word(DEV),
    inoLow: word(INO),
    inoHigh: word(INO + 1),
    nlink: word(NLINK),
    mode,
    uid: word(UID),
    gid: word(GID),
  };
}

function word(index: number): number {
  return scratch[index] as number; // all of them are inside
}

function size(): number {
  return word(SIZE) + word(SIZE + 1) * TWO_32;
}

function blocks(): number {
  return word(BLOCKS) + word(BLOCKS + 1) * TWO_32;
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
  return isSameInode(a, b) && hasSameSizeAndTime(a, b) && hasSameChange(a, b);
}

/** Is it one file? Or another that has its number, after that is gone. */
export function isSameInode(a: FileStat, b: FileStat): boolean {
  return a.inoLow === b.inoLow && a.inoHigh === b.inoHigh && a.dev === b.dev;
}

/**
 * Of two looks at one open file: was nothing written between them? Whoever writes can put its mtime back, its ctime not; but that is
 * another, too, after a change of names, owner or permissions. `undefined`: it is another, and none of these is seen: written to and
 * its time put back, or renamed, which leaves the number of its names as it was, or something was set to what it was already.
 */
export function hasSameContent(a: FileStat, b: FileStat): boolean | undefined {
  if (!hasSameSizeAndTime(a, b)) return false;
  const isExplained = a.nlink !== b.nlink || a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid;
  return isExplained || hasSameChange(a, b) ? true : undefined;
}

function hasSameSizeAndTime(a: FileStat, b: FileStat): boolean {
  return a.size === b.size && a.mtimeNsec === b.mtimeNsec && a.mtimeSec === b.mtimeSec;
}

function hasSameChange(a: FileStat, b: FileStat): boolean {
  return a.ctimeNsec === b.ctimeNsec && a.ctimeSec === b.ctimeSec;
}

/** Milliseconds since 1970, with a fraction. */
export function mtimeMs({ mtimeSec, mtimeNsec }: FileStat): number {
  return mtimeSec * 1000 + mtimeNsec / 1e6;
}
