/** The entry of the executable: words of the command line in, exit code out. */
import { basename } from "node:path";
import { launchProgram, PROGRAM_WORD } from "./machine/launch-program.ts";
import { collectAlone } from "./os/collector.ts";
import { NAMES } from "./os/executable.ts";
import { launchPython, PYTHON_WORD } from "./apps/python-launch.ts";
import { LAUNCH_WORD, launchFromLeash } from "./services/launcher.ts";

/** What the server starts begins as this executable: no commands of the command line. */
const LAUNCHERS = new Map([
  [LAUNCH_WORD, launchFromLeash],
  [PYTHON_WORD, launchPython],
  [PROGRAM_WORD, launchProgram],
]);

const name = basename(process.argv0);
const words = NAMES.has(name) ? [name, ...process.argv.slice(2)] : process.argv.slice(2);
// What serves begins anew (os/collector.ts): before all else is read. That is 7 ms of 74 to the first file.
if (words[0] === "run") collectAlone();

const launch = LAUNCHERS.get(words[0] ?? "");
if (launch !== undefined) process.exit(launch());
const { processTerminal } = await import("./cli/terminal.ts");
const { runCli } = await import("./cli/cli.ts");
process.exit(await runCli(words, processTerminal()));
