/**
 * libc through bun:ffi: the one table of C functions this product calls. Linux, x64 and arm64, glibc and musl.
 * Every wrapper in this room turns -1 into an OsError that names the call, its object and the errno.
 */
import { dlopen, type FFIFunction, type Pointer, ptr, read } from "bun:ffi";

/** `send`, `sendmsg`, `sendfile`, `recv` and `recvmsg` give ssize_t; what we move at once is far below 2 GiB, so the low half holds the
 *  answer. */
const SYMBOLS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  epoll_create1: { args: ["i32"], returns: "i32" },
  epoll_ctl: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  epoll_wait: { args: ["i32", "ptr", "i32", "i32"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  sendmsg: { args: ["i32", "ptr", "i32"], returns: "i32" },
  recvmsg: { args: ["i32", "ptr", "i32"], returns: "i32" },
  pipe2: { args: ["ptr", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  kill: { args: ["i32", "i32"], returns: "i32" },
  dup3: { args: ["i32", "i32", "i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i64"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
  setsid: { args: [], returns: "i32" },
  setpgid: { args: ["i32", "i32"], returns: "i32" },
  getrlimit: { args: ["i32", "ptr"], returns: "i32" },
  setrlimit: { args: ["i32", "ptr"], returns: "i32" },
  initgroups: { args: ["ptr", "u32"], returns: "i32" },
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  setgroups: { args: ["u64", "ptr"], returns: "i32" },
  setgid: { args: ["u32"], returns: "i32" },
  setuid: { args: ["u32"], returns: "i32" },
  umask: { args: ["u32"], returns: "u32" },
  chdir: { args: ["ptr"], returns: "i32" },
  signal: { args: ["i32", "ptr"], returns: "ptr" },
  sigprocmask: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  adjtimex: { args: ["ptr"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  openat: { args: ["i32", "ptr", "i32"], returns: "i32" },
  mmap: { args: ["u64", "u64", "i32", "i32", "i32", "i64"], returns: "ptr" },
  munmap: { args: ["u64", "u64"], returns: "i32" },
  madvise: { args: ["u64", "u64", "i32"], returns: "i32" },
  sendfile: { args: ["i32", "i32", "ptr", "u64"], returns: "i32" },
  /** For system calls that not every C library wraps; pointers are given as addresses. */
  syscall: { args: ["i64", "i64", "i64", "i64", "i64", "i64"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
} as const;

function openFirst<Symbols extends Record<string, FFIFunction>>(symbols: Symbols) {
  const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
  for (const name of ["libc.so.6", `libc.musl-${arch}.so.1`]) {
    try {
      return dlopen(name, symbols).symbols;
    } catch {
      // the other C library
    }
  }
  throw new Error("no C library found: neither libc.so.6 (glibc) nor libc.musl (musl) could be opened");
}

export const libc = openFirst(SYMBOLS);
export { ptr };

/**
 * sendto(2), recvfrom(2), pread(2) and close(2) without the C library's own functions around them: those make every call a point
 * where a thread may be cancelled, which costs 30 ns, and no thread of ours ever is. The last two arguments of the first two are an
 * address; here there is none.
 */
const IS_ARM = process.arch === "arm64";
const SYS_SENDTO = IS_ARM ? 206 : 44;
const SYS_RECVFROM = IS_ARM ? 207 : 45;
const SYS_PREAD64 = IS_ARM ? 67 : 17;
const SYS_CLOSE = IS_ARM ? 57 : 3;

const direct = openFirst({
  syscall: { args: ["i32", "i32", "ptr", "u64", "i32", "ptr", "u64"], returns: "i32" },
} as const).syscall;

/** As send(2), the bytes by their address; -1 and errno. */
export function sendDirect(fd: number, address: Pointer, length: number, flags: number): number {
  return direct(SYS_SENDTO, fd, address, length, flags, null, 0);
}

/** As recv(2), to the bytes at an address; -1 and errno. */
export function receiveDirect(fd: number, address: Pointer, length: number, flags: number): number {
  return direct(SYS_RECVFROM, fd, address, length, flags, null, 0);
}

/** As pread(2), to the bytes at an address; -1 and errno. */
export function preadDirect(fd: number, address: Pointer, length: number, position: number): number {
  return libc.syscall(SYS_PREAD64, fd, address, length, position, 0);
}

const SYS_PREADV2 = IS_ARM ? 286 : 327;

const sevenWords = openFirst({
  syscall: { args: ["i64", "i64", "ptr", "i64", "i64", "i64", "i64"], returns: "i32" },
} as const).syscall;

/** As preadv2(2) with one struct iovec, at a position below 2^53; -1 and errno. */
export function preadvDirect(fd: number, vector: Pointer, position: number, flags: number): number {
  return sevenWords(SYS_PREADV2, fd, vector, 1, position, 0, flags);
}

/** As close(2). */
export function closeDirect(fd: number): void {
  libc.syscall(SYS_CLOSE, fd, 0, 0, 0, 0);
}

/** The errno of the calling thread's last failed call. */
export function errno(): number {
  const address = libc.__errno_location();
  return address === null ? 0 : read.i32(address, 0);
}

export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EAGAIN = 11;
export const EACCES = 13;
export const EFAULT = 14;
export const ENOTDIR = 20;
export const EPIPE = 32;
export const EMSGSIZE = 90;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ECONNRESET = 104;
export const ENOBUFS = 105;
export const EISCONN = 106;
export const EALREADY = 114;
export const EINPROGRESS = 115;

const ERRNO_TEXT: Readonly<Record<number, string>> = {
  [EPERM]: "EPERM, operation not permitted",
  [ENOENT]: "ENOENT, no such file or directory",
  [EACCES]: "EACCES, permission denied",
  3: "ESRCH, no such process",
  9: "EBADF, it is not open",
  8: "ENOEXEC, no program that this machine can run (a script needs a first line with #!)",
  [EADDRINUSE]: "EADDRINUSE, address already in use",
  [EADDRNOTAVAIL]: "EADDRNOTAVAIL, this machine does not have that address",
  24: "EMFILE, too many open files",
};

export class OsError extends Error {
  override name = "OsError";
  readonly call: string;
  readonly errno: number;
  constructor(call: string, object: string, code: number) {
    super(`${call}(${object}): ${ERRNO_TEXT[code] ?? `errno ${code}`}`);
    this.call = call;
    this.errno = code;
  }
}

/** `result` unless it is -1, then the error. */
export function check(result: number, call: string, object: string): number {
  if (result === -1) throw new OsError(call, object, errno());
  return result;
}
