/** The schema of as whom the server runs. How to read it: schema.ts. */
import { byDefault, optional, type Schema } from "./keys.ts";
import { boolean, nonEmpty } from "./kinds.ts";
import { UMASK } from "./schema-app-process.ts";

export const PRIVILEGES = {
  user: optional(
    nonEmpty("the name or number of a user"),
    "who starts it",
    "As whom the server runs that is started as root, its Python processes and services included. Ports, log " +
      "files, and unix sockets in directories that only root may write, are opened before, and of root's rights only those are kept that this file needs at a reload, by the master alone; the log " +
      "says which. nginx: user, uWSGI: uid.",
  ),
  group: optional(
    nonEmpty("the name or number of a group"),
    "that of `user`",
    "Beside it the server is in the groups that list its user. uWSGI: gid.",
  ),
  umask: optional(
    UMASK,
    "as it is started",
    "What is taken from the modes of new files, by the server and by what it starts. uWSGI: umask.",
  ),
  run_as_root: byDefault(
    boolean,
    false,
    "Lets Python run as root: without it an app of a server that is root and has no `user` is refused, unless it listens on " +
      "loopback addresses and unix sockets alone; then it is warned of. A server without apps that is root is warned of, and not refused. The environment variable `SERVER_RUN_AS_ROOT=1` says " +
      "the same, for containers.",
  ),
  no_new_privileges: optional(
    boolean,
    "true with `user`, else as it is started",
    "Nothing that the server starts gains rights, as through sudo. systemd: NoNewPrivileges.",
  ),
} satisfies Schema;
