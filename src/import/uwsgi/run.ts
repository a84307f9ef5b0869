/**
 * A command line of uwsgi (and the files it names) for a server that is to run now, as `uwsgi` would: variables have their
 * values, commands of `@(exec://…)` are run, variables UWSGI_* of the environment are options. Not here: running it.
 */
import type { Environment } from "../../config/substitute.ts";
import { emptyPlan } from "../plan.ts";
import { type Finding, ImportReport } from "../report.ts";
import { SourceFile } from "../source.ts";
import { settleUsers } from "../users.ts";
import { writePlan } from "../write.ts";
import type { Word } from "./command-line.ts";
import { absolutePath } from "./context.ts";
import type { Form } from "./evaluate.ts";
import type { Option } from "./option.ts";
import { runCommand, thisSurroundings } from "./surroundings.ts";
import { evaluateCommandLine, makeEvaluation, rootOf, translateOptions } from "./translate.ts";

export interface UwsgiRun {
  /** The text of a server.toml. */
  readonly toml: string;
  readonly findings: readonly Finding[];
  /** It could not be read, or would behave otherwise. */
  readonly changesMeaning: boolean;
  /** The first configuration file, absolute; undefined: all of it was on the command line. */
  readonly file: string | undefined;
  /** `[uWSGI] getting INI configuration from uwsgi.ini`, in order. */
  readonly read: readonly string[];
  readonly pidFiles: readonly string[];
  /** The log of a server that goes to the background. */
  readonly daemonize: string | undefined;
}

/** What uWSGI says about a file of each form. */
const READING: Readonly<Record<Form, string>> = {
  ini: "getting INI configuration from",
  yaml: "getting YAML configuration from",
  json: "getting JSON configuration from",
  xml: "parsing config file",
};

/** Of uWSGI's own making: they tell a process what it is. */
const NO_OPTIONS = /^UWSGI_(?:RELOADS|VASSALS_DIR|EMPEROR_\w+|BROODLORD_NUM|JAIL_PID|ORIGINAL_PROC_NAME)$/;

export function prepareRun(
  words: readonly string[],
  cwd: string,
  environment: Environment,
  executable: string,
): UwsgiRun {
  const report = new ImportReport();
  const around = thisSurroundings({ cwd, environment, executable }, runCommand);
  const read: string[] = [];
  const variable = (name: string) => environment[name];
  const evaluation = makeEvaluation(around, report, variable, (form, name) => {
    read.push(`[uWSGI] ${READING[form]} ${name}`);
  });
  for (const option of environmentOptions(environment)) evaluation.add(option);
  evaluateCommandLine(evaluation, asWords(words), report);
  const options = evaluation.finish();
  const plan = emptyPlan();
  translateOptions({ purpose: "run", options, placeholders: evaluation.placeholders, around, plan, report });
  settleUsers(plan);
  const root = rootOf(options, cwd);
  const last = (name: string) => options.findLast(({ key }) => key === name)?.value;
  const log = last("daemonize") ?? last("daemonize2");
  return {
    toml: writePlan(plan),
    findings: report.findings,
    changesMeaning: report.changesMeaning,
    file: evaluation.firstFile,
    read,
    pidFiles: options.flatMap(({ key, value = "" }) => {
      if (!/^(?:safe-)?pidfile2?$/.test(key)) return [];
      return [absolutePath(value, key.endsWith("2") ? root : cwd)];
    }),
    daemonize: log === undefined ? undefined : absolutePath(log, cwd),
  };
}

/** The words of a command line have places as if it were a file. */
function asWords(words: readonly string[]): Word[] {
  const file = new SourceFile("command line", "command line", words.join(" "));
  let offset = 0;
  return words.map((text) => {
    const origin = file.at(offset, text.length);
    offset += text.length + 1;
    return { text, origin };
  });
}

/** `UWSGI_HTTP_SOCKET=:8000` is `http-socket = :8000`. */
function environmentOptions(environment: Environment): Option[] {
  return Object.entries(environment).flatMap(([name, value]) => {
    if (!name.startsWith("UWSGI_") || NO_OPTIONS.test(name) || value === undefined) return [];
    const key = name.slice("UWSGI_".length).toLowerCase().replaceAll("_", "-");
    return [
      { key, value, origin: new SourceFile("environment", "environment", `${name}=${value}`).at(0, name.length) },
    ];
  });
}
