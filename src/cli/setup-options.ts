/** The options of `server setup`: one for each question, and what is about all of them. */
import type { Answers, QuestionId } from "../setup/question.ts";
import type { Given, Option } from "./command.ts";

function text(value: string, doc: string, short?: string): Option {
  return { type: "string", value, doc, ...(short !== undefined && { short }) };
}

function flag(doc: string, short?: string): Option {
  return { type: "boolean", value: "", doc, ...(short !== undefined && { short }) };
}

const YES_NO = "yes|no";

/** By the questions' ids. */
const ANSWERS: Readonly<Record<QuestionId, Option>> = {
  project: text("FOLDER", "Which project, when there are several.", "p"),
  kind: text("static|proxy", "What is served in place of a project: a folder of files, or another server."),
  root: text("FOLDER", "With --kind static: whose files."),
  upstream: text("ADDRESS", "With --kind proxy: where the other server listens."),
  callable: text("MODULE:NAME", "The WSGI application, when it is not Django's."),
  factory: text("write|leave", "May wsgi.py be written, for an application that a function makes?"),
  python: text("PATH", "The virtualenv or interpreter that runs the project."),
  settings: text("MODULE", "The settings of a Django project, when there are several."),
  broken: text("ignore|stop", "What to do when the project cannot be loaded."),
  import: text(YES_NO, "Take over the files of nginx, uWSGI and gunicorn that serve the project today."),
  domain: {
    ...text("NAME", "A domain name; several times, or with commas; none for every name that leads here.", "d"),
    multiple: true,
  },
  listen: text("ADDRESS", "web (80 and 443), a port, 127.0.0.1:8000 or unix:/run/x.sock.", "l"),
  https: text("auto|files|internal|off", "Where certificates come from."),
  cert: text("FILE", "With --https files: the certificate with its chain."),
  key: text("FILE", "With --https files: its key."),
  processes: text("N", "Python processes."),
  threads: text("N", "Threads in each."),
  uploads: text("public|private|project", "Who may see what was uploaded."),
  lines: text("add|leave", "May the lines that are missing be added to the settings?"),
  collectstatic: text(YES_NO, "Run collectstatic now."),
  unit: text(YES_NO, "Make it a service of systemd."),
  user: text("NAME", "As whom the project runs, when root starts it; root is possible, too."),
  start: text(YES_NO, "Start it now."),
};

export const SETUP_OPTIONS: Readonly<Record<string, Option>> = {
  yes: flag(
    "Takes what would be offered for every answer that is not given, and writes. Code is not changed by that.",
    "y",
  ),
  "dry-run": flag("Shows what would be done, and does nothing.", "n"),
  json: flag("Prints what is seen of machine and projects as JSON, and ends.", "j"),
  plain: flag("Lines instead of a drawn screen, for screen readers; so with TERM=dumb.", "P"),
  output: text("FILE", "Where server.toml goes; into the project's folder unless given.", "o"),
  env: {
    ...text("NAME=VALUE", "A variable that the project needs; stands in server.toml then. Several times.", "e"),
    multiple: true,
  },
  ...ANSWERS,
};

/** In place of domains: an option has no empty value. */
const NONE = "none";

/** What was answered by flags. */
export function givenAnswers({ options, lists }: Pick<Given, "options" | "lists">): Answers {
  const entries = Object.keys(ANSWERS).flatMap((id) => {
    const list = lists[id];
    if (list !== undefined)
      return [
        [
          id,
          list
            .filter((word) => word !== NONE)
            .join(" ")
            .replaceAll(",", " "),
        ],
      ];
    const value = options[id];
    return typeof value === "string" ? [[id, value]] : [];
  });
  return Object.fromEntries(entries) as Answers;
}

/** `NAME=VALUE` each; a text is what is wrong. */
export function givenVariables({ lists }: Pick<Given, "lists">): Readonly<Record<string, string>> | string {
  const pairs = (lists["env"] ?? []).map((word) => /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? word);
  const wrong = pairs.find((pair) => typeof pair === "string");
  if (wrong !== undefined) return `--env ${wrong as string}: should be NAME=VALUE`;
  return Object.fromEntries((pairs as RegExpExecArray[]).map(([, name = "", value = ""]) => [name, value]));
}
