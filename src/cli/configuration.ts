/** Finding and loading the configuration file for the commands that need one. */
import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { formatProblems, type Problem } from "../config/problems.ts";
import type { Given, Terminal } from "./command.ts";

export const DEFAULT_FILE = "server.toml";

/** The smallest file that serves a Django project. */
const EXAMPLE = `    [app.mysite]
    wsgi = "mysite.wsgi:application"

    [[site]]
    listen = [8000]
    [site.routes]
    "/" = { app = "mysite" }
`;

export interface Read {
  /** As people named it. */
  readonly file: string;
  /** Undefined when something is wrong, which was said on stderr. */
  readonly config: Config | undefined;
}

/** Where the file is, for commands that only need to know which server is meant: it may be broken, or gone. */
export function configurationPath(given: Given, terminal: Terminal): string {
  const written = given.options["config"];
  return resolve(terminal.folder, typeof written === "string" ? written : DEFAULT_FILE);
}

export function readConfiguration(given: Given, terminal: Terminal): Read {
  const written = given.options["config"];
  const file = typeof written === "string" ? written : DEFAULT_FILE;
  const path = isAbsolute(file) ? file : join(terminal.folder, file);
  if (written === undefined && !existsSync(path)) {
    terminal.stderr(`server: there is no ${DEFAULT_FILE} in ${terminal.folder}\n${howToMake()}`);
    return { file, config: undefined };
  }
  const { config, problems } = loadConfig(path, terminal.environment);
  const named = problems.map((problem) => ({ ...problem, file }));
  terminal.stderr(formatProblems(named, { colour: terminal.colour.stderr }));
  if (config === undefined) terminal.stderr(`server: ${file}: ${count(problems)}\n`);
  return { file, config };
}

function howToMake(): string {
  return `server setup, in the project's folder, writes one; -c FILE names another. By hand it is, beside manage.py:\n\n${EXAMPLE}`;
}

function count(problems: readonly Problem[]): string {
  const errors = problems.filter((problem) => problem.severity === "error").length;
  return errors === 1 ? "1 error" : `${errors} errors`;
}
