/** The entry of the executable: words of the command line in, exit code out. */
import { runCli } from "./cli/cli.ts";
import { processTerminal } from "./cli/terminal.ts";
import { LAUNCH_WORD, launchFromLeash } from "./services/launcher.ts";

const [first] = process.argv.slice(2);
// What the server starts beside the apps begins as this executable: no command of the command line.
process.exit(first === LAUNCH_WORD ? launchFromLeash() : await runCli(process.argv.slice(2), processTerminal()));
