/**
 * What a systemd unit for a configuration has to know (unit.ts): as whom it runs, what it writes, which capabilities it
 * needs, what it must see. Reads the machine and changes nothing.
 */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Config, ListenAddress } from "../config/config.ts";
import { findGroup, findUser, memberships, type UserEntry } from "../config/users.ts";
import { firstMs } from "../master/companions.ts";
import { neededBy, readFiles } from "../master/privileges.ts";
import { STREAMS } from "../os/log-file.ts";
import type { UnitFacts } from "./unit.ts";
import { WEB_USERS } from "../machine/host.ts";
import { unitName } from "./unit.ts";

/** Below, a port needs CAP_NET_BIND_SERVICE (ip(7)). */
const UNPRIVILEGED_PORT = 1024;
const DESCRIPTORS_MIN = 65_536;
/** A proxied connection has two; and what is open beside. */
const DESCRIPTORS_PER_CONNECTION = 2;
const DESCRIPTORS_BESIDE = 4096;

const TEMPORARY = ["/tmp", "/var/tmp"];
const HOMES = ["/home", "/root", "/run/user"];
/** Of the configuration: not paths of this machine, or not what the server reads there. */
const NOT_PATHS: ReadonlySet<string> = new Set(["pattern", "match", "below", "candidates", "temporaryDirectory"]);

/** Of a mode. */
const [READ, WRITE, SEARCH] = [4, 2, 1] as const;
type Bit = typeof READ | typeof WRITE | typeof SEARCH;

export interface UnitWishes {
  readonly name: string;
  readonly user: UserEntry;
  readonly group: string | undefined;
  readonly environmentFile: string | undefined;
}

/** The name of the unit unless another is wished for: the project's directory. */
export function defaultUnitName(configFile: string): string {
  return unitName(basename(dirname(configFile))) ?? "server";
}

/** Undefined: nobody but root comes into question, and that is to be said by who asks. */
export function defaultUser(configFile: string): UserEntry | undefined {
  const owner = findUser(String(statSync(dirname(configFile)).uid));
  if (owner !== undefined && owner.id !== 0) return owner;
  return WEB_USERS.map((name) => findUser(name)).find((user) => user !== undefined);
}

/** What the environment of a unit has in common with that of no terminal; configurations are read with it. */
export function unitEnvironment(name: string, user: UserEntry): Record<string, string> {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
    LANG: "C.UTF-8",
    STATE_DIRECTORY: join("/var/lib", name),
    RUNTIME_DIRECTORY: join("/run", name),
    ...(user.name !== undefined && { USER: user.name, LOGNAME: user.name }),
    ...(user.home !== undefined && { HOME: user.home }),
  };
}

/** systemd.exec(5), EnvironmentFile=, without its escapes: only for what the configuration substitutes. A string is what is
 *  wrong. */
export function readEnvironmentFile(path: string): Record<string, string> | string {
  try {
    const lines = readFileSync(path, "utf8").split("\n");
    const pairs = lines.flatMap((line) => {
      const [, name, value = ""] = /^\s*([A-Za-z_]\w*)=(.*?)\s*$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value.replace(/^(["'])(.*)\1$/, "$2")] as const];
    });
    return Object.fromEntries(pairs);
  } catch (error) {
    return `the file of the environment cannot be read: ${(error as Error).message}`;
  }
}

/** `config` was read with `unitEnvironment`. */
export function unitFacts(config: Config, wishes: UnitWishes, systemdVersion: number | undefined): UnitFacts {
  const { name, user } = wishes;
  const capabilities = capabilitiesFor(config, wishes);
  const binary = realpathSync(process.execPath);
  const seen = [binary, ...pathsOf(config)];
  const runtime = join("/run", name);
  const others = writtenBy(config).filter((path) => !isBelow(path, runtime) && !isBelow(path, join("/var/lib", name)));
  return {
    ...wishes,
    user: user.name ?? String(user.id),
    binary,
    config: config.file,
    writable: [...new Set(others)].filter((path) => !TEMPORARY.some((each) => isBelow(path, each))).sort(),
    capabilities,
    usesHome: seen.some((path) => HOMES.some((home) => isBelow(path, home))),
    usesTemporary: seen.some((path) => TEMPORARY.some((each) => isBelow(path, each))),
    opensRuntimeDirectory: addressesOf(config).some((each) => each.kind === "unix" && isBelow(each.path, runtime)),
    hasUsers: capabilities.includes("CAP_SETUID"),
    startTimeoutMs: Math.max(0, ...config.apps.map((app) => app.startTimeoutMs)) + firstMs(config),
    drainTimeoutMs: config.server.drainTimeoutMs,
    descriptors: Math.max(
      DESCRIPTORS_MIN,
      config.server.limits.connectionsMax * DESCRIPTORS_PER_CONNECTION + DESCRIPTORS_BESIDE,
    ),
    systemdVersion,
  };
}

/** What the server would keep of root's rights (master/privileges.ts), without those that it does not need now. */
function capabilitiesFor(config: Config, { user, group }: UnitWishes): string[] {
  const needsPort = addressesOf(config).some((each) => each.kind === "tcp" && each.port < UNPRIVILEGED_PORT);
  const own = { uid: user.id, gid: (group === undefined ? user.group : findGroup(group)) ?? user.id };
  const readsAll = unreadable(readFiles(config), user).length === 0;
  return neededBy(config, own).filter(
    (each) => (each !== "CAP_NET_BIND_SERVICE" || needsPort) && (each !== "CAP_DAC_READ_SEARCH" || !readsAll),
  );
}

function addressesOf({ sites, apps, metrics }: Config): ListenAddress[] {
  return [
    ...sites.flatMap((site) => site.listen),
    ...apps.flatMap((app) => app.uwsgiSockets),
    ...(metrics === undefined ? [] : [metrics.address]),
  ];
}

/** Directories. Of projects the whole: uploads, an SQLite database, compiled modules. */
function writtenBy(config: Config): string[] {
  const { server, apps, services, crons } = config;
  return [
    ...apps.map((app) => app.root),
    ...[...services, ...crons].map((each) => each.cwd),
    ...[...logsOf(config), ...madeFiles(config)].map((path) => dirname(path)),
    server.stateDirectory,
    server.temporaryDirectory,
    ...cacheDirectories(config),
  ];
}

function logsOf({ server, sites }: Config): string[] {
  const logs = [server.errorLog, server.accessLog.path, ...sites.map((site) => site.accessLog.path)];
  return logs.filter((path) => !STREAMS.has(path));
}

/** At each start. */
function madeFiles(config: Config): string[] {
  const { server } = config;
  return [
    ...(server.pidFile === undefined ? [] : [server.pidFile]),
    ...(server.control.startsWith("/") ? [server.control] : []),
    ...addressesOf(config).flatMap((each) => (each.kind === "unix" ? [each.path] : [])),
  ];
}

function cacheDirectories({ sites }: Config): string[] {
  const targets = sites.flatMap((site) => site.routes.map((route) => route.target));
  return targets.flatMap((target) => {
    const cache = "cache" in target && !Array.isArray(target.cache) ? target.cache : undefined;
    return cache !== undefined && "disk" in cache && cache.disk !== undefined ? [cache.disk.directory] : [];
  });
}

/** Everything in it that may be a path, and what links lead to: an interpreter of a virtualenv is one. */
function pathsOf(value: unknown): string[] {
  if (typeof value === "string")
    return value.startsWith("/") && value.length > 1 && existsSync(value) ? real(value) : [];
  if (Array.isArray(value)) return value.flatMap(pathsOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => (NOT_PATHS.has(key) ? [] : pathsOf(each)));
}

function real(path: string): string[] {
  try {
    return [path, realpathSync(path)];
  } catch {
    return [path];
  }
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** The paths among `paths` that the user may not read, by the bits of their modes; of what has lists beside (acl(5)) that may
 *  be wrong, so it is only worth a remark. */
export function unreadable(paths: readonly string[], user: UserEntry): string[] {
  const groups = groupsOf(user);
  return paths.filter((path) => !mayReach(path, READ, user.id, groups));
}

/** … and those that it may not write, or, of what is not there yet, in which it may not make it. */
export function unwritable(paths: readonly string[], user: UserEntry): string[] {
  const groups = groupsOf(user);
  return [...new Set(paths.map(nearest))].filter((path) => !mayReach(path, WRITE, user.id, groups));
}

function nearest(path: string): string {
  return existsSync(path) || path === "/" ? path : nearest(dirname(path));
}

function groupsOf({ group, name = "" }: UserEntry): ReadonlySet<number> {
  return new Set([...(group === undefined ? [] : [group]), ...memberships(name)]);
}

function mayReach(path: string, bit: Bit, uid: number, groups: ReadonlySet<number>): boolean {
  try {
    const target = realpathSync(path);
    for (let folder = dirname(target); ; folder = dirname(folder)) {
      if (!may(folder, SEARCH, uid, groups)) return false;
      if (folder === "/") break;
    }
    return may(target, bit, uid, groups);
  } catch {
    return false;
  }
}

function may(path: string, bit: Bit, uid: number, groups: ReadonlySet<number>): boolean {
  if (uid === 0) return true;
  const { mode, uid: owner, gid } = statSync(path);
  const shift = owner === uid ? 6 : groups.has(gid) ? 3 : 0;
  return ((mode >> shift) & bit) !== 0;
}

/** What is written as the user of the unit `name`, beside what systemd makes for it. */
export function writesOf(config: Config, name: string): string[] {
  const paths = [...logsOf(config), ...madeFiles(config).map((path) => dirname(path)), ...cacheDirectories(config)];
  return paths.filter((path) => ![join("/run", name), join("/var/lib", name)].some((each) => isBelow(path, each)));
}

/** What is read and executed as the user of the unit, whatever its capabilities. */
export function readsOf({ apps }: Config): string[] {
  const own = apps.filter((app) => app.process.user === undefined);
  return [realpathSync(process.execPath), ...own.flatMap((app) => [app.root, app.python])];
}
