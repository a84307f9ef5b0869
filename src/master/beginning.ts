/**
 * What a server does before anything is started, in this order: it opens its logs, makes certain that no other server has this
 * configuration, binds what only root may (early-sockets.ts), and becomes who it is to be (privileges.ts). What was read as root is read again by who it is then:
 * whatever a later reload would not be able to read is said now.
 */
import type { Config } from "../config/config.ts";
import { formatProblems } from "../config/problems.ts";
import { ControlHold } from "./control-hold.ts";
import { bindAsRoot } from "./early-sockets.ts";
import { givenListeners } from "./given-listeners.ts";
import type { GivenListeners } from "./listeners.ts";
import { Logs } from "./logs.ts";
import { givePrivilegesUp, remarkOnLogs } from "./privileges.ts";
import { readFileOf, type RunOptions } from "./run-options.ts";

export interface Beginning {
  readonly config: Config;
  readonly logs: Logs;
  /** The caller's to release. */
  readonly hold: ControlHold;
  /** Listening sockets that are there already. */
  readonly given: GivenListeners;
}

/** Throws with what is wrong in the message. */
export function begin(written: Config, { inheritance, read = readFileOf(written) }: RunOptions): Beginning {
  if (written.server.umask !== undefined) process.umask(written.server.umask);
  const logs = new Logs(written, inheritance?.output);
  const held = inheritance?.upgrade === true ? inheritance.locks : undefined;
  const hold = ControlHold.acquire(written, logs.logFor("control"), held);
  try {
    const log = logs.logFor("master");
    const given = bindAsRoot(written, givenListeners(inheritance, process.env), log);
    if (!givePrivilegesUp(written, log)) return { config: written, logs, hold, given };
    remarkOnLogs(
      logs.files.map(({ path }) => path),
      log,
    );
    return { config: readAgain(written, read), logs, hold, given };
  } catch (error) {
    hold.release();
    throw error;
  }
}

function readAgain({ server }: Config, read: NonNullable<RunOptions["read"]>): Config {
  const { config, problems } = read();
  if (config !== undefined) return config;
  const errors = problems.filter(({ severity }) => severity === "error");
  const who = server.user?.name ?? String(server.user?.uid);
  throw new Error(`as user ${who} it cannot serve:\n${formatProblems(errors, { colour: false }).trimEnd()}`);
}
