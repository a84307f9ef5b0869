/**
 * `server uwsgi …`, `server --ini uwsgi.ini`, and this executable under the name `uwsgi`: takes uWSGI's command line and
 * files and serves what they say, with uWSGI's words at the start and its pid files. What has no counterpart here and
 * would make a difference is an error at the start, unless the first word is --partial.
 *
 * TERM ends it. uWSGI without die-on-term reloads on TERM, which no supervisor expects; and `--stop` sends INT, `--reload`
 * HUP, which mean the same to uWSGI and to us, so that either may be told by either.
 */
import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { version } from "../../package.json";
import type { Config } from "../config/config.ts";
import type { Loaded } from "../config/load.ts";
import type { UwsgiRun } from "../import/uwsgi/run.ts";
import type { RunOptions } from "../master/run-options.ts";
import { goToBackground } from "./background.ts";
import { type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, type Terminal } from "./command.ts";
import { pidIn } from "../os/lock-file.ts";
import { isAlive } from "../os/process-state.ts";

const PARTIAL = "--partial";

/** What uWSGI sends to the process of a pid file. */
const SIGNALS: Readonly<Record<string, NodeJS.Signals>> = { "--stop": "SIGINT", "--reload": "SIGHUP" };

export const UWSGI: Command = {
  name: "uwsgi",
  summary: "Serve what a uwsgi.ini, or uWSGI's options, say",
  usage: "[--partial] --ini uwsgi.ini | OPTIONS | --stop PIDFILE | --reload PIDFILE",
  doc:
    "Takes uWSGI's own options and files. Also: server --ini uwsgi.ini, or this executable under the name uwsgi. What cannot " +
    "be carried over is named, and the server does not start, unless --partial comes first; server import writes a " +
    "server.toml instead.",
  options: {},
  positionalsMax: 0,
  raw: true,
  async run({ positionals: words }, terminal) {
    const asked = words.find((word) => word === "--version" || word === "--help" || word === "-h");
    if (asked === "--version") return say(terminal, `${version}\n`);
    if (asked !== undefined) return say(terminal, await help());
    if (words.length === 0) {
      terminal.stderr(await help());
      return EXIT_FAILED;
    }
    const signal = signalled(words);
    if (signal !== undefined) return signalPidFile(signal.file, signal.signal, terminal);
    return start(words, terminal);
  },
};

async function start(words: readonly string[], terminal: Terminal): Promise<number> {
  const { collectAlone } = await import("../os/collector.ts");
  collectAlone();
  const { Inheritance } = await import("../master/handover.ts");
  // Somebody waits for this process: it is the one in the background.
  const inheritance = Inheritance.take();
  const { prepareRun } = await import("../import/uwsgi/run.ts");
  const { loadPlanText, problemsOf } = await import("../import/load.ts");
  const isPartial = words[0] === PARTIAL;
  const { folder, environment } = terminal;
  const prepare = () => prepareRun(isPartial ? words.slice(1) : words, folder, environment, process.execPath);
  // As root uWSGI only warns, and so does the app.
  const asRoot = { ...environment, SERVER_RUN_AS_ROOT: "1" };
  const load = (run: UwsgiRun): Loaded => {
    if (run.changesMeaning && !isPartial) return { config: undefined, problems: problemsOf(run.findings) };
    return loadPlanText(run.file ?? join(folder, "uwsgi"), run.toml, asRoot);
  };
  const run = prepare();
  if (inheritance === undefined) await tell(run, terminal);
  if (run.changesMeaning && !isPartial) {
    terminal.stderr(
      `server: not all of it can be carried over, so nothing is started; ${PARTIAL} as the first word starts the rest\n`,
    );
    inheritance?.failedToStart("not all of it can be carried over");
    return EXIT_FAILED;
  }
  const { config, problems } = load(run);
  const { formatProblems } = await import("../config/problems.ts");
  const said = formatProblems(problems, { colour: terminal.colour.stderr });
  terminal.stderr(said);
  if (config === undefined) {
    inheritance?.failedToStart(said.trimEnd());
    return EXIT_USAGE;
  }
  const successor = ["uwsgi", ...words];
  if (run.daemonize !== undefined && inheritance === undefined)
    return goToBackground(successor, run.daemonize, terminal);
  return serve(run, config, { read: () => load(prepare()), inheritance, successor }, terminal);
}

function say(terminal: Terminal, text: string): number {
  terminal.stdout(text);
  return EXIT_OK;
}

async function help(): Promise<string> {
  const { commandHelp } = await import("./help.ts");
  return commandHelp(UWSGI);
}

function signalled(words: readonly string[]): { signal: NodeJS.Signals; file: string } | undefined {
  for (const [index, word] of words.entries()) {
    const [name = "", value] = word.split(/=(.*)/s);
    const signal = Object.hasOwn(SIGNALS, name) ? SIGNALS[name] : undefined;
    if (signal !== undefined) return { signal, file: value ?? words[index + 1] ?? "" };
  }
  return undefined;
}

/** Any server that wrote its number there: ours or uWSGI's. */
function signalPidFile(file: string, signal: NodeJS.Signals, terminal: Terminal): number {
  try {
    const pid = Number(readFileSync(resolve(terminal.folder, file), "utf8").trim());
    if (!Number.isInteger(pid) || pid < 2) throw new Error("there is no number of a process in it");
    process.kill(pid, signal);
    return EXIT_OK;
  } catch (error) {
    const code = (error as { code?: string }).code;
    const why =
      code === "ESRCH"
        ? "that process is gone"
        : code === "ENOENT"
          ? "there is no such file"
          : String((error as Error).message);
    terminal.stderr(`server: ${signal} was not sent to the process of ${file}: ${why}\n`);
    return EXIT_FAILED;
  }
}

/** What was read, as uWSGI says it, and what of it needs a word. */
async function tell(run: UwsgiRun, terminal: Terminal): Promise<void> {
  const { formatFindings } = await import("../import/report.ts");
  const loud = run.findings.filter(({ verdict }) => ["not-supported", "no-effect-there", "error"].includes(verdict));
  terminal.stderr(run.read.map((line) => `${line}\n`).join(""));
  terminal.stderr(formatFindings(loud, { colour: terminal.colour.stderr }));
}

/** As uWSGI begins: in the background, in the log. */
function tellStart(run: UwsgiRun, config: Config, terminal: Terminal): void {
  const [day, month, date, year, time] = new Date().toString().split(" ");
  const lines = [
    `*** Starting server ${version} (64bit) in place of uWSGI on [${day} ${month} ${date} ${time} ${year}] ***`,
    `detected number of CPU cores: ${availableParallelism()}`,
    `current working directory: ${terminal.folder}`,
    ...run.pidFiles.map((path) => `writing pidfile to ${path}`),
    `detected binary path: ${process.execPath}`,
    ...config.apps.slice(0, 1).map((app) => `*** Operational MODE: ${modeOf(app)} ***`),
    `spawned server master process (pid: ${process.pid})`,
  ];
  terminal.stderr(lines.map((line) => `${line}\n`).join(""));
}

/** In uWSGI's words. */
function modeOf({ processes, threads }: Config["apps"][number]): string {
  const words = [...(processes > 1 ? ["preforking"] : []), ...(threads > 1 ? ["threaded"] : [])];
  return words.length === 0 ? "single process" : words.join("+");
}

async function serve(run: UwsgiRun, config: Config, options: RunOptions, terminal: Terminal): Promise<number> {
  const { runMaster } = await import("../master/master.ts");
  const before = new Map(run.pidFiles.map((path) => [path, pidIn(path)]));
  for (const path of run.pidFiles) writeFileSync(path, `${process.pid}\n`);
  tellStart(run, config, terminal);
  try {
    return await runMaster(config, options);
  } finally {
    for (const [path, pid] of before) leave(path, pid);
  }
}

/** Another server may have written its own meanwhile; and whoever it named before us, and runs on, is named again: that one
 *  was the reason why we did not start. */
function leave(path: string, before: number | undefined): void {
  try {
    if (pidIn(path) !== process.pid) return;
    if (before !== undefined && before !== process.pid && isAlive(before)) writeFileSync(path, `${before}\n`);
    else unlinkSync(path);
  } catch {
    // it is gone already
  }
}
