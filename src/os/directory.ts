/**
 * The entries of an open directory, as bytes and not more than asked for: getdents64(2). (readdir gives a million names or
 * none, and takes its path from the beginning again.)
 *
 *   struct linux_dirent64  0 ino(u64)  8 off(i64)  16 reclen(u16)  18 type(u8)  19 name, NUL
 */
import { check, libc, ptr } from "./libc.ts";

export type EntryType = "file" | "directory" | "link" | "unknown" | "other";

export interface DirectoryEntry {
  /** Latin-1 string of its bytes. */
  readonly name: string;
  /** `unknown`: the file system does not say. */
  readonly type: EntryType;
}

const SYS_GETDENTS64 = process.arch === "arm64" ? 61 : 217;
const BUFFER_BYTES = 64 * 1024;

const TYPES: Readonly<Record<number, EntryType>> = { 0: "unknown", 4: "directory", 8: "file", 10: "link" };

/** At most `entriesMax` of them, without `.` and `..`, in no order; were these all? Throws OsError. The
 *  descriptor is moved, so a second call does not find them again. */
export function readEntries(fd: number, entriesMax: number): { entries: DirectoryEntry[]; complete: boolean } {
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const entries: DirectoryEntry[] = [];
  for (;;) {
    const got = check(libc.syscall(SYS_GETDENTS64, fd, ptr(buffer), BUFFER_BYTES, 0, 0), "getdents64", String(fd));
    if (got === 0) return { entries, complete: true };
    for (let at = 0; at < got; at += buffer.readUInt16LE(at + 16)) {
      const name = nameAt(buffer, at);
      if (name === "." || name === "..") continue;
      if (entries.length === entriesMax) return { entries, complete: false };
      entries.push({ name, type: TYPES[buffer.readUInt8(at + 18)] ?? "other" });
    }
  }
}

function nameAt(buffer: Buffer, at: number): string {
  return buffer.latin1Slice(at + 19, buffer.indexOf(0, at + 19));
}
