/** Upstreams and caches in `server status`, as people read them. Pure. */
import type { TrafficStatus, UpstreamServerStatus } from "../master/traffic-status.ts";

const WIDTH = 80;
const MIB = 1024 * 1024;

export function upstreamText({ name, servers }: TrafficStatus["upstreams"][number]): string {
  return ["", `upstream ${name}`, ...servers.flatMap(serverLines), ""].join("\n");
}

/** With a number where the front threads differ: how many of them. */
const STATES = { ready: "ready", marked: "failed of late", full: "full", out: "out" } as const;

function serverLines(server: UpstreamServerStatus): string[] {
  const { address, backup, active, idle, requests, failures, fronts } = server;
  const known = Object.entries(STATES).filter(([state]) => fronts[state as keyof typeof STATES] !== undefined);
  const words = known.map(([state, word]) =>
    known.length === 1 ? word : `${word} (${fronts[state as keyof typeof STATES]})`,
  );
  const role = backup ? " (backup)" : "";
  const standing = `  ${address}${role}: ${words.join(", ")}`;
  const counts = `${active} active, ${idle} idle, ${requests} requests, ${failures} failed`;
  const line = `${standing}; ${counts}`;
  return line.length <= WIDTH ? [line] : [standing.slice(0, WIDTH), `    ${counts}`];
}

export function cacheText(cache: TrafficStatus["caches"][number]): string {
  const { name, hits, misses, bypassed, entries, bytes, diskEntries, diskBytes } = cache;
  const disk = diskEntries === 0 ? "" : `, ${diskEntries} on disk (${mib(diskBytes)})`;
  return [
    "",
    `cache ${name}`.slice(0, WIDTH),
    `  ${entries} kept (${mib(bytes)})${disk}`,
    `  ${hits} hits, ${misses} misses, ${bypassed} past it`,
    "",
  ].join("\n");
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
