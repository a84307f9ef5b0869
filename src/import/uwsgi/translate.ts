/**
 * A configuration of uWSGI → the plan: an app, and a site if it answers HTTP itself. What its options mean is in the files
 * beside this one; here is the order in which they are asked.
 */
import { basename, dirname, resolve } from "node:path";
import type { Importing } from "../import.ts";
import { freeName, type Plan, Settings, type Site } from "../plan.ts";
import type { ImportReport } from "../report.ts";
import type { SourceFile } from "../source.ts";
import { FILE, MODULE, translateApp, translateReloads } from "./app.ts";
import { findCommands } from "./command-file.ts";
import { readCommandLine, type Word } from "./command-line.ts";
import { absolutePath, type Context, type Purpose } from "./context.ts";
import { translateDaemons } from "./daemons.ts";
import { Evaluation, type Form, formOf } from "./evaluate.ts";
import { Given } from "./given.ts";
import { translateHooks } from "./hooks.ts";
import { translateLogs } from "./logs.ts";
import { markVariable } from "./marks.ts";
import { type Option, showOption } from "./option.ts";
import { tellComments, translateRest } from "./rest.ts";
import { serveBesideApp, tellWithoutAddress, translateSite } from "./site.ts";
import { findAddresses, translateSockets } from "./sockets.ts";
import { type Surroundings, thisSurroundings } from "./surroundings.ts";
import { translateWorkers } from "./workers.ts";

/** Whether a file that does not say so by its name is uWSGI's. */
export function isUwsgi(file: SourceFile): boolean {
  return formOf(file.name) !== undefined || /^[ \t]*\[uwsgi\]/m.test(file.text) || findCommands(file).length > 0;
}

/** By its name; YAML may be another program's, with a command of uwsgi in it (Compose). */
function isConfiguration({ name, text }: SourceFile): boolean {
  const form = formOf(name);
  return form !== undefined && (form !== "yaml" || /^uwsgi[ \t]*:/m.test(text));
}

/** A file whose server.toml is read later: environment variables stay references, and commands are not run. uWSGI is
 *  taken to be started in the folder of the file. */
export function translateUwsgi(file: SourceFile, importing: Importing, machine = thisSurroundings): void {
  const { plan, report, environment } = importing;
  const make = (cwd: string) => {
    const around = machine({ cwd, environment, executable: "uwsgi" }, undefined);
    return { around, evaluation: makeEvaluation(around, report, markVariable, () => {}) };
  };
  const finish = ({ around, evaluation }: ReturnType<typeof make>) => {
    const options = evaluation.finish();
    translateOptions({ purpose: "import", options, placeholders: evaluation.placeholders, around, plan, report });
  };
  const folder = dirname(file.path);
  const commands = isConfiguration(file) ? [] : findCommands(file);
  for (const { words, cwd } of commands) {
    const made = make(resolve(folder, cwd ?? ""));
    evaluateCommandLine(made.evaluation, words, report);
    finish(made);
  }
  if (commands.length > 0) return;
  const made = make(folder);
  made.evaluation.loadFile(file, "uwsgi", formOf(file.name) ?? "ini");
  finish(made);
}

/** Options first, then the files that are named without one, as uWSGI reads them. */
export function evaluateCommandLine(evaluation: Evaluation, words: readonly Word[], report: ImportReport): void {
  const { options, files } = readCommandLine(words, report.error.bind(report));
  for (const option of options) evaluation.add(option);
  for (const { text, origin } of files) evaluation.load(text, origin);
}

export function makeEvaluation(
  around: Surroundings,
  report: ImportReport,
  variable: (name: string) => string | undefined,
  read: (form: Form, name: string) => void,
): Evaluation {
  const decided = (opener: Option, rounds: number) => {
    const times = rounds === 1 ? "once" : `${rounds} times`;
    const sentence =
      rounds === 0 ? "does not hold here: what stands in it is left out" : `what stands in it counts ${times}`;
    report.translated(opener.origin, showOption(opener), sentence);
  };
  const complain = report.error.bind(report);
  const included = (by: Option, what: string) => report.translated(by.origin, showOption(by), what);
  const unknown = (option: Option, name: string) => {
    const meant = /^[a-zA-Z]$/.test(name) ? `; was %${name} meant?` : "";
    const sentence = `%(${name}) stands for an option that is not given, and uWSGI leaves it as it is${meant}`;
    report.noEffectThere(option.origin, showOption(option), sentence);
  };
  return new Evaluation(around, { complain, read, unknown, included, decided }, variable);
}

export interface Translating {
  readonly purpose: Purpose;
  readonly options: readonly Option[];
  readonly placeholders: ReadonlySet<string>;
  readonly around: Surroundings;
  readonly plan: Plan;
  readonly report: ImportReport;
}

/** Returns what the app is called. */
export function translateOptions({ purpose, options, placeholders, around, plan, report }: Translating): string {
  const given = new Given(options, report);
  const base = around.cwd;
  const root = rootOf(options, base);
  const name = freeName(appName(options, root), plan.apps);
  const addresses = findAddresses(given);
  // A gateway reaches a site, too, where there is more than the app.
  const gateways = serveBesideApp(given) ? addresses.uwsgi : [];
  const [first] = [...addresses.http, ...addresses.https, ...addresses.redirects, ...gateways];
  const site: Site | undefined =
    first === undefined ? undefined : { settings: new Settings(), routes: [], origin: first.origin };
  const context: Context = { purpose, given, plan, around, base, root, name, app: new Settings(), site };
  plan.apps.set(name, context.app);
  tellComments(context, options);
  translateApp(context);
  translateWorkers(context);
  translateReloads(context);
  translateSockets(context, { ...addresses, uwsgi: gateways.length > 0 ? [] : addresses.uwsgi, gateways });
  if (site !== undefined) {
    translateSite(context, site);
    if (context.app.has("wsgi")) plan.sites.push(site);
  } else tellWithoutAddress(context);
  translateLogs(context);
  translateHooks(context);
  translateDaemons(context);
  translateRest(context, placeholders);
  if (!context.app.has("wsgi")) {
    plan.apps.delete(name);
    complainOfNothing(options, report, "there is no app: module, wsgi-file or mount is missing");
  } else if (site === undefined && !context.app.has("uwsgi_socket"))
    complainOfNothing(
      options,
      report,
      "there is no address: socket, http or http-socket is missing, and uWSGI does not start",
    );
  return name;
}

/** chdir, where everything but logs and pid files is looked for. */
export function rootOf(options: readonly Option[], base: string): string {
  const chdir = options.findLast(({ key }) => key === "chdir")?.value;
  return chdir === undefined ? base : absolutePath(chdir.replace(/(?<=.)\/+$/, ""), base);
}

/** After the project: `mysite` of `mysite.wsgi:application`, of `mysite/wsgi.py`, or of the directory. */
function appName(options: readonly Option[], root: string): string {
  const option = options.find(({ key }) => [...MODULE, ...FILE].some((name) => name === key));
  const mounted = options.find(({ key }) => key === "mount")?.value;
  const written = option?.value ?? mounted?.slice(mounted.indexOf("=") + 1) ?? "";
  const module = written.replace(/:.*$/, "").replace(/\.(?:py|wsgi)$/, "");
  const parts = (module.includes("/") ? basename(dirname(module)) : module).split(".");
  const [first = ""] = parts;
  const isTelling =
    /^[A-Za-z]\w*$/.test(first) && !["wsgi", "app", "application", "main", "run", "django"].includes(first);
  return isTelling ? first : basename(root);
}

function complainOfNothing([first]: readonly Option[], report: ImportReport, what: string): void {
  if (first === undefined || report.changesMeaning) return;
  report.error(first.origin, showOption(first), what);
}
