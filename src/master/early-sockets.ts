/**
 * Unix sockets in directories that root alone may write, such as /run: bound while the process is root, as nginx and uWSGI bind
 * theirs before they become somebody else, and given to the user. In any other directory the user binds them: nothing can be done
 * to others' files then by whoever puts links there. A file in a directory of root's is nobody's here to remove or to make anew
 * later, which is said.
 */
import { realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Log } from "../base/log.ts";
import type { Config, ListenAddress } from "../config/config.ts";
import { listenKey } from "../config/listen.ts";
import type { ServerUser } from "../config/privileges-config.ts";
import { addressesOf } from "../config/reach.ts";
import { closeDescriptor, listenUnix } from "../os/sockets.ts";
import { bindProblem } from "./bind-problem.ts";
import type { GivenListeners } from "./listeners.ts";

const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
/** chown(2) for -1. */
const AS_IT_IS = -1;

type UnixAddress = Extract<ListenAddress, { kind: "unix" }>;

/** `given`, or with what was bound. Throws an Error that names the setting and the remedy. */
export function bindAsRoot(config: Config, given: GivenListeners, log: Log): GivenListeners {
  const { user } = config.server;
  // Whoever gives sockets has bound what there is to bind.
  if (user === undefined || process.geteuid?.() !== 0 || given.fds.length > 0) return given;
  const bound = new Map<string, number>();
  for (const address of addressesOf(config)) {
    const key = listenKey(address);
    if (address.kind !== "unix" || bound.has(key) || !isRootsAlone(dirname(address.path))) continue;
    try {
      bound.set(key, bindFor(user, address));
    } catch (error) {
      for (const fd of bound.values()) closeDescriptor(fd);
      throw bindProblem("site.listen", address, error as Error);
    }
    log.notice(`${key} is made by root, who alone may write its directory: its file stays when the server has ended`);
  }
  const find: GivenListeners["find"] = (_, key) => {
    const fd = bound.get(key);
    return fd === undefined ? undefined : [fd];
  };
  return bound.size === 0 ? given : { fds: [...bound.values()], find, lent: false };
}

function bindFor(user: ServerUser, { path, mode, owner }: UnixAddress): number {
  const { uid = AS_IT_IS, gid = AS_IT_IS } = owner ?? {};
  return listenUnix(path, mode, { uid: uid === AS_IT_IS ? user.uid : uid, gid: gid === AS_IT_IS ? user.gid : gid });
}

/** Nobody else can put anything there, or another directory in its place. */
function isRootsAlone(directory: string): boolean {
  return [directory, realpathSync(directory)].every(
    (path) => isRoots(path, false) && ancestors(path).every((each) => isRoots(each, true)),
  );
}

/** In a sticky directory what is root's cannot be renamed by others. */
function isRoots(directory: string, mayBeSticky: boolean): boolean {
  const { uid, mode } = statSync(directory);
  return uid === 0 && ((mode & OTHERS_WRITE) === 0 || (mayBeSticky && (mode & STICKY) !== 0));
}

function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [parent, ...ancestors(parent)];
}
