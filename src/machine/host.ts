/** What machine this is and who we are on it: cores, memory, user, systemd. Linux, by /proc and /sys. */
import { availableParallelism } from "node:os";
import type { Files, Surroundings } from "./surroundings.ts";

export interface Account {
  readonly uid: number;
  /** Undefined, as the home, when only a directory service knows it. */
  readonly name: string | undefined;
  readonly gid: number | undefined;
  readonly home: string | undefined;
}

export interface Host {
  readonly cores: number;
  /** What this process may use of it: the machine's, or its control group's. Undefined when the kernel does not say. */
  readonly memoryBytes: number | undefined;
  /** Of that, what is not in use. */
  readonly availableBytes: number | undefined;
  readonly account: Account;
  /** It runs this machine, and not only its files are here, as in a container. */
  readonly systemd: boolean;
  /** `Debian GNU/Linux 12 (bookworm)` */
  readonly system: string | undefined;
  /** A container has neither a boot nor, mostly, an init of its own. */
  readonly container: boolean;
}

export function lookAtHost({ files }: Pick<Surroundings, "files">, uid: number, cores = availableParallelism()): Host {
  const memory = readMemory(files);
  return {
    cores,
    memoryBytes: memory.total,
    availableBytes: memory.available,
    account: accountOf(files, uid),
    // sd_booted(3)
    systemd: files.kind("/run/systemd/system") === "directory",
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(files.read("/etc/os-release") ?? "")?.[1],
    container: files.kind("/.dockerenv") !== undefined || files.kind("/run/.containerenv") !== undefined,
  };
}

/** passwd(5) */
export function accountOf(files: Files, uid: number): Account {
  const rows = (files.read("/etc/passwd") ?? "").split("\n").map((line) => line.split(":"));
  const [name, , , gid, , home] = rows.find(([, , id]) => id === String(uid)) ?? [];
  return { uid, name, gid: gid === undefined ? undefined : Number(gid), home };
}

/** Of distributions, for their web servers. */
export const WEB_USERS = ["www-data", "nginx", "http", "apache", "www"];

/** Undefined: this machine has none of them. */
export function webAccount(files: Files): Account | undefined {
  const rows = (files.read("/etc/passwd") ?? "").split("\n").map((line) => line.split(":"));
  const [, , uid] =
    WEB_USERS.map((user) => rows.find(([name]) => name === user)).find((row) => row !== undefined) ?? [];
  return uid === undefined ? undefined : accountOf(files, Number(uid));
}

interface Memory {
  readonly total: number | undefined;
  readonly available: number | undefined;
}

function readMemory(files: Files): Memory {
  const text = files.read("/proc/meminfo") ?? "";
  const total = kibibytes(text, "MemTotal");
  const available = kibibytes(text, "MemAvailable");
  const group = groupMemory(files);
  if (group === undefined || total === undefined || group.max >= total) return { total, available };
  return { total: group.max, available: Math.min(available ?? Infinity, Math.max(0, group.max - group.used)) };
}

function kibibytes(text: string, name: string): number | undefined {
  const found = new RegExp(String.raw`^${name}:\s+(\d+) kB`, "m").exec(text)?.[1];
  return found === undefined ? undefined : Number(found) * 1024;
}

/** Bounds of a container: its own group stands at the root (cgroup namespaces), in version 2 or 1 of cgroups(7). */
const GROUP_FILES = [
  ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"],
  ["/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"],
] as const;

function groupMemory(files: Files): { readonly max: number; readonly used: number } | undefined {
  for (const [bound, use] of GROUP_FILES) {
    const max = Number.parseInt(files.read(bound) ?? "", 10);
    const used = Number.parseInt(files.read(use) ?? "", 10);
    // Version 2 writes `max` for no bound.
    if (Number.isFinite(max) && max > 0) return { max, used: Number.isFinite(used) ? used : 0 };
  }
  return undefined;
}
