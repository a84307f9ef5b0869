/** The entry of the executable: words of the command line in, exit code out. */
import { runCli } from "./cli/cli.ts";
import { processTerminal } from "./cli/terminal.ts";

process.exit(await runCli(process.argv.slice(2), processTerminal()));
