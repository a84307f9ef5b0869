/**
 * Root's rights, given up once everything is open that needs them, but for those that a reload needs:
 *
 *     CAP_NET_BIND_SERVICE              ports below 1024 that a reload brings
 *     CAP_DAC_READ_SEARCH               certificates, keys and the configuration itself, where the user may not read them
 *     CAP_SETUID, CAP_SETGID,           apps and services that have a user or a group of their own: to start them as that,
 *     CAP_KILL, CAP_CHOWN               to end them, to give them their pipes
 *     CAP_CHOWN, CAP_FOWNER             sockets with an owner
 *
 * A master that stays root, as nginx's, is a process of its own. Our fronts are threads of it, and threads that share memory
 * must not be of different users: whoever has one has all of them. So the whole process becomes the user, and the few rights
 * that are kept are those of the main thread alone, which serves no traffic; the fronts give them up at their start
 * (front/thread.ts), and what is executed does not inherit them (os/capabilities.ts). A server that systemd starts as a user
 * with some of these rights keeps them in the same way.
 *
 * Who is not root any more is not dumpable, either (prctl(2)): its own Python processes cannot look into its memory, where the
 * keys of the certificates are. That is left so.
 */
import { accessSync, chmodSync, constants, fchownSync, fstatSync, lchownSync, lstatSync } from "node:fs";
import { mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Log } from "../base/log.ts";
import type { AppConfig, Config } from "../config/config.ts";
import { isKept } from "../certificates/store.ts";
import { addressesOf, mayBeRoot } from "../config/reach.ts";
import type { ServerUser } from "../config/privileges-config.ts";
import { becomeUser, type Capability, gainNothingNew, keepOnly } from "../os/capabilities.ts";

const PRIVATE_MODE = 0o700;

/** Why each right is kept. */
const REASONS: Readonly<Record<Capability, string>> = {
  CAP_NET_BIND_SERVICE: "to bind ports below 1024 at a reload",
  CAP_DAC_READ_SEARCH: "to read files again that this user may not",
  CAP_SETUID: "to start processes of other users",
  CAP_SETGID: "to start processes of other groups",
  CAP_KILL: "to end processes of other users",
  CAP_CHOWN: "to give sockets and pipes to other users",
  CAP_FOWNER: "to change the modes of sockets of other users",
};

/** The process is who it is to be from here on. Files are opened and locked before. Throws OsError. True: it was root, and what it may do has
 *  changed. */
export function givePrivilegesUp(config: Config, log: Log): boolean {
  const { user, noNewPrivileges } = config.server;
  if (noNewPrivileges) gainNothingNew();
  const needed = neededBy(config, ownIdentity(config));
  if (process.geteuid?.() !== 0) {
    tell(keepOnly(needed), log);
    return false;
  }
  if (user === undefined) {
    remarkOnRoot(config, log);
    return false;
  }
  makeStateDirectory(config.server.stateDirectory, user, log);
  becomeUser(user, needed);
  takeEnvironment(user);
  // By now it shows whether the user may read them.
  const kept = keepOnly(needed.filter((each) => each !== "CAP_DAC_READ_SEARCH" || !readsAll(config)));
  const groups = user.groups.filter((group) => group !== user.gid);
  log.notice(
    `runs as ${user.name ?? `user ${user.uid}`} (uid ${user.uid}, gid ${user.gid}${groups.length === 0 ? "" : `, groups ${groups.join(", ")}`})`,
  );
  tell(kept, log);
  return true;
}

function tell(kept: readonly Capability[], log: Log): void {
  if (kept.length === 0) return;
  log.notice(`the main thread keeps ${kept.map((each) => `${each} (${REASONS[each]})`).join(", ")}`);
}

interface Own {
  readonly uid: number;
  readonly gid: number;
}

function ownIdentity({ server }: Config): Own {
  const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  return own.uid === 0 ? (server.user ?? own) : own;
}

/** All that this configuration may come to need in a server that runs as `own`. */
export function neededBy(config: Config, own: Own): Capability[] {
  const owned = addressesOf(config).some((each) => each.kind === "unix" && each.owner !== undefined);
  const others = hasOtherUsers(config, own);
  return [
    "CAP_NET_BIND_SERVICE",
    ...(readFiles(config).length === 0 ? [] : (["CAP_DAC_READ_SEARCH"] as const)),
    ...(others ? (["CAP_SETUID", "CAP_SETGID", "CAP_KILL"] as const) : []),
    ...(others || owned ? (["CAP_CHOWN"] as const) : []),
    ...(owned ? (["CAP_FOWNER"] as const) : []),
  ];
}

function hasOtherUsers({ apps, services, crons }: Config, { uid, gid }: Own): boolean {
  return (
    apps.some(({ process: { user, group } }) => (user?.id ?? uid) !== uid || (group ?? gid) !== gid) ||
    [...services, ...crons].some(({ user }) => user !== undefined && (user.uid !== uid || user.gid !== gid))
  );
}

/** Files that the master reads again. */
export function readFiles({ file, sites }: Config): string[] {
  const pairs = sites.flatMap(({ tls }) => (tls?.source.kind === "files" ? tls.source.pairs : []));
  return [file, ...pairs.flatMap(({ cert, key }) => [cert, key])];
}

/** access(2) knows no capability of who is not root. */
function readsAll(config: Config): boolean {
  try {
    for (const path of readFiles(config)) accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** As login does it for a user; what it starts is not at home where root is. */
function takeEnvironment({ name, home }: ServerUser): void {
  for (const [key, value] of Object.entries({ HOME: home, USER: name, LOGNAME: name })) {
    if (value === undefined) delete process.env[key];
    else process.env[key] = value;
  }
  // Root's.
  delete process.env["XDG_RUNTIME_DIR"];
}

/** Certificates of a time when the server was root are still its own; a directory in which more is was named by mistake. */
function makeStateDirectory(directory: string, user: ServerUser, log: Log): void {
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) {
    mkdirSync(directory, { mode: PRIVATE_MODE, recursive: true });
    chmodSync(directory, PRIVATE_MODE);
  }
  const found = lstatSync(directory);
  if (!found.isDirectory() || found.uid !== 0) return;
  const [other] = readdirSync(directory).filter((name) => !isKept(name));
  if (other === undefined) return giveTree(directory, user);
  log.warn(
    `server.state_directory: ${directory} is root's and has ${other} in it, which is not this server's: it stays root's, ` +
      `and certificates are not kept there; it should be a directory of its own, or ${user.name ?? `user ${user.uid}`}'s`,
  );
}

function giveTree(path: string, user: ServerUser): void {
  lchownSync(path, user.uid, user.gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveTree(join(path, name), user);
}

/** A file that root has made, or a log that was root's: the user is to open it again. Not one that has another name, too. */
export function giveFile(fd: number, { user }: Config["server"]): void {
  if (user === undefined || process.geteuid?.() !== 0) return;
  const found = fstatSync(fd);
  if (found.isFile() && found.uid === 0 && found.nlink === 1) fchownSync(fd, user.uid, user.gid);
}

/** Rotation makes new files beside them, and so does opening them anew after logrotate. */
export function remarkOnLogs(paths: readonly string[], log: Log): void {
  for (const directory of new Set(paths.map((path) => dirname(path)))) {
    try {
      accessSync(directory, constants.W_OK | constants.X_OK);
    } catch {
      log.warn(`${directory} is not this user's to write: log files there are neither rotated nor begun anew`);
    }
  }
}

/** Files and upstreams are served as root, as many a server does by its defaults; but not without a word. Of apps it is refused. */
function remarkOnRoot(config: Config, log: Log): void {
  if (mayBeRoot(config)) return;
  log.warn(
    "serves as root, and whoever finds a mistake in the server is root with it: " +
      'user = "www-data" in [server] names somebody with fewer rights; ' +
      "run_as_root = true, or SERVER_RUN_AS_ROOT=1 in the environment, says that root is meant",
  );
}

/** Undefined: nobody minds. */
export function refuseRoot(app: AppConfig, config: Config): string | undefined {
  const isRoot = (app.process.user?.id ?? process.geteuid?.()) === 0;
  if (!isRoot || mayBeRoot(config)) return undefined;
  return (
    `app ${app.name}: its Python would be root, and with it whoever finds a mistake in the project; ` +
    'user = "www-data", in [server] or in its own table, names somebody with fewer rights; ' +
    "run_as_root = true in [server], or SERVER_RUN_AS_ROOT=1 in the environment, says that root is meant"
  );
}
