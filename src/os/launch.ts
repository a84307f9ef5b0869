/**
 * From this process to another program: new session, lifetime tied to the parent's, rights given up, then execve(2).
 * It runs in a process of its own that was started for nothing else, since Bun's spawn knows neither users nor leashes.
 *
 *   leash    a socket whose other end only the master has. When that closes, the kernel sends SIGKILL to our process group
 *            (F_SETOWN, F_SETSIG, O_ASYNC: fcntl(2)); whatever the program has started goes along
 *   parent   PR_SET_PDEATHSIG besides, for a program that closes descriptors it does not know
 */
import { check, errno, libc, OsError, ptr } from "./libc.ts";

export interface LaunchSpec {
  /** The executable, absolute. */
  readonly program: string;
  /** argv, its first word included. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The process that must be our parent. */
  readonly parent: number;
  readonly leashFd: number;
  /** Undefined: as the server. */
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] } | undefined;
  readonly umask: number | undefined;
}

const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETOWN = 8;
const F_SETSIG = 10;
const O_ASYNC = 0o20000;
const SIGKILL = 9;
const SIGNALS = 64;
const SIG_SETMASK = 2;
const SIGSET_BYTES = 128;
const PR_SET_PDEATHSIG = 1;

/** Does not return unless it fails, and then throws an OsError that names what could not be done. */
export function launch(spec: LaunchSpec): never {
  check(libc.setsid(), "setsid", "");
  regainRoot(spec);
  tieToLeash(spec.leashFd);
  becomeUser(spec);
  // After the change of user, which clears it.
  check(libc.prctl(PR_SET_PDEATHSIG, BigInt(SIGKILL), 0n, 0n, 0n), "prctl", "PR_SET_PDEATHSIG");
  if (process.ppid !== spec.parent) throw new OsError("launch", "the server is gone", 3);
  check(libc.chdir(ptr(cString(spec.cwd))), "chdir", spec.cwd);
  if (spec.umask !== undefined) libc.umask(spec.umask);
  resetSignals();
  return execute(spec);
}

/** A server that is not root has lent CAP_SETUID: as root another user is reached without any right left over
 *  (capabilities(7)), and the leash may end whoever it is by then. */
function regainRoot({ user }: LaunchSpec): void {
  if (user !== undefined) check(libc.setuid(0), "setuid", "0");
}

function tieToLeash(fd: number): void {
  check(libc.fcntl(fd, F_SETOWN, -process.pid), "fcntl", "F_SETOWN");
  check(libc.fcntl(fd, F_SETSIG, SIGKILL), "fcntl", "F_SETSIG");
  check(libc.fcntl(fd, F_SETFL, check(libc.fcntl(fd, F_GETFL, 0), "fcntl", "F_GETFL") | O_ASYNC), "fcntl", "F_SETFL");
  // The program keeps it open without knowing.
  check(libc.fcntl(fd, F_SETFD, 0), "fcntl", "F_SETFD");
}

/** Groups first: afterwards we may not. */
function becomeUser({ user }: LaunchSpec): void {
  if (user === undefined) return;
  const groups = new Uint32Array(user.groups.length === 0 ? [user.gid] : user.groups);
  check(libc.setgroups(BigInt(groups.length), ptr(groups)), "setgroups", user.groups.join(","));
  check(libc.setgid(user.gid), "setgid", String(user.gid));
  check(libc.setuid(user.uid), "setuid", String(user.uid));
}

/** Ignored and blocked signals are inherited through execve; this runtime ignores SIGPIPE, a program should not. */
function resetSignals(): void {
  for (let signal = 1; signal <= SIGNALS; signal++) libc.signal(signal, null);
  libc.sigprocmask(SIG_SETMASK, ptr(new Uint8Array(SIGSET_BYTES)), null);
}

/** Does not return unless it fails: OsError. */
export function execute(spec: Pick<LaunchSpec, "program" | "words" | "env">): never {
  const program = cString(spec.program);
  const words = spec.words.map(cString);
  const env = Object.entries(spec.env).map(([name, value]) => cString(`${name}=${value}`));
  libc.execve(ptr(program), ptr(pointers(words)), ptr(pointers(env)));
  // Here too, so that the texts were reachable during the call.
  throw new OsError("execve", `${spec.program}, ${words.length} words, ${env.length} variables`, errno());
}

function cString(text: string): Uint8Array {
  return Buffer.from(`${text}\0`);
}

/** Ends with a null pointer. */
function pointers(texts: readonly Uint8Array[]): BigUint64Array {
  return new BigUint64Array([...texts.map((text) => BigInt(ptr(text))), 0n]);
}
