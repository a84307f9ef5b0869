/** As whom the server runs, in the configuration. */

/** A user of this machine; `name` and `home` undefined: a number without an entry in its list of users. */
export interface ServerUser {
  readonly name: string | undefined;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary; the primary one is among them. */
  readonly groups: readonly number[];
  readonly home: string | undefined;
}

export interface PrivilegesConfig {
  /** Whom a server becomes that is started as root. Undefined: who starts it. */
  readonly user: ServerUser | undefined;
  /** Of the server, and of what it starts unless that has its own; undefined: as it is started. */
  readonly umask: number | undefined;
  /** Python may run as root. */
  readonly runAsRoot: boolean;
  /** Programs that it starts gain no rights by being set-user-ID (PR_SET_NO_NEW_PRIVS, prctl(2)). */
  readonly noNewPrivileges: boolean;
}
