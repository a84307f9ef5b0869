/** The entry of the executable: words of the command line in, exit code out. */
import { basename } from "node:path";
import { runCli } from "./cli/cli.ts";
import { processTerminal } from "./cli/terminal.ts";
import { launchProgram, PROGRAM_WORD } from "./machine/launch-program.ts";
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
process.exit(LAUNCHERS.get(words[0] ?? "")?.() ?? (await runCli(words, processTerminal())));
