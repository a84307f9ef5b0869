/**
 * Whether a user reaches a path, component by component: to open `/home/deploy/site/static/a.css` one must be let through
 * every directory before it. The first one that refuses is what is to be mended (path_resolution(7)).
 */
import { dirname } from "node:path";
import { shellWord } from "../base/words.ts";
import type { FileState, Ground, Need, Serving } from "./ground.ts";

export interface Refused {
  /** The component that refuses. */
  readonly path: string;
  /** What it does not allow. */
  readonly need: Need;
  /** Undefined: there is nothing there. */
  readonly state: FileState | undefined;
}

const BITS: Readonly<Record<Need, number>> = { read: 4, write: 2, search: 1 };

/** Undefined: nothing is in the way. */
export async function refusalOf(
  ground: Ground,
  who: Serving,
  path: string,
  needs: readonly Need[],
): Promise<Refused | undefined> {
  for (const folder of foldersAbove(path)) {
    const refused = await refusalAt(ground, who, folder, "search");
    if (refused !== undefined) return refused;
  }
  for (const need of needs) {
    const refused = await refusalAt(ground, who, path, need);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** `/`, `/home`, `/home/deploy` of `/home/deploy/site`. */
function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [...foldersAbove(above), above];
}

async function refusalAt(ground: Ground, who: Serving, path: string, need: Need): Promise<Refused | undefined> {
  const state = ground.state(path);
  if (state === undefined) return { path, need, state };
  if (bitsAllow(state, who, need)) return undefined;
  return (await ground.kernelAllows(who, path, need)) === true ? undefined : { path, need, state };
}

/** Of owner, group and others the first that fits decides, also when a later one would allow more. */
export function bitsAllow({ mode, uid, gid }: FileState, who: Serving, need: Need): boolean {
  if (who.uid === 0) return true;
  const bit = BITS[need];
  if (uid === who.uid) return (mode & (bit << 6)) !== 0;
  return (mode & (who.gids.includes(gid) ? bit << 3 : bit)) !== 0;
}

/** The command that mends it, as narrow as it goes: a group that has the file already, or one user by a list of access. */
export function remedyFor({ path, need, state }: Refused, who: Serving): string {
  if (state === undefined) return `make ${path}, or name what is there`;
  // Who reads a directory wants what is in it.
  const letter = need === "read" ? (state.kind === "directory" ? "rx" : "r") : "x";
  if (need === "write")
    return `chown ${who.name} ${shellWord(path)}, or setfacl -m u:${who.name}:rwx ${shellWord(path)}`;
  return `chmod o+${letter} ${shellWord(path)}, or for this user alone: setfacl -m u:${who.name}:${letter} ${shellWord(path)}`;
}

export function describe({ state }: Refused, owners: (uid: number, gid: number) => string): string {
  if (state === undefined) return "does not exist";
  return `has mode ${state.mode.toString(8).padStart(3, "0")}, owner ${owners(state.uid, state.gid)}`;
}
