/** As whom and within which bounds the processes of an app run: what was written → what a worker does before it
 *  imports anything. What this server may not do, or does not find, is said here and not by a worker that dies. */
import { hasCapability } from "../os/capabilities.ts";
import type { ProcessConfig } from "./app-config.ts";
import { absolute, type Context } from "./context.ts";
import type { Section } from "./keys.ts";
import { requireDirectory } from "./paths.ts";
import type { Place } from "./place.ts";
import { type APP_PROCESS, RLIMITS, UNLIMITED } from "./schema-app-process.ts";
import { findGroup, findUser, hardLimit, type UserEntry } from "./users.ts";

type ProcessSection = Section<typeof APP_PROCESS>;

/** What is wrong was reported, and is left out. */
export function resolveProcess(section: ProcessSection, context: Context): ProcessConfig {
  const { values } = section;
  const folders = values.pythonpath.map((entry) => ({ place: entry.place, path: absolute(context, entry.value) }));
  return {
    ...resolveIdentity(section),
    umask: values.umask,
    pythonPath: folders.filter(({ place, path }) => requireDirectory(place, path)).map(({ path }) => path),
    limits: resolveLimits(values.limits),
  };
}

function resolveIdentity({ place, values }: ProcessSection): Pick<ProcessConfig, "user" | "group"> {
  const user = values.user === undefined ? undefined : resolveUser(place.into("user"), values.user);
  const group = values.group === undefined ? undefined : resolveGroup(place.into("group"), values.group);
  if (user !== undefined && user.group === undefined && values.group === undefined) {
    place.into("user").wrong({ what: "has no entry that names its group", should: "should have a `group` beside it" });
  }
  return { user: user && { name: user.name, id: user.id, home: user.home }, group: group ?? user?.group };
}

function resolveUser(place: Place, written: string): UserEntry | undefined {
  const found = findUser(written);
  if (found === undefined) {
    return void place.wrong({ what: `names ${written}`, should: "should be a user of this machine" });
  }
  const own = process.geteuid?.();
  if (own === found.id || hasCapability("CAP_SETUID")) return found;
  const should = "should be the user who runs the server, or the server should be started as root";
  return void place.wrong({ what: `names ${written}, and only root may run processes as somebody else`, should });
}

function resolveGroup(place: Place, written: string): number | undefined {
  const id = findGroup(written);
  if (id === undefined) {
    return void place.wrong({ what: `names ${written}`, should: "should be a group of this machine" });
  }
  if (process.getegid?.() === id || hasCapability("CAP_SETGID")) return id;
  const should = "should be the group of the server, or the server should be started as root";
  return void place.wrong({ what: `names ${written}, and only root may change the group`, should });
}

function resolveLimits(section: Section<typeof RLIMITS> | undefined): ProcessConfig["limits"] {
  if (section === undefined) return [];
  const names = Object.keys(RLIMITS) as (keyof typeof RLIMITS)[];
  return names.flatMap((name) => {
    const value = section.values[name];
    if (value === undefined || exceeds(section.place.into(name), name, value)) return [];
    return [{ name, value }];
  });
}

/** Only root may raise a hard limit. */
function exceeds(place: Place, name: keyof typeof RLIMITS, value: number): boolean {
  const hard = hardLimit(name);
  if (process.geteuid?.() === 0 || hard === undefined || (value !== UNLIMITED && value <= hard)) return false;
  const should = `should be ${hard} at most, which is the hard limit of this server, or that be raised (ulimit -H, systemd)`;
  place.wrong({ what: `is ${value === UNLIMITED ? "unlimited" : value}`, should });
  return true;
}
