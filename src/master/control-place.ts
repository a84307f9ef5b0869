/**
 * Where the control socket of a configuration is: the server makes it there, and the commands find it there, from
 * nothing but the path of the file. Not here: what is said over it (control.ts).
 *
 *     DIRECTORY/HASH.sock     HASH: of the file's real path          DIRECTORY, the first that may be used:
 *     DIRECTORY/HASH.lock     held as long as the server lives         $RUNTIME_DIRECTORY/control (systemd), $XDG_RUNTIME_DIR/server,
 *                                                                      /run/user/UID/server, /run/server,
 *                                                                      /run/server-UID, /tmp/server-UID
 *
 * The directory is ours and nobody else may enter it: who could would put a socket of his own in its place.
 */
import { createHash } from "node:crypto";
import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

/** sun_path has 108 bytes, the last of them zero (unix(7)). */
const SOCKET_PATH_MAX = 107;
const PRIVATE_MODE = 0o700;
const OTHERS = 0o077;

/** `[server] control`: a path, or one of these. */
export const CONTROL_AUTO = "auto";
export const CONTROL_OFF = "off";

export interface ControlPlace {
  readonly socket: string;
  readonly lock: string;
}

export interface Whoever {
  readonly uid: number;
  /** Root makes the directory for somebody else, who is of this group. */
  readonly gid?: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function thisUser(): Whoever {
  return { uid: process.getuid?.() ?? 0, environment: process.env };
}

/** For the server: the place, its directory made where it is not there. A string says why there is none. */
export function makeControlPlace(configFile: string, control: string, who: Whoever): ControlPlace | string {
  if (control !== CONTROL_AUTO) return { socket: control, lock: `${control}.lock` };
  const refusals: string[] = [];
  for (const directory of directories(who)) {
    const place = placeIn(directory, configFile);
    const refusal = place.socket.length > SOCKET_PATH_MAX ? "its path is too long" : refuseDirectory(directory, who);
    if (refusal === undefined) return place;
    refusals.push(`${directory}: ${refusal}`);
  }
  return refusals.join("; ");
}

/** For a command: the sockets that may be the one of this configuration, the likeliest first. Only those that are there, in
 *  directories that nobody but their owner may enter. Root also finds those of other users. */
export function findControlSockets(configFile: string, control: string, who: Whoever): string[] {
  if (control !== CONTROL_AUTO) return existsSync(control) ? [control] : [];
  const owners = who.uid === 0 ? [who, ...otherUsers()] : [who];
  const own = owners.flatMap((owner) => directories(owner).filter((directory) => isPrivate(directory, owner.uid)));
  const found = [...own, ...unitDirectories(who)].map((directory) => placeIn(directory, configFile).socket);
  return [...new Set(found)].filter((socket) => existsSync(socket));
}

/** Of systemd's units: their $RUNTIME_DIRECTORY is known to the unit alone. */
function unitDirectories({ uid }: Whoever): string[] {
  return names("/run")
    .map((unit) => join("/run", unit, "control"))
    .filter((directory) => isPrivate(directory, uid) || (uid === 0 && isPrivate(directory, undefined)));
}

function placeIn(directory: string, configFile: string): ControlPlace {
  const hash = createHash("sha256").update(realPath(configFile)).digest("hex").slice(0, 16);
  return { socket: join(directory, `${hash}.sock`), lock: join(directory, `${hash}.lock`) };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // It was removed after the server has read it.
    return path;
  }
}

function directories({ uid, environment }: Whoever): string[] {
  const { RUNTIME_DIRECTORY, XDG_RUNTIME_DIR } = environment;
  const systemd = RUNTIME_DIRECTORY?.split(":")[0];
  const candidates = [
    systemd?.startsWith("/") === true ? join(systemd, "control") : undefined,
    XDG_RUNTIME_DIR?.startsWith("/") === true ? join(XDG_RUNTIME_DIR, "server") : undefined,
    `/run/user/${uid}/server`,
    uid === 0 ? "/run/server" : undefined,
    // Made by a server that was root and is that user from then on.
    `/run/server-${uid}`,
    `/tmp/server-${uid}`,
  ];
  return [...new Set(candidates.filter((directory) => directory !== undefined))];
}

/** Users whose runtime directories are there. */
function otherUsers(): Whoever[] {
  const uids = [
    ...names("/run").flatMap((name) => /^server-(\d+)$/.exec(name)?.[1] ?? []),
    ...names("/run/user").filter((name) => /^\d+$/.test(name)),
    ...names("/tmp").flatMap((name) => /^server-(\d+)$/.exec(name)?.[1] ?? []),
  ];
  return [...new Set(uids)].map((uid) => ({ uid: Number(uid), environment: {} }));
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function refuseDirectory(directory: string, { uid, gid }: Whoever): string | undefined {
  if (!existsSync(dirname(directory))) return `there is no ${dirname(directory)}`;
  try {
    mkdirSync(directory, { mode: PRIVATE_MODE });
    if (gid !== undefined) chownSync(directory, uid, gid);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== "EEXIST") return `cannot be made (${code ?? String(error)})`;
  }
  return isPrivate(directory, uid) ? undefined : "is not a directory that only its owner may enter";
}

/** `uid` undefined: whoever owns it. */
function isPrivate(directory: string, uid: number | undefined): boolean {
  const found = stateOf(directory);
  if (found === undefined || !found.isDirectory() || (found.mode & OTHERS) !== 0) return false;
  return uid === undefined || found.uid === uid;
}

function stateOf(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // below something that we may not enter, or that is no directory
    return undefined;
  }
}
