/**
 * From this process to another program: new session or group, lifetime tied to the parent's, rights given up, then execve(2).
 * It runs in a process of its own that was started for nothing else, since Bun's spawn knows neither users nor leashes. So no
 * program begins with more rights than its user has.
 *
 *   leash    a socket whose other end only the master has. When that closes, the kernel sends SIGKILL to our process group
 *            (F_SETOWN, F_SETSIG, O_ASYNC: fcntl(2)); whatever the program has started goes along
 *   parent   PR_SET_PDEATHSIG besides, for a program that closes descriptors it does not know
 */
import { keepOnly } from "./capabilities.ts";
import { check, errno, libc, OsError, ptr } from "./libc.ts";

export interface LaunchSpec {
  /** The executable, absolute. */
  readonly program: string;
  /** argv, its first word included. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Undefined: where the server is. */
  readonly cwd: string | undefined;
  /** A `group` is left to the session of the server. Undefined: whoever started us has seen to it. */
  readonly alone?: "session" | "group";
  /** The process that must be our parent. */
  readonly parent: number;
  /** Undefined: it is waited for. */
  readonly leashFd?: number;
  /** Descriptors that the program has, beside standard streams and the leash. */
  readonly kept?: readonly number[];
  /** Undefined: as the server. */
  readonly user: LaunchUser | undefined;
  /** setrlimit(2): what the program may raise its own bounds to, -1 for unlimited. */
  readonly limits?: readonly { readonly name: string; readonly value: number }[];
  readonly umask: number | undefined;
}

export interface LaunchUser {
  readonly uid: number;
  readonly gid: number;
  /** A name: those that the system has for it (initgroups(3)), with `gid`. */
  readonly groups: readonly number[] | string;
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

/** linux/resource.h (asm-generic/resource.h) */
const RESOURCES: Readonly<Record<string, number>> = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
};
const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** Does not return unless it fails, and then throws an OsError that names what could not be done. `becoming` is called with
 *  the rights that were lent, what it returns with those of the user: either may throw. */
export function launch(spec: LaunchSpec, becoming?: () => () => void): never {
  if (spec.alone === "session") check(libc.setsid(), "setsid", "");
  if (spec.alone === "group") check(libc.setpgid(0, 0), "setpgid", "");
  regainRoot(spec);
  if (spec.leashFd !== undefined) tieToLeash(spec.leashFd);
  keep(spec);
  const became = becoming?.();
  for (const limit of spec.limits ?? []) allow(limit);
  becomeUser(spec);
  became?.();
  // After the change of user, which clears it. A group has its leash, and knows of it.
  if (spec.alone === "session")
    check(libc.prctl(PR_SET_PDEATHSIG, BigInt(SIGKILL), 0n, 0n, 0n), "prctl", "PR_SET_PDEATHSIG");
  if (process.ppid !== spec.parent) throw new OsError("launch", "the server is gone", 3);
  if (spec.cwd !== undefined) check(libc.chdir(ptr(cString(spec.cwd))), "chdir", spec.cwd);
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
}

/** This runtime has all that it inherits closed when something is executed; a program keeps the leash without knowing. */
function keep({ leashFd, kept = [] }: LaunchSpec): void {
  for (const fd of [...(leashFd === undefined ? [] : [leashFd]), ...kept])
    check(libc.fcntl(fd, F_SETFD, 0), "fcntl", `${fd}, F_SETFD`);
}

/** Only the hard bound, as far as we may: the program sets both, and says so when it cannot. A bound that is below what this
 *  runtime holds would end it here. */
function allow({ name, value }: { readonly name: string; readonly value: number }): void {
  const resource = RESOURCES[name];
  const bounds = new BigUint64Array(2);
  if (resource === undefined || libc.getrlimit(resource, ptr(bounds)) === -1) return;
  const wanted = value === -1 ? UNLIMITED : BigInt(value);
  if (wanted <= (bounds[1] as bigint)) return;
  bounds[1] = wanted;
  libc.setrlimit(resource, ptr(bounds));
}

/** Groups first: afterwards we may not. What was lent to be inherited goes at last; root's rights went with its number. */
function becomeUser({ user }: LaunchSpec): void {
  if (user === undefined) return;
  const { uid, gid, groups } = user;
  if (typeof groups === "string") check(libc.initgroups(ptr(cString(groups)), gid), "initgroups", groups);
  else {
    // A list of none has no memory to point to.
    const list = new Uint32Array([...groups, 0]);
    check(libc.setgroups(BigInt(groups.length), ptr(list)), "setgroups", groups.join(","));
  }
  check(libc.setgid(gid), "setgid", String(gid));
  check(libc.setuid(uid), "setuid", String(uid));
  if (uid !== 0) keepOnly([]);
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
