/** What stands around a target about which the configuration says nothing. */
export const NO_GUARDS = {
  access: [],
  limits: [],
  auth: undefined,
  authRequest: undefined,
  satisfy: "all" as const,
  errorPages: [],
  intercept: false,
};

/** … and no rules before it. */
export const UNGUARDED = { guards: NO_GUARDS, rules: [] };

/** [server] without a word of who it is. */
export const UNPRIVILEGED = { user: undefined, umask: undefined, runAsRoot: false, noNewPrivileges: false };
