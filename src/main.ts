/** The entry of the executable: words of the command line in, exit code out. */
import { basename } from "node:path";
import { runCli } from "./cli/cli.ts";
import { processTerminal } from "./cli/terminal.ts";
import { NAMES } from "./os/executable.ts";
import { LAUNCH_WORD, launchFromLeash } from "./services/launcher.ts";

const name = basename(process.argv0);
const words = NAMES.has(name) ? [name, ...process.argv.slice(2)] : process.argv.slice(2);
// What the server starts beside the apps begins as this executable: no command of the command line.
process.exit(words[0] === LAUNCH_WORD ? launchFromLeash() : await runCli(words, processTerminal()));
