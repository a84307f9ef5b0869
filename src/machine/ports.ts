/**
 * Who listens on which TCP port, by /proc/net/tcp and the descriptors of processes (proc(5)); and whether this user may
 * listen on a port at all. Root sees the holders of all sockets, others only their own.
 */
import type { Files } from "./surroundings.ts";

export interface Holder {
  readonly pid: number;
  /** As the kernel calls it: `nginx`. */
  readonly name: string;
}

export interface Listener {
  /** `0.0.0.0`, `127.0.0.1`, `::` */
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

export interface PortUse {
  readonly port: number;
  readonly listeners: readonly Listener[];
  /** Those that this user may see. */
  readonly holders: readonly Holder[];
}

/** TCP_LISTEN of the kernel's tcp_states.h. */
const LISTENING = "0A";

/** More processes than a machine that serves a site has: the search for a holder ends there. */
const PROCESSES_MAX = 20_000;

export function listListeners(files: Files): Listener[] {
  return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => {
    const [, ...rows] = (files.read(path) ?? "").split("\n");
    return rows.flatMap((row) => {
      const [, local = "", , state, , , , , , inode = ""] = row.trim().split(/\s+/);
      const [address = "", port = ""] = local.split(":");
      return state === LISTENING ? [{ address: readAddress(address), port: Number.parseInt(port, 16), inode }] : [];
    });
  });
}

/** Words of 32 bits in the order of this machine's bytes (x64 and arm64: the least first). */
function readAddress(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)));
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped) return bytes.slice(12).join(".");
  const text = groups.map((group) => group.toString(16)).join(":");
  // RFC 5952: the longest run of zeros is left out.
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].toSorted((a, b) => b[0].length - a[0].length);
  const longest = runs[0]?.[0];
  return longest === undefined ? text : text.replace(longest, ":").replace(/^:(?!:)|(?<!:):$/g, "::");
}

/** What stands in the way of listening on these ports on every address; a port that nobody has is not in the answer. */
export function portsInUse(files: Files, ports: readonly number[]): PortUse[] {
  const all = listListeners(files);
  const uses = ports.flatMap((port) => {
    const listeners = all.filter((each) => each.port === port);
    return listeners.length === 0 ? [] : [{ port, listeners }];
  });
  const inodes = new Set(uses.flatMap(({ listeners }) => listeners.map(({ inode }) => inode)));
  const holders = inodes.size === 0 ? new Map<string, Holder[]>() : findHolders(files, inodes);
  return uses.map((use) => ({ ...use, holders: holdersOf(use.listeners, holders) }));
}

function holdersOf(listeners: readonly Listener[], holders: ReadonlyMap<string, readonly Holder[]>): Holder[] {
  const all = listeners.flatMap(({ inode }) => holders.get(inode) ?? []);
  return [...new Map(all.map((holder) => [holder.pid, holder])).values()].sort((a, b) => a.pid - b.pid);
}

function findHolders(files: Files, inodes: ReadonlySet<string>): Map<string, Holder[]> {
  const found = new Map<string, Holder[]>();
  const pids = files.list("/proc").filter((name) => /^\d+$/.test(name));
  for (const pid of pids.slice(0, PROCESSES_MAX)) {
    for (const fd of files.list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(files.link(`/proc/${pid}/fd/${fd}`) ?? "")?.[1];
      if (inode === undefined || !inodes.has(inode)) continue;
      const name = (files.read(`/proc/${pid}/comm`) ?? "?").trim();
      found.set(inode, [...(found.get(inode) ?? []), { pid: Number(pid), name }]);
    }
  }
  return found;
}

/** CAP_NET_BIND_SERVICE of capabilities(7). */
const BIND_SERVICE_BIT = 10n;

/** Ports below this one are for root, or for who has the capability (ip(7)). */
const FIRST_FREE_PORT = 1024;

export function mayListen(files: Files, uid: number, port: number): boolean {
  const first = Number.parseInt(files.read("/proc/sys/net/ipv4/ip_unprivileged_port_start") ?? "", 10);
  if (port >= (Number.isFinite(first) ? first : FIRST_FREE_PORT) || uid === 0) return true;
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(files.read("/proc/self/status") ?? "")?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> BIND_SERVICE_BIT) & 1n) === 1n;
}

/** The first port from `first` on that nobody listens on. */
export function freePortFrom(files: Files, first: number): number {
  const taken = new Set(listListeners(files).map(({ port }) => port));
  for (let port = first; ; port++) if (!taken.has(port)) return port;
}
