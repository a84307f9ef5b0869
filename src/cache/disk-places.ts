/**
 * Where in a configured directory the files of which cache are. Each has a directory of its own, so that nobody else writes to
 * it: one for a server (by its configuration), in it one for a front, in it one for a route.
 *
 *   DIRECTORY/server-cache-HASH/front-0/HASH/
 */
import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";

export interface DiskOwner {
  /** The configuration file of the server. */
  readonly server: string;
  readonly front: number;
}

export function diskPlace(directory: string, { server, front }: DiskOwner, name: string): string {
  return `${directory}/server-cache-${hash(server)}/front-${front}/${hash(name)}`;
}

function hash(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 16);
}

/** Removes what routes and fronts left that there are no longer. `used`: all places of one front. */
export async function removeUnused(used: readonly string[], fronts: number): Promise<void> {
  for (const front of new Set(used.map((place) => dirname(place)))) {
    const names = new Set(used.filter((place) => dirname(place) === front).map((place) => basename(place)));
    await removeOthers(front, (name) => !/^[0-9a-f]{16}$/.test(name) || names.has(name));
    if (!front.endsWith("/front-0")) continue;
    await removeOthers(dirname(front), (name) => Number(/^front-(\d+)$/.exec(name)?.[1] ?? 0) < fronts);
  }
}

async function removeOthers(directory: string, stays: (name: string) => boolean): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names)
    if (!stays(name)) await rm(`${directory}/${name}`, { recursive: true, force: true }).catch(() => {});
}
