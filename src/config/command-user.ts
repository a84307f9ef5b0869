/** As whom a service or a timed command runs: `user` and `group` of its table, else those of its app. */
import { hasCapability } from "../os/capabilities.ts";
import type { AppConfig, CommandConfig } from "./config.ts";
import type { Place } from "./place.ts";
import { findGroup, findUser, memberships } from "./users.ts";

type CommandUser = CommandConfig["user"];

interface Written {
  readonly user: string | undefined;
  readonly group: string | undefined;
}

/** Undefined: as the server; or what is wrong was reported. */
export function resolveCommandUser(place: Place, { user, group }: Written, app: AppConfig | undefined): CommandUser {
  const written = user ?? (app?.process.user === undefined ? undefined : String(app.process.user.id));
  const gid = group === undefined ? app?.process.group : findGroup(group);
  const found = findUser(written ?? String(process.geteuid?.() ?? 0));
  if (found === undefined) refuse(place.into("user"), "user", written ?? "");
  if (group !== undefined && gid === undefined) return refuse(place.into("group"), "group", group);
  if (found === undefined || (written === undefined && gid === undefined)) return undefined;
  if (!needsChange(place.into(user === undefined ? "group" : "user"), found.id, gid)) return undefined;
  const own = user !== undefined && group === undefined ? found.group : (gid ?? found.group);
  // A number that has no entry has no group of its own either.
  const primary = own ?? found.id;
  const others = found.name === undefined ? [] : memberships(found.name);
  return { uid: found.id, gid: primary, groups: [...new Set([primary, ...others])] };
}

function refuse(place: Place, what: "user" | "group", written: string): undefined {
  const should = `should be a ${what} of this machine, by name or number`;
  place.wrong({ what: `names no ${what}: ${JSON.stringify(written)}`, should });
  return undefined;
}

/** False: as the server already is, or as it may not become, which is reported. */
function needsChange(place: Place, uid: number, gid: number | undefined): boolean {
  if (hasCapability("CAP_SETUID") && hasCapability("CAP_SETGID")) return true;
  if (uid === process.geteuid?.() && (gid === undefined || gid === process.getegid?.())) return false;
  const should = "should be left out, or the server started as root";
  place.wrong({ what: "needs root: only it may run programs as somebody else", should });
  return false;
}
