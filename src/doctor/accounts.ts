/** Users and groups of this machine, for permissions: who is who, and as whom things are served. */
import type { AppConfig, Config } from "../config/config.ts";
import { findUser, memberships } from "../config/users.ts";
import { accountOf } from "../machine/host.ts";
import type { Files, RunAs } from "../machine/surroundings.ts";
import type { Serving } from "./ground.ts";

/** `group` in place of the user's own. Undefined: there is no such user. */
export function servingAs(user: string, group?: number): Serving | undefined {
  const found = findUser(user);
  if (found === undefined) return undefined;
  const primary = group ?? found.group ?? found.id;
  const others = found.name === undefined ? [] : memberships(found.name);
  return { uid: found.id, gids: [primary, ...others.filter((each) => each !== primary)], name: found.name ?? user };
}

/** Of a process that runs (proc(5)). */
export function servingOf(files: Files, pid: number | "self"): Serving | undefined {
  const status = files.read(`/proc/${pid}/status`) ?? "";
  // Real, effective, saved, file system: what opens files is the last.
  const ids = (name: string) =>
    (new RegExp(String.raw`^${name}:\s*(.*)$`, "m").exec(status)?.[1] ?? "").trim().split(/\s+/);
  const uid = ids("Uid")[3];
  const gid = ids("Gid")[3];
  if (uid === undefined || gid === undefined) return undefined;
  const groups = ids("Groups").filter((each) => each !== "" && each !== gid);
  return { uid: Number(uid), gids: [gid, ...groups].map(Number), name: findUser(uid)?.name ?? uid };
}

/** As whom a server would run that we start. */
export function whoServes({ user }: Config["server"], files: Files): Serving | undefined {
  const isOther = process.geteuid?.() === 0 && user !== undefined;
  if (isOther) return { uid: user.uid, gids: [user.gid, ...user.groups], name: user.name ?? String(user.uid) };
  return servingOf(files, "self") ?? servingAs(String(process.geteuid?.() ?? 0));
}

/** As whom the Python processes of an app run. */
export function servingApp(app: AppConfig, server: Serving): Serving {
  const { user, group } = app.process;
  if (user === undefined && group === undefined) return server;
  const named = user === undefined ? undefined : servingAs(user.name ?? String(user.id), group);
  return named ?? { ...server, gids: [group ?? server.gids[0] ?? 0, ...server.gids.slice(1)] };
}

/** For root, as whom a project's code is run, so that it does and makes nothing as root; undefined for ourselves. */
export function lessThanRoot(files: Files, uid: number, gid: number): RunAs | undefined {
  if (process.geteuid?.() !== 0 || uid === 0) return undefined;
  const { name, home = "/" } = accountOf(files, uid);
  return { uid, gid, name, home };
}

/** The same of who serves, with all its groups. */
export function startedAs(files: Files, { uid, gids }: Serving): RunAs | undefined {
  const as = lessThanRoot(files, uid, gids[0] ?? uid);
  return as && { ...as, groups: gids };
}

/** `deploy:www-data` */
export function ownerName(files: Files, uid: number, gid: number): string {
  const rows = (files.read("/etc/group") ?? "").split("\n").map((line) => line.split(":"));
  const group = rows.find(([, , id]) => id === String(gid))?.[0] ?? String(gid);
  return `${findUser(String(uid))?.name ?? uid}:${group}`;
}
