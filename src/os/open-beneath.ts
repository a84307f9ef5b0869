/**
 * Opening below a directory so that the kernel itself keeps the way inside: openat2(2) with RESOLVE_BENEATH (Linux 5.6).
 * Nothing can be swapped between a check and the open, since there is no check. Names are bytes: latin-1 strings.
 *
 * Not here: what a refusal means to a client, and what is done where the kernel has no openat2.
 *
 *   struct open_how  0 flags(u64)  8 mode(u64)  16 resolve(u64)
 */
import { EAGAIN, EINTR, errno, libc, ptr } from "./libc.ts";

const SYS_OPENAT2 = 437;
const AT_FDCWD = -100;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_DIRECTORY = process.arch === "arm64" ? 0o40000 : 0o200000;
const O_NOFOLLOW = process.arch === "arm64" ? 0o100000 : 0o400000;
const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;

/** A FIFO must not block the thread, a terminal must not become ours. */
const TO_READ = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
const AS_PLACE = O_PATH | O_CLOEXEC;

const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;

/** `inside`: relative links that stay below; an absolute one is EXDEV, wherever it leads. `deny`: no link at all. */
export type Links = "inside" | "deny";

/** PATH_MAX with its NUL; longer ones are ENAMETOOLONG without asking. */
const PATH_BYTES_MAX = 4096;
const ENAMETOOLONG = 36;

/** The kernel gives up with EAGAIN when a directory is renamed while `..` in a link is followed. */
const ATTEMPTS_MAX = 8;

/** Over buffers of their own, whose places never change. */
const path = Buffer.from(new ArrayBuffer(PATH_BYTES_MAX));
const pathAt = ptr(path);
const INSIDE = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
const toRead = { inside: openHow(TO_READ, INSIDE), deny: openHow(TO_READ, INSIDE | RESOLVE_NO_SYMLINKS) };
const asDirectory = {
  inside: openHow(AS_PLACE | O_DIRECTORY, INSIDE),
  deny: openHow(AS_PLACE | O_DIRECTORY, INSIDE | RESOLVE_NO_SYMLINKS),
};

interface OpenHow {
  readonly bytes: BigUint64Array;
  readonly at: number;
}

function openHow(flags: number, resolve: number): OpenHow {
  const bytes = new BigUint64Array(new ArrayBuffer(24));
  bytes.set([BigInt(flags), 0n, BigInt(resolve)]);
  return { bytes, at: ptr(bytes) };
}

/** `name` from its character `from` on is relative, and "." the directory itself. As of all of these: a descriptor, or -errno. */
export function openBeneath(directory: number, name: string, links: Links, from = 0): number {
  return resolve(directory, name, toRead[links], from);
}

/** As openBeneath, of a directory, as a place only. */
export function openDirectoryBeneath(directory: number, name: string, links: Links): number {
  return resolve(directory, name, asDirectory[links], 0);
}

function resolve(directory: number, name: string, how: OpenHow, from: number): number {
  if (!setPath(name)) return -ENAMETOOLONG;
  for (let attempt = 1; ; attempt++) {
    const fd = libc.syscall(SYS_OPENAT2, directory, pathAt + from, how.at, 24, 0);
    if (fd >= 0) return fd;
    const code = errno();
    if ((code !== EAGAIN && code !== EINTR) || attempt === ATTEMPTS_MAX) return -code;
  }
}

/** To read, wherever links lead. */
export function openToRead(name: string): number {
  return openAt(AT_FDCWD, name, TO_READ);
}

/** As a place only: nothing is opened in it, so that a device or FIFO does not notice. */
export function openPlace(name: string): number {
  return openAt(AT_FDCWD, name, AS_PLACE);
}

export function openPlaceDirectory(name: string): number {
  return openAt(AT_FDCWD, name, AS_PLACE | O_DIRECTORY);
}

/** One step without a link: of `directory` the entry `name`, which must be a directory. */
export function stepInto(directory: number, name: string): number {
  return openAt(directory, name, AS_PLACE | O_DIRECTORY | O_NOFOLLOW);
}

/** The last step without a link, to read. */
export function openEntry(directory: number, name: string): number {
  return openAt(directory, name, TO_READ | O_NOFOLLOW);
}

function openAt(directory: number, name: string, flags: number): number {
  if (!setPath(name)) return -ENAMETOOLONG;
  for (;;) {
    const fd = libc.openat(directory, pathAt, flags);
    if (fd >= 0) return fd;
    const code = errno();
    if (code !== EINTR) return -code;
  }
}

function setPath(name: string): boolean {
  const { length } = name;
  if (length >= PATH_BYTES_MAX) return false;
  path.latin1Write(name, 0, length);
  path[length] = 0;
  return true;
}

/** Does this kernel have openat2, and does no sandbox keep it from us? */
export const HAS_OPENAT2: boolean = probe();

function probe(): boolean {
  const root = openPlaceDirectory("/");
  if (root < 0) return false;
  const fd = openBeneath(root, ".", "inside");
  libc.close(root);
  if (fd < 0) return false;
  libc.close(fd);
  return true;
}
