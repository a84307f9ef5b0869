/** What to do about a project that cannot be loaded: a probe's failure as one sentence, with its remedy. */
import { dirname, join } from "node:path";
import type { Files } from "../machine/surroundings.ts";
import type { ProbeFailure, ProbeStage } from "./settings.ts";

export interface Advice {
  /** `the settings cannot be loaded: ModuleNotFoundError: No module named 'environ'` */
  readonly what: string;
  readonly remedy: string;
  /** The end of the traceback: the lines that people look for. */
  readonly lines: readonly string[];
}

/** Two frames of a traceback and the error itself. */
const LINES_SHOWN = 8;

const STAGES: Readonly<Record<ProbeStage, string>> = {
  start: "the interpreter does not answer",
  django: "Django cannot be loaded",
  settings: "the settings cannot be loaded",
  apps: "the applications of INSTALLED_APPS cannot be loaded",
  wsgi: "the WSGI module cannot be loaded",
};

export interface AdviceContext {
  /** The interpreter that was asked. */
  readonly python: string;
  readonly root: string;
  readonly files: Pick<Files, "kind">;
  /** The command that installs what the project says it needs, when it says so. */
  readonly installer: string | undefined;
}

export function adviceOn(failure: ProbeFailure, context: AdviceContext): Advice {
  const { stage, type, message } = failure;
  const what = stage === "start" ? `${STAGES.start}: ${message}` : `${STAGES[stage]}: ${type}: ${firstLine(message)}`;
  return { what, remedy: remedyFor(failure, context), lines: failure.traceback.slice(-LINES_SHOWN) };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

function remedyFor(failure: ProbeFailure, context: AdviceContext): string {
  const { type, message, missing, stage } = failure;
  const { python, root, installer } = context;
  if (stage === "django" && (missing === "django" || missing === undefined))
    return `Django is not installed for ${python}: ${install(python, "django", installer)}, or name the project's virtualenv with --python`;
  if (missing !== undefined) return remedyForMissing(missing, context);
  const variable = variableIn(type, message);
  if (variable !== undefined)
    return `give it the environment variable: export ${variable}=… before server setup; --env ${variable}=… also writes it into server.toml`;
  if (type === "timeout")
    return "something at import waits, such as a database or an address that does not answer: see what the project does when it is imported";
  if (type === "SyntaxError" || type === "IndentationError")
    return `mend the line that is shown; ${python} may also be too old for what is written there`;
  if (/^(OperationalError|InterfaceError)$/.test(type))
    return "a query runs when the project is imported: start the database, or move the query into a view";
  if (type === "PermissionError" && message.startsWith("its own library")) return readableInterpreter(python);
  if (type === "ImproperlyConfigured") return "mend what the message names";
  return `mend what is shown; ${python} manage.py check, in ${root}, shows the same`;
}

/** The remedy where the interpreter, or its library, is below a private home directory. */
export function readableInterpreter(python: string): string {
  return `a virtualenv of an interpreter that everyone may read: /usr/bin/python3 -m venv, or ${python} moved out of the home directory`;
}

/** A package of the project that is not found is mostly one of another folder. */
function remedyForMissing(missing: string, { python, root, installer, files }: AdviceContext): string {
  const [top = missing] = missing.split(".");
  if (files.kind(join(root, top)) === "directory") return remedyForOwn(missing, root);
  const known = PACKAGES[top] ?? top;
  const packages = install(python, known, installer);
  return `${top} is not installed for ${python}: ${packages}; or, if it is part of the project, it should be in ${root}`;
}

/** Python says the same of a folder that it may not read. */
function remedyForOwn(missing: string, root: string): string {
  const path = join(root, missing.replaceAll(".", "/"));
  const how = missing.endsWith(".wsgi") ? "; Django's startproject writes one beside the settings" : "";
  return `${path}.py is missing, or who runs it may not read ${dirname(path)}${how}`;
}

/** Modules that are not called as what is installed. */
const PACKAGES: Readonly<Record<string, string>> = {
  environ: "django-environ",
  decouple: "python-decouple",
  dotenv: "python-dotenv",
  rest_framework: "djangorestframework",
  corsheaders: "django-cors-headers",
  debug_toolbar: "django-debug-toolbar",
  django_extensions: "django-extensions",
  storages: "django-storages",
  psycopg2: "psycopg2-binary",
  MySQLdb: "mysqlclient",
  PIL: "Pillow",
  yaml: "PyYAML",
  crispy_forms: "django-crispy-forms",
  allauth: "django-allauth",
  dj_database_url: "dj-database-url",
  django_filters: "django-filter",
};

function install(python: string, what: string, installer: string | undefined): string {
  return installer ?? `${python} -m pip install ${what}`;
}

/** How os.environ[…], django-environ and python-decouple say that a variable is missing. */
function variableIn(type: string, message: string): string | undefined {
  if (type === "KeyError") return /^'([A-Z][A-Z0-9_]+)'$/.exec(message)?.[1];
  return /(?:Set the ([A-Z][A-Z0-9_]+) environment variable|^([A-Z][A-Z0-9_]+) not found\. Declare it as envvar)/
    .exec(message)
    ?.slice(1)
    .find((name) => name !== undefined);
}
