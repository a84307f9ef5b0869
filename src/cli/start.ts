/** `server start`: serves in the background, in a session of its own, and returns when it does; or says why it does not. */
import { closeSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { openToAppend } from "../os/log-file.ts";
import { OUTPUT_NAME } from "./background.ts";
import { CONFIG_OPTION, type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./command.ts";

/** Of the output of a server that did not start: its end. */
const LINES_SHOWN = 20;

export const START: Command = {
  name: "start",
  summary: "Serve in the background",
  usage: "[-c FILE] [--output FILE]",
  doc:
    "Returns when the server serves, with exit code 0, or says why it does not. Logs that the configuration sends to stdout or " +
    "stderr (as it does by default) go to the output file.",
  options: {
    config: CONFIG_OPTION,
    output: {
      type: "string",
      short: "o",
      value: "FILE",
      doc: `What the server prints; ${OUTPUT_NAME} beside the configuration unless given. It is rotated and opened anew as the logs are.`,
    },
  },
  positionalsMax: 0,
  async run(given, terminal) {
    const { configurationPath, readConfiguration } = await import("./configuration.ts");
    const { config } = readConfiguration(given, terminal);
    if (config === undefined) return EXIT_USAGE;
    const { Successor } = await import("../master/handover.ts");
    const { printable } = await import("./control-client.ts");
    const file = configurationPath(given, terminal);
    const written = given.options["output"];
    const path = typeof written === "string" ? resolve(terminal.folder, written) : join(dirname(file), OUTPUT_NAME);
    let output: number;
    try {
      output = openToAppend(path);
    } catch (error) {
      terminal.stderr(
        `server: the output cannot be written: ${(error as Error).message}; --output names another file\n`,
      );
      return EXIT_FAILED;
    }
    const server = new Successor({
      words: ["run", "-c", file],
      stdio: ["ignore", output, output],
      output: path,
      detached: true,
    });
    closeSync(output);
    const start = await server.start;
    if (!start.ok) {
      terminal.stderr(printable(`server: it does not start: ${start.why}\n${start.said ? "" : tail(path)}`));
      return EXIT_FAILED;
    }
    void server.go();
    terminal.stdout(`serving ${start.serving.join(", ")}, pid ${start.pid}; its output is in ${path}\n`);
    return EXIT_OK;
  },
};

function tail(path: string): string {
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return `The end of ${path}:\n${lines
    .slice(-LINES_SHOWN)
    .map((line) => `    ${line}\n`)
    .join("")}`;
}
