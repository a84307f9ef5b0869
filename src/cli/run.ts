/**
 * `server run`: loads the configuration and serves in the foreground until it is told to stop. With --app or --files there is
 * no file (run-app.ts).
 */
import { CONFIG_OPTION, type Command, EXIT_USAGE, type Given, type Option, type Terminal } from "./command.ts";
import { DOMAIN_OPTION, LISTEN_OPTION, PRINT_OPTION, USER_OPTION } from "./quick-options.ts";

const text = (short: string, value: string, doc: string): Option => ({ type: "string", short, value, doc });

/** Those that are for a server without a file. */
const WITHOUT_FILE = {
  app: text("a", "MODULE:CALLABLE", "Serves this WSGI application of this folder: mysite.wsgi:application."),
  files: {
    ...text("f", "PATH=DIR", "Serves a directory or a file: /static/=static; several times."),
    multiple: true,
  },
  listen: LISTEN_OPTION,
  domain: DOMAIN_OPTION,
  python: text("P", "PYTHON", "The virtualenv or interpreter of the application."),
  processes: text("n", "NUMBER", "Of the application; one for each core unless given."),
  threads: text("t", "NUMBER", "Of each process."),
  user: USER_OPTION,
  print: PRINT_OPTION,
} as const satisfies Readonly<Record<string, Option>>;

export const RUN: Command = {
  name: "run",
  summary: "Serve in the foreground",
  usage: "[-c FILE] | --app MODULE:CALLABLE [--files PATH=DIR]… [--listen ADDRESS]… [--domain NAME]… [--print]",
  doc:
    "Serves until TERM or INT, then finishes the requests in flight; a second signal stops at once. HUP reads the configuration " +
    "and loads the code of all apps anew, USR2 hands over to a process of the binary as it is now. With --app or --files " +
    "there is no file: server status, stop and logs in this folder find it all the same.",
  options: { config: CONFIG_OPTION, ...WITHOUT_FILE },
  positionalsMax: 0,
  async run(given, terminal) {
    const isGiven = (name: string) => given.options[name] !== undefined || given.lists[name] !== undefined;
    if (isGiven("app") || isGiven("files")) {
      const { runApp } = await import("./run-app.ts");
      return runApp(given, terminal);
    }
    const lonely = Object.keys(WITHOUT_FILE).find(isGiven);
    if (lonely === undefined) return runFile(given, terminal);
    terminal.stderr(`server run: --${lonely} belongs to --app or --files\nserver help run shows how it is used.\n`);
    return EXIT_USAGE;
  },
};

async function runFile(given: Given, terminal: Terminal): Promise<number> {
  // Imported only here: version and help start without loading the reader of configurations, or the server.
  const { Inheritance } = await import("../master/handover.ts");
  const inheritance = Inheritance.take();
  const { readConfiguration } = await import("./configuration.ts");
  let said = "";
  const stderr = (line: string) => {
    said += line;
    terminal.stderr(line);
  };
  const { config } = readConfiguration(given, { ...terminal, stderr });
  if (config === undefined) {
    inheritance?.failedToStart(said.trimEnd());
    return EXIT_USAGE;
  }
  const { runMaster } = await import("../master/master.ts");
  return runMaster(config, { inheritance, successor: ["run", "-c", config.file] });
}
