/** The command line: words → command → exit code. The commands know the terminal only through what they are given. */
import { parseArguments } from "./arguments.ts";
import { CACHE } from "./cache.ts";
import { CERT } from "./cert.ts";
import { CHECK } from "./check.ts";
import { type Command, EXIT_USAGE, type Terminal } from "./command.ts";
import { COMPLETION } from "./completion.ts";
import { CONFIG } from "./config.ts";
import { DEV } from "./dev.ts";
import { DOCTOR } from "./doctor.ts";
import { EXPLAIN } from "./explain.ts";
import { commandHelp, HELP, overview, unknownCommand } from "./help.ts";
import { FILES } from "./files.ts";
import { IMPORT } from "./import.ts";
import { LOGS } from "./logs.ts";
import { MAN } from "./man.ts";
import { NGINX } from "./nginx.ts";
import { isNginxOption } from "./nginx-options.ts";
import { PROXY } from "./proxy.ts";
import { RELOAD } from "./reload.ts";
import { RESTART } from "./restart.ts";
import { RUN } from "./run.ts";

import { SERVICE } from "./service.ts";
import { SETUP } from "./setup.ts";
import { START } from "./start.ts";
import { STATUS } from "./status.ts";
import { TOP } from "./top.ts";
import { STOP } from "./stop.ts";
import { UWSGI } from "./uwsgi.ts";
import { VERSION } from "./version.ts";

export const COMMANDS: readonly Command[] = [
  SETUP,
  DEV,
  RUN,
  START,
  STOP,
  RESTART,
  STATUS,
  TOP,
  RELOAD,
  LOGS,
  CACHE,
  CERT,
  CHECK,
  DOCTOR,
  CONFIG,
  EXPLAIN,
  SERVICE,
  FILES,
  PROXY,
  IMPORT,
  NGINX,
  UWSGI,
  COMPLETION,
  MAN,
  VERSION,
  HELP,
];

/** What everyone types before they know the commands. */
const ALIASES: Readonly<Record<string, string>> = {
  "--help": "help",
  "-h": "help",
  "--version": "version",
  "-V": "version",
};

export async function runCli(words: readonly string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = words;
  if (first === undefined) {
    terminal.stderr(overview(COMMANDS));
    return EXIT_USAGE;
  }
  if (isNginxOption(first)) return runCommand(NGINX, words, terminal);
  if (isUwsgiOption(first)) return runCommand(UWSGI, words, terminal);
  const name = Object.hasOwn(ALIASES, first) ? ALIASES[first] : first;
  const command = COMMANDS.find((each) => each.name === name);
  if (command !== undefined) return runCommand(command, rest, terminal);
  const isOption = first.startsWith("-");
  terminal.stderr(
    isOption ? `server: unknown option ${first}; a command comes first\n` : unknownCommand(first, COMMANDS),
  );
  terminal.stderr("server help shows the commands.\n");
  return EXIT_USAGE;
}

/** `server --ini uwsgi.ini`, `server --stop FILE`: the long options by which uWSGI is called most. */
const UWSGI_OPTION =
  /^--(?:ini|yaml|yml|xml|json|socket|uwsgi-socket|http|http-socket|module|wsgi-file|stop|reload)(?:=|$)/;

function isUwsgiOption(word: string): boolean {
  return UWSGI_OPTION.test(word);
}

async function runCommand(command: Command, words: readonly string[], terminal: Terminal): Promise<number> {
  if (command.raw === true) {
    return command.run({ options: {}, lists: {}, positionals: words, words, commands: COMMANDS }, terminal);
  }
  const given = parseArguments(words, command);
  if (typeof given === "string") {
    terminal.stderr(`server ${command.name}: ${given}\nserver help ${command.name} shows how it is used.\n`);
    return EXIT_USAGE;
  }
  if (given.options["help"] === true) {
    terminal.stdout(commandHelp(command));
    return 0;
  }
  return command.run({ ...given, words, commands: COMMANDS }, terminal);
}
