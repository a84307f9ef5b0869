/** As whom the server runs: what was written → users and groups of this machine. Who it becomes is master/privileges.ts. */
import type { Context } from "./context.ts";
import type { Section } from "./keys.ts";
import type { Place } from "./place.ts";
import type { PrivilegesConfig, ServerUser } from "./privileges-config.ts";
import type { SERVER } from "./schema.ts";
import { findGroup, findUser, memberships } from "./users.ts";

type Values = Section<typeof SERVER>["values"];

/** Says as run_as_root does that Python may be root. */
const ROOT_VARIABLE = "SERVER_RUN_AS_ROOT";

export function resolvePrivileges(place: Place, values: Values, context: Context): PrivilegesConfig {
  const user = resolveUser(place, values);
  return {
    user,
    umask: values.umask,
    runAsRoot: values.run_as_root || context.environment[ROOT_VARIABLE] === "1",
    noNewPrivileges: values.no_new_privileges ?? user !== undefined,
  };
}

/** Undefined: none is named; or what is wrong was reported. */
function resolveUser(place: Place, { user: written, group: writtenGroup }: Values): ServerUser | undefined {
  if (written === undefined) {
    if (writtenGroup !== undefined)
      place.into("group").wrongKey({ what: "stands without a user", should: "should have a `user` beside it" });
    return undefined;
  }
  const where = place.into("user");
  const found = findUser(written);
  const gid = writtenGroup === undefined ? found?.group : findGroup(writtenGroup);
  if (found === undefined)
    return void where.wrong({ what: `names ${written}`, should: "should be a user of this machine" });
  if (writtenGroup !== undefined && gid === undefined)
    return void place
      .into("group")
      .wrong({ what: `names ${writtenGroup}`, should: "should be a group of this machine" });
  if (gid === undefined)
    return void where.wrong({ what: "has no entry that names its group", should: "should have a `group` beside it" });
  if (found.id === 0)
    return void where.wrong({ what: "is root", should: "should be left out; run_as_root lets Python run as root" });
  const others = found.name === undefined ? [] : memberships(found.name);
  const user = { name: found.name, uid: found.id, gid, groups: [...new Set([gid, ...others])], home: found.home };
  remarkOnWhoStarts(where, written, user);
  return user;
}

/** nginx, too, only warns: the same file is checked and tried out by people who are not root. */
function remarkOnWhoStarts(place: Place, written: string, { uid }: ServerUser): void {
  const own = process.geteuid?.();
  if (own === 0 || own === uid) return;
  const should = "should be who starts the server, or the server started as root; it stays who it is";
  place.warn({ what: `names ${written}`, should });
}
