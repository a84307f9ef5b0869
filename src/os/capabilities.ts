/**
 * What root's rights are made of (capabilities(7)): asked of the calling thread, given up but for some, and passed on to
 * another program for the moment in which it is started.
 *
 * The kernel has rights for each thread. The C library's setuid(2) changes all threads of the process; capset(2) and prctl(2)
 * change the calling one, and threads that it starts later begin with what it has.
 */
import { check, errno, libc, OsError, ptr } from "./libc.ts";

/** Those that this product has a use for, by their numbers (linux/capability.h). */
export const CAPABILITIES = {
  CAP_CHOWN: 0,
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_NET_BIND_SERVICE: 10,
} as const;
export type Capability = keyof typeof CAPABILITIES;

const SYS_CAPGET = process.arch === "arm64" ? 90 : 125;
const SYS_CAPSET = process.arch === "arm64" ? 91 : 126;
const VERSION_3 = 0x20080522;

const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2n;
const PR_CAP_AMBIENT_CLEAR_ALL = 4n;
/** Higher than any; the kernel says EINVAL from the first that it does not know. */
const NUMBERS = 64;

/** Bit masks: those that count now, those that may be made to count, those for programs that are executed. */
interface Sets {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}

const NONE: Sets = { effective: 0n, permitted: 0n, inheritable: 0n };

/** A sandbox that does not let us ask lets us do nothing of it either. `data`: two of { effective, permitted, inheritable }, the low halves first. */
function readSets(): Sets {
  const data = new Uint32Array(6);
  if (libc.syscall(SYS_CAPGET, ptr(header()), ptr(data), 0, 0, 0) === -1) return NONE;
  const whole = (at: number) => BigInt(data[at] as number) | (BigInt(data[at + 3] as number) << 32n);
  return { effective: whole(0), permitted: whole(1), inheritable: whole(2) };
}

function writeSets({ effective, permitted, inheritable }: Sets): void {
  const all = [effective, permitted, inheritable];
  const data = new Uint32Array([
    ...all.map((set) => Number(set & 0xffffffffn)),
    ...all.map((set) => Number(set >> 32n)),
  ]);
  check(libc.syscall(SYS_CAPSET, ptr(header()), ptr(data), 0, 0, 0), "capset", "");
}

/** Process 0 is the calling thread. */
function header(): Uint32Array {
  return new Uint32Array([VERSION_3, 0]);
}

function bit(capability: Capability): bigint {
  return 1n << BigInt(CAPABILITIES[capability]);
}

function maskOf(capabilities: readonly Capability[]): bigint {
  return capabilities.reduce((mask, each) => mask | bit(each), 0n);
}

/** Does it count now, in the calling thread? Root has all, unless something took them. */
export function hasCapability(capability: Capability): boolean {
  return (readSets().effective & bit(capability)) !== 0n;
}

/** Of the calling thread: nothing but these from now on, as far as it has them; and nothing for what it executes. Returns
 *  those that it has. */
export function keepOnly(capabilities: readonly Capability[]): Capability[] {
  const { effective, permitted, inheritable } = readSets();
  const kept = permitted & maskOf(capabilities);
  // Most servers have none: then there is nothing to ask the kernel for.
  if (effective !== kept || permitted !== kept || inheritable !== 0n)
    writeSets({ effective: kept, permitted: kept, inheritable: 0n });
  return capabilities.filter((each) => (kept & bit(each)) !== 0n);
}

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** The whole process, from root. The calling thread may still make some of root's rights count with `keepOnly`; what it
 *  executes can never have more than `bound`. Throws OsError. */
export function becomeUser({ uid, gid, groups }: Identity, bound: readonly Capability[]): void {
  // Who may not ask what it has could not give it up either.
  if (readSets() === NONE) throw new OsError("capget", "", errno());
  dropBounds(maskOf(bound));
  check(libc.prctl(PR_SET_KEEPCAPS, 1n, 0n, 0n, 0n), "prctl", "PR_SET_KEEPCAPS");
  const list = new Uint32Array(groups);
  // Groups first: afterwards we may not.
  check(libc.setgroups(BigInt(list.length), ptr(list)), "setgroups", groups.join(","));
  check(libc.setgid(gid), "setgid", String(gid));
  check(libc.setuid(uid), "setuid", String(uid));
}

function dropBounds(bound: bigint): void {
  for (let number = 0; number < NUMBERS; number++) {
    if ((bound & (1n << BigInt(number))) !== 0n) continue;
    if (libc.prctl(PR_CAPBSET_DROP, BigInt(number), 0n, 0n, 0n) === -1) return;
  }
}

/** Of the calling thread, and of all that it starts from now on. */
export function gainNothingNew(): void {
  check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n), "prctl", "PR_SET_NO_NEW_PRIVS");
}

/** What `start` executes has these of our rights from its beginning on. Root's programs have all anyway. */
export function lending<T>(capabilities: readonly Capability[], start: () => T): T {
  const sets = readSets();
  const lent = capabilities.filter((each) => (sets.permitted & bit(each)) !== 0n);
  if (process.geteuid?.() === 0 || lent.length === 0) return start();
  writeSets({ ...sets, inheritable: sets.inheritable | maskOf(lent) });
  try {
    for (const each of lent) {
      const raised = libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, BigInt(CAPABILITIES[each]), 0n, 0n);
      check(raised, "prctl", `PR_CAP_AMBIENT, ${each}`);
    }
    return start();
  } finally {
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0n, 0n, 0n);
    writeSets(sets);
  }
}
