/**
 * `server -t`, `server -c nginx.conf`, and this executable under the name `nginx`: takes nginx's command line and serves what
 * its file says. What has no counterpart here and would make a difference fails the test and the start.
 */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { version } from "../../package.json";
import type { Loaded } from "../config/load.ts";
import type { NginxRun } from "../import/nginx/run.ts";
import { goToBackground } from "./background.ts";
import { type Command, EXIT_FAILED, EXIT_OK, type Given, type Terminal } from "./command.ts";
import { CONFIGURE_ARGUMENTS, NGINX_USAGE, type NginxOptions, readNginxOptions } from "./nginx-options.ts";

/** What nginx's own -s sends. */
const SIGNALS: Readonly<Record<string, NodeJS.Signals>> = {
  stop: "SIGTERM",
  quit: "SIGQUIT",
  reload: "SIGHUP",
  reopen: "SIGUSR1",
};

const FILE = "/etc/nginx/nginx.conf";

export const NGINX: Command = {
  name: "nginx",
  summary: "Serve, or test, what an nginx.conf says",
  usage: "[-tTqvVh] [-c FILE] [-p PREFIX] [-g DIRECTIVES] [-e FILE] [-s SIGNAL]",
  doc:
    "Takes nginx's own options. Also: server -t, server -c nginx.conf, or this executable under the name nginx. -c takes a " +
    "server.toml, too. What cannot be carried over is named, and the server does not start; server import writes a server.toml.",
  options: {},
  positionalsMax: 0,
  raw: true,
  async run({ positionals: words }, terminal) {
    const options = readNginxOptions(words);
    if (typeof options === "string") return complain(terminal, options);
    if (options.help || options.version || options.details) {
      terminal.stderr(about(options));
      return EXIT_OK;
    }
    const file = fileOf(options, terminal.folder);
    if (file.endsWith(".toml")) return runToml(file, options, words, terminal);
    return runConf(file, options, words, terminal);
  },
};

/** As nginx has it: to stderr, beginning with the version. */
function about({ help, details }: NginxOptions): string {
  const head = `nginx version: server/${version}\n`;
  if (help) return `${head}${NGINX_USAGE}\n`;
  if (!details) return head;
  return `${head}built with Bun ${process.versions["bun"]}\nTLS SNI support enabled\nconfigure arguments: ${CONFIGURE_ARGUMENTS}\n`;
}

function complain(terminal: Terminal, what: string): number {
  terminal.stderr(`nginx: ${what}\n`);
  return EXIT_FAILED;
}

/** Relative to the prefix, where one is said. Packages have theirs in /etc, whatever the prefix; what was built into a
 *  folder of its own has it there. */
function fileOf({ file, prefix }: NginxOptions, folder: string): string {
  const base = prefix === undefined ? folder : resolve(folder, prefix);
  if (file !== undefined) return resolve(base, file);
  const own = resolve(base, "conf/nginx.conf");
  return prefix !== undefined && existsSync(own) ? own : FILE;
}

/** `-c server.toml`: our own commands. */
async function runToml(
  file: string,
  { test, signal }: NginxOptions,
  words: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const given: Given = { options: { config: file }, lists: {}, positionals: [], words, commands: [] };
  if (signal !== undefined) return signalToml(signal, given, terminal);
  const { CHECK } = await import("./check.ts");
  const { RUN } = await import("./run.ts");
  return (test ? CHECK : RUN).run(given, terminal);
}

/** Our own commands find the server by its file. */
async function signalToml(signal: string, given: Given, terminal: Terminal): Promise<number> {
  switch (signal) {
    case "stop":
    case "quit": {
      const { STOP } = await import("./stop.ts");
      const now = signal === "stop" ? { now: true as const } : {};
      return STOP.run({ ...given, options: { ...given.options, ...now } }, terminal);
    }
    case "reload": {
      const { RELOAD } = await import("./reload.ts");
      return RELOAD.run({ ...given, lists: { app: [], service: [] } }, terminal);
    }
    case "reopen": {
      const { LOGS } = await import("./logs.ts");
      return LOGS.run({ ...given, positionals: ["reopen"] }, terminal);
    }
    default:
      return complain(terminal, `invalid option: "-s ${signal}"`);
  }
}

async function runConf(
  file: string,
  options: NginxOptions,
  words: readonly string[],
  terminal: Terminal,
): Promise<number> {
  if (!existsSync(file)) {
    const code = complain(terminal, `[emerg] open() "${file}" failed (2: No such file or directory)`);
    return options.test ? complain(terminal, `configuration file ${file} test failed`) : code;
  }
  if (!options.test && options.signal === undefined) {
    const { collectAlone } = await import("../os/collector.ts");
    collectAlone();
  }
  const { Inheritance } = await import("../master/handover.ts");
  // Somebody waits for this process: it is the one in the background, or takes the place of another.
  const inheritance = Inheritance.take();
  const { prepareNginx } = await import("../import/nginx/run.ts");
  const { loadPlanText, problemsOf } = await import("../import/load.ts");
  const { SourceFile } = await import("../import/source.ts");
  const { folder, environment } = terminal;
  const prefix = options.prefix === undefined ? undefined : resolve(folder, options.prefix);
  const errorLog = options.errorLog === undefined ? undefined : resolve(prefix ?? folder, options.errorLog);
  const prepare = () => {
    const source = new SourceFile(file, file, readFileSync(file, "utf8"));
    return prepareNginx(source, { prefix, global: options.global, errorLog }, environment);
  };
  const load = (run: NginxRun): Loaded =>
    run.changesMeaning
      ? { config: undefined, problems: problemsOf(run.findings) }
      : loadPlanText(file, run.toml, environment);
  const run = prepare();
  const { signal } = options;
  // A file that cannot be loaded anew is told of here, as nginx does it.
  if (signal !== undefined && signal !== "reload") return sendSignal(signal, run.pidFile, terminal);
  const { config, problems } = load(run);
  const { formatProblems } = await import("../config/problems.ts");
  const said = formatProblems(problems, { colour: terminal.colour.stderr });
  if (signal === undefined || config === undefined) terminal.stderr(said);
  if (signal !== undefined && config !== undefined) return sendSignal(signal, run.pidFile, terminal);
  if (options.test) return tellTest(file, config !== undefined, run, options, terminal);
  if (config === undefined) {
    inheritance?.failedToStart(said.trimEnd());
    const what = signal === undefined ? "nothing is started" : "nothing is changed";
    return complain(terminal, `[emerg] ${file} cannot be served; ${what}`);
  }
  const successor = ["nginx", ...words];
  if (run.daemon && inheritance === undefined) {
    return goToBackground(successor, run.errorLog ?? "/dev/null", terminal);
  }
  const { runMaster } = await import("../master/master.ts");
  return runMaster(config, { read: () => load(prepare()), inheritance, successor });
}

function tellTest(
  file: string,
  isGood: boolean,
  run: NginxRun,
  { dump, quiet }: NginxOptions,
  terminal: Terminal,
): number {
  if (!isGood) return complain(terminal, `configuration file ${file} test failed`);
  if (!quiet) {
    terminal.stderr(
      `nginx: the configuration file ${file} syntax is ok\nnginx: configuration file ${file} test is successful\n`,
    );
  }
  if (dump) for (const { path, text } of run.files) terminal.stdout(`# configuration file ${path}:\n${text}\n`);
  return EXIT_OK;
}

/** To whoever wrote the pid file: this server or nginx. */
function sendSignal(name: string, pidFile: string, terminal: Terminal): number {
  const signal = Object.hasOwn(SIGNALS, name) ? SIGNALS[name] : undefined;
  if (signal === undefined) return complain(terminal, `invalid option: "-s ${name}"`);
  let pid = 0;
  try {
    pid = Number(readFileSync(pidFile, "utf8").trim());
  } catch {
    return complain(terminal, `[error] open() "${pidFile}" failed (2: No such file or directory)`);
  }
  if (!Number.isInteger(pid) || pid < 2) return complain(terminal, `[error] invalid PID number in "${pidFile}"`);
  try {
    process.kill(pid, signal);
    return EXIT_OK;
  } catch {
    return complain(terminal, `[alert] kill(${pid}, ${signal.slice(3)}) failed (3: No such process)`);
  }
}
