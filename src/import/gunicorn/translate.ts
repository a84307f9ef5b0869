/**
 * A unit of systemd that starts gunicorn (with its socket unit and its gunicorn.conf.py), or such a file alone → the plan: an app,
 * and a site where gunicorn was bound. What its options mean is in the files beside this one; here is the order in which they
 * are asked.
 */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, resolve } from "node:path";
import type { Importing } from "../import.ts";
import { readSource } from "../nginx/include.ts";
import { freeName, Settings, type SiteKey } from "../plan.ts";
import type { ImportReport } from "../report.ts";
import type { SourceFile } from "../source.ts";
import { OF_GUNICORN, translateApp, wsgiTarget } from "./app.ts";
import { type CommandLine, readCommandLine } from "./command-line.ts";
import { readConfigFile } from "./config-file.ts";
import { type Context, wholeFile } from "./context.ts";
import { Given } from "./given.ts";
import { translateLogs } from "./logs.ts";
import type { Option, Word } from "./option.ts";
import { translateRest } from "./remarks.ts";
import { translateSite } from "./site.ts";
import { type HandedOver, readSocket } from "./socket-unit.ts";
import { readService, type Started } from "./started.ts";
import { showDirective, wordsOf } from "./unit.ts";
import { translateClass, translateWorkers } from "./workers.ts";

const UNIT = /^[ \t]*\[Service\][ \t]*$/m;
const SOCKET = /^[ \t]*\[Socket\][ \t]*$/m;

/** Units, of which one that starts something else is told of as that; sockets; Python files of settings. */
export function isGunicorn({ name, text }: SourceFile): boolean {
  return UNIT.test(text) || isSocket({ name, text }) || name.endsWith(".py");
}

function isSocket({ name, text }: Pick<SourceFile, "name" | "text">): boolean {
  return name.endsWith(".socket") && SOCKET.test(text);
}

export function translateGunicorn(
  files: readonly SourceFile[],
  importing: Importing,
  cores = availableParallelism(),
): void {
  const { report } = importing;
  const sockets = files.filter(isSocket);
  const units = files.filter((file) => UNIT.test(file.text) && !isSocket(file));
  const settings = files.filter((file) => file.name.endsWith(".py"));
  const named = new Set<string>();
  for (const unit of units) {
    const path = unit.path.replace(/\.service$/, "") + ".socket";
    const given = sockets.find((each) => each.path === path);
    const socket = given ?? (expectsSocket(unit, path) ? readSource(path, dirname(unit.path)) : undefined);
    if (socket !== undefined) named.add(socket.path);
    const started = readService(unit, report);
    translateOne(started, socket && readSocket(socket, report), importing, { cores, settings, named });
  }
  for (const file of settings)
    if (!named.has(file.path)) translateOne(startedBy(file), undefined, importing, { cores, settings, named });
  for (const socket of sockets)
    if (!named.has(socket.path))
      report.error(wholeFile(socket), socket.name, "belongs to a service: import that as well");
}

/** One of the same name may lie there unused, where the unit says itself where to listen. */
function expectsSocket({ text }: SourceFile, path: string): boolean {
  return text.includes(basename(path)) || !/\s(?:-b|--bind)/.test(text);
}

/** A file of settings alone: gunicorn is taken to be started in its folder. */
function startedBy(file: SourceFile): Started {
  const word: Word = { text: file.path, origin: wholeFile(file) };
  return {
    file,
    words: [{ ...word, text: "--config" }, word],
    python: undefined,
    cwd: dirname(file.path),
    cwdOrigin: undefined,
    variables: [],
    user: undefined,
    group: undefined,
    umask: undefined,
    nofile: undefined,
    before: [],
    runtimeDirectories: [],
    taken: [],
    command: word.origin,
    program: "",
  };
}

interface Around {
  readonly cores: number;
  /** Files of settings that were named for the import, too. */
  readonly settings: readonly SourceFile[];
  /** Paths of files that somebody has read. */
  readonly named: Set<string>;
}

function translateOne(started: Started, socket: HandedOver | undefined, importing: Importing, around: Around): void {
  const { plan, report } = importing;
  if (started.words === undefined) return tellNothing(new Given([], report), started, report);
  const ofCommand = readCommandLine(started.words, "command line", report);
  const ofVariable = readVariable(started, report);
  const ofFile = readSettings(started, [ofVariable, ofCommand], report, around);
  const options = [...ofDefaults(started), ...ofFile, ...ofVariable.options, ...ofCommand.options];
  const given = new Given(options, report);
  const origin = started.command ?? wholeFile(started.file);
  given.last("config");
  const worker = translateClass(given);
  const target = targetOf(given, ofCommand.app, started, report, worker === "asgi");
  if (target === undefined) return tellNothing(given, started, report);
  const chdir = given.look("chdir");
  const root = chdir === undefined ? started.cwd : resolve(started.cwd, String(chdir.value));
  const name = freeName(appName(target.wsgi, root), plan.apps);
  const site = { settings: new Settings<SiteKey>(), routes: [], origin: given.look("bind")?.origin ?? origin };
  const context: Context = { given, started, plan, report, root, name, app: new Settings(), site, origin };
  plan.apps.set(name, context.app);
  translateApp(context, target);
  translateWorkers(context, worker);
  translateSite(context, socket, worker);
  translateLogs(context);
  translateRest(given);
}

/** Without an app there is nothing for the rest to be about. */
function tellNothing(given: Given, started: Started, report: ImportReport): void {
  const sentence = "there is no app that it could be said of";
  for (const option of given.rest) given.tell("notNeeded", option, sentence);
  const told = new Set(report.findings.map(({ origin }) => origin));
  for (const directive of started.taken)
    if (!told.has(directive.origin)) report.notNeeded(directive.origin, showDirective(directive), sentence);
}

/** gunicorn/app/base.py get_cmd_args_from_env */
function readVariable({ variables, file }: Started, report: ImportReport): CommandLine {
  const variable = variables.find(({ name }) => name === "GUNICORN_CMD_ARGS");
  if (variable === undefined) return { options: [], app: undefined };
  const { origin, value } = variable;
  report.translated(origin, "Environment=GUNICORN_CMD_ARGS", "its options are told of one by one");
  const words = wordsOf(file, { section: "", key: "", raw: value, origin, offset: origin.offset });
  return readCommandLine(
    words.map(({ text }) => ({ text, origin })),
    "GUNICORN_CMD_ARGS",
    report,
  );
}

/** What gunicorn takes for its defaults from the environment. */
function ofDefaults({ variables }: Started): Option[] {
  const names = { WEB_CONCURRENCY: "workers", FORWARDED_ALLOW_IPS: "forwarded_allow_ips" } as const;
  return variables
    .filter(({ name }) => OF_GUNICORN.has(name) && name in names)
    .map(({ name, value, origin }) => ({
      name: names[name as keyof typeof names],
      value,
      level: "variable",
      origin,
      written: `Environment=${name}=${value}`,
    }));
}

/** The file of --config, else gunicorn.conf.py where gunicorn is started. */
function readSettings(
  { cwd, command, file: unit }: Started,
  lines: readonly CommandLine[],
  report: ImportReport,
  { cores, settings, named }: Around,
): Option[] {
  const option = lines.flatMap(({ options }) => options.filter(({ name }) => name === "config")).at(-1);
  const written = option === undefined ? "gunicorn.conf.py" : String(option.value);
  if (option !== undefined && written.startsWith("python:")) {
    const sentence = "is a module, which would have to be imported: name its file (--config PATH)";
    report.notSupported(option.origin, option.written, sentence, "changes-meaning");
    return [];
  }
  const path = resolve(cwd, written.replace(/^file:/, ""));
  if (option === undefined && !existsSync(path)) return [];
  const file = settings.find((each) => each.path === path) ?? readSource(path, dirname(unit.path));
  if (file === undefined) {
    if (option !== undefined) report.error(option.origin, option.written, `${path} cannot be read here`);
    return [];
  }
  named.add(path);
  if (option !== undefined && file !== unit)
    report.translated(option.origin, option.written, `read: ${file.name}; what is no literal in it is told of`);
  else if (option === undefined && command !== undefined)
    report.translated(command, basename(path), `read, since it stands where gunicorn is started: ${file.name}`);
  return readConfigFile(file, report, cores);
}

interface Target {
  readonly word: Word;
  readonly wsgi: string;
}

function targetOf(
  given: Given,
  word: Word | undefined,
  started: Started,
  report: ImportReport,
  isAsgi: boolean,
): Target | undefined {
  const option = given.last("wsgi_app");
  const text = option && given.text(option);
  const ofFile = option === undefined || text === undefined ? undefined : { text, origin: option.origin };
  const chosen = word ?? ofFile;
  if (word !== undefined && option !== undefined)
    given.tell("noEffectThere", option, `${word.text} of the command counts`);
  if (chosen === undefined) {
    const origin = started.command ?? wholeFile(started.file);
    const remedy = started.file.name.endsWith(".py")
      ? "import the unit that starts gunicorn"
      : "module:callable is missing";
    return void report.error(origin, started.file.name, `there is no application: ${remedy}`);
  }
  const refuse = (sentence: string) => report.notSupported(chosen.origin, chosen.text, sentence, "changes-meaning");
  if (isAsgi) return void refuse("an ASGI application is not served here");
  const wsgi = wsgiTarget(chosen.text, refuse);
  return wsgi === undefined ? undefined : { word: chosen, wsgi };
}

/** `mysite` of `mysite.wsgi:application`, else of the folder. */
function appName(wsgi: string, root: string): string {
  const [first = ""] = wsgi.replace(/:.*$/, "").split(".");
  const isTelling = !["wsgi", "app", "application", "main", "run", "django", "config"].includes(first);
  return isTelling ? first : basename(root) || first;
}
