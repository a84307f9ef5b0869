/**
 * `server restart`: a new process, of the binary and the configuration as they are now, takes over without losing a request. It
 * returns when that one answers all new connections, and says who is still there: replies of the old one may take their time.
 */
import { formatDuration } from "../base/units.ts";
import { CONFIG_OPTION, type Command, EXIT_FAILED, EXIT_OK } from "./command.ts";

export const RESTART: Command = {
  name: "restart",
  summary: "Hand over to a new process without losing a request",
  usage: "[-c FILE]",
  doc:
    "The new process is of the binary and the configuration as they are now, takes up the listening sockets and serves before " +
    "the old one finishes its requests. That has drain_timeout, and is not waited for; all connections that are made when the " +
    "command has returned are the new one's. If the new one cannot, the old one goes on, and the reason is shown with exit code 1.",
  options: { config: CONFIG_OPTION },
  positionalsMax: 0,
  async run(given, terminal) {
    const { configurationPath } = await import("./configuration.ts");
    const { ask, NoAnswer, printable } = await import("./control-client.ts");
    try {
      const request = { command: "restart" };
      const outcome = (await ask(configurationPath(given, terminal), request, () => {})) as Outcome;
      if (outcome.ok) terminal.stdout(takenOver(outcome));
      else
        terminal.stderr(printable(`${outcome.why}\nserver: the new process has not taken over; the old one goes on\n`));
      return outcome.ok ? EXIT_OK : EXIT_FAILED;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      terminal.stderr(`server: ${error.message}\n`);
      return EXIT_FAILED;
    }
  },
};

interface TakenOver {
  readonly ok: true;
  readonly pid: number;
  /** The old process. */
  readonly finishing: number;
  readonly drainTimeoutMs: number;
}

type Outcome = TakenOver | { readonly ok: false; readonly why: string };

function takenOver({ pid, finishing, drainTimeoutMs }: TakenOver): string {
  const bound = formatDuration(drainTimeoutMs);
  return `process ${pid} has taken over; process ${finishing} finishes the requests that it has, which may take ${bound}\n`;
}
