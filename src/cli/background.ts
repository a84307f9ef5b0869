/** A server that goes to the background: this executable once more, detached, whose output goes to a log. */
import { closeSync } from "node:fs";
import { openToAppend } from "../os/log-file.ts";
import { EXIT_FAILED, EXIT_OK, type Terminal } from "./command.ts";

/** Where the output of `server start` is, beside the configuration, unless it is told otherwise. */
export const OUTPUT_NAME = "server.log";

/** Returns when it serves, unlike uWSGI and nginx, which leave before they know. `words` begin with the command. */
export async function goToBackground(words: readonly string[], log: string, terminal: Terminal): Promise<number> {
  const { Successor } = await import("../master/handover.ts");
  let output: number;
  try {
    output = openToAppend(log);
  } catch (error) {
    terminal.stderr(`server: the log cannot be written: ${(error as Error).message}\n`);
    return EXIT_FAILED;
  }
  const server = new Successor({ words, stdio: ["ignore", output, output], output: log, detached: true });
  closeSync(output);
  const start = await server.start;
  if (!start.ok) {
    terminal.stderr(`server: it does not start: ${start.why}; more is in ${log}\n`);
    return EXIT_FAILED;
  }
  void server.go();
  return EXIT_OK;
}
