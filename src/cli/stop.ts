/** `server stop`: lets the requests in flight finish, and returns when the server is gone. */
import { hasEnded } from "../os/process-state.ts";
import { CONFIG_OPTION, type Command, EXIT_FAILED, EXIT_OK } from "./command.ts";

/** Beside drain_timeout: for workers and services to end. */
const MARGIN_MS = 30_000;
const LOOK_MS = 20;

export const STOP: Command = {
  name: "stop",
  summary: "Stop a running server when its requests are finished",
  usage: "[-c FILE] [--now]",
  doc: "Requests in flight have drain_timeout. A server that is not gone half a minute later is killed, with all that it started.",
  options: {
    config: CONFIG_OPTION,
    now: { type: "boolean", short: "n", value: "", doc: "Cuts off what is in flight." },
  },
  positionalsMax: 0,
  async run(given, terminal) {
    const { configurationPath } = await import("./configuration.ts");
    const { ask, NoAnswer } = await import("./control-client.ts");
    const file = configurationPath(given, terminal);
    try {
      const { pid, drainTimeoutMs } = (await ask(
        file,
        { command: "stop", now: given.options["now"] === true },
        () => {},
      )) as Stopping;
      const isGone = await ended(pid, drainTimeoutMs + MARGIN_MS);
      if (!isGone) signal(pid, "SIGKILL");
      terminal.stdout(isGone ? `stopped, pid ${pid}\n` : `pid ${pid} did not end in time and was killed\n`);
      return isGone ? EXIT_OK : EXIT_FAILED;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      terminal.stderr(`server: ${error.message}\n`);
      return EXIT_FAILED;
    }
  },
};

interface Stopping {
  readonly pid: number;
  readonly drainTimeoutMs: number;
}

/** One whose parent does not ask how it ended stays in the table of processes: so in a container whose first process is a
 *  program that knows nothing of children. */
async function ended(pid: number, boundMs: number): Promise<boolean> {
  for (const until = performance.now() + boundMs; performance.now() < until; await Bun.sleep(LOOK_MS))
    if (!signal(pid, 0) || hasEnded(pid)) return true;
  return false;
}

/** False: there is no such process. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
