/** What the app is and where it runs: code, interpreter, paths, environment, user. */
import { freeName, Settings, type ServiceKey } from "../plan.ts";
import { type Context, pathIn, plain } from "./context.ts";
import type { Word } from "./option.ts";
import type { Variable } from "./started.ts";
import { type Directive, joined, showDirective, wordsOf } from "./unit.ts";

/** What gunicorn itself reads; not handed on. */
export const OF_GUNICORN: ReadonlySet<string> = new Set([
  "GUNICORN_CMD_ARGS",
  "WEB_CONCURRENCY",
  "FORWARDED_ALLOW_IPS",
]);

/** `module:callable`; undefined after telling why it is none. */
export function wsgiTarget(written: string, refuse: (sentence: string) => void): string | undefined {
  const [module = "", name = "application", ...more] = written.split(":");
  if (/\(/.test(name))
    return void refuse(`calls ${name} at the start; write a file with \`application = ${name}\` in it and name that`);
  if (/\.py$|\//.test(module) || module === "" || more.length > 0)
    return void refuse("should be module:callable; gunicorn imports a module, and does not load a file");
  return name === "application" ? module : `${module}:${name}`;
}

export function translateApp(context: Context, target: { readonly word: Word; readonly wsgi: string }): void {
  const { app, report, given } = context;
  translateRoot(context);
  app.set("wsgi", plain(target.wsgi), target.word.origin);
  report.translated(target.word.origin, target.word.text, "wsgi");
  const { python, command, program } = context.started;
  const toldPython = python === undefined ? "the one that is found" : python.value;
  if (command !== undefined && program !== "") report.translated(command, program, `an app; python is ${toldPython}`);
  if (python !== undefined) app.set("python", plain(python.value), python.origin);
  const preload = given.last("preload_app");
  if (preload !== undefined && given.isYes(preload)) {
    app.set("preload", true, preload.origin);
    given.tell("translated", preload, "preload");
  } else if (preload !== undefined) given.tell("defaultHere", preload, "each process imports the project itself");
  translateReload(context);
  translateEnvironment(context);
  translateUser(context);
  translateBefore(context);
}

/** gunicorn puts the folder it was started in on sys.path, and the one of --chdir before it. */
function translateRoot({ app, given, started, root, report }: Context): void {
  const { cwd, cwdOrigin, file } = started;
  const chdir = given.last("chdir");
  const isUnit = !file.name.endsWith(".py");
  const nowhere = isUnit ? "nothing says where: systemd starts it in /" : "nothing says where: the folder of the file";
  app.set("root", plain(root), chdir?.origin ?? cwdOrigin, (chdir ?? cwdOrigin) ? undefined : nowhere);
  if (chdir !== undefined) given.tell("translated", chdir, "root");
  const folders = chdir !== undefined && cwdOrigin !== undefined && cwd !== root ? [cwd] : [];
  if (cwdOrigin !== undefined) {
    const sentence = folders.length > 0 ? "pythonpath; paths of --config are looked for there" : "root";
    report.translated(cwdOrigin, `WorkingDirectory=${cwd}`, sentence);
  }
  const option = given.last("pythonpath");
  const written = option && given.text(option);
  if (option !== undefined && written !== undefined) {
    folders.unshift(
      ...written
        .split(",")
        .filter((path) => path.trim() !== "")
        .map((path) => pathIn(root, path.trim())),
    );
    given.tell("translated", option, "pythonpath");
  }
  const others = [...new Set(folders)].filter((path) => path !== root);
  if (others.length > 0) app.set("pythonpath", others.map(plain), option?.origin ?? cwdOrigin);
}

function translateReload(context: Context): void {
  const { given, app, root } = context;
  const reload = given.last("reload");
  const isOn = given.isYes(reload);
  if (reload !== undefined && isOn) {
    app.set("reload_on_change", true, reload.origin);
    given.tell("translated", reload, "reload_on_change");
  } else if (reload !== undefined) given.tell("defaultHere", reload, "sources are not watched");
  const extra = given.all("reload_extra_files");
  const files = extra.flatMap(({ value }) => (Array.isArray(value) ? value.map(String) : [String(value)]));
  for (const option of extra)
    if (isOn) given.tell("translated", option, "touch_reload");
    else given.tell("noEffectThere", option, "without reload nothing is watched");
  if (isOn && files.length > 0)
    app.set(
      "touch_reload",
      files.map((file) => plain(pathIn(root, file))),
      extra[0]?.origin,
    );
}

function translateEnvironment({ given, app, started, report }: Context): void {
  const variables: Record<string, string> = {};
  let origin;
  for (const variable of started.variables) {
    if (OF_GUNICORN.has(variable.name)) continue;
    variables[variable.name] = plain(variable.value);
    origin ??= variable.origin;
    report.translated(variable.origin, shown(variable), `env.${variable.name}`);
  }
  for (const option of given.all("raw_env")) {
    const pairs = Array.isArray(option.value) ? option.value : [option.value];
    for (const pair of pairs) {
      const [, name, value] = /^\s*([A-Za-z_]\w*)=([^]*)$/.exec(String(pair)) ?? [];
      if (name === undefined || value === undefined) {
        given.tell("error", option, "should be NAME=value, and gunicorn does not start with this");
        continue;
      }
      variables[name] = plain(value);
      origin ??= option.origin;
      given.tell("translated", option, `env.${name}`);
    }
  }
  if (origin !== undefined) app.set("env", variables, origin);
}

function shown({ written }: Variable): string {
  return `Environment=${written}`;
}

/** gunicorn's own come after systemd's. */
function translateUser(context: Context): void {
  const { given, app, plan, started, report } = context;
  for (const key of ["user", "group"] as const) {
    const option = given.last(key);
    const directive = started[key];
    const value = (option && given.text(option)) ?? (directive && joined(directive.raw));
    const origin = option?.origin ?? directive?.origin;
    if (value === undefined || origin === undefined) continue;
    const isRoot = /^(?:root|0)$/.test(value);
    if (isRoot && key === "user") plan.server.set("run_as_root", true, origin);
    if (!isRoot) app.set(key, plain(value), origin);
    const sentence = isRoot ? "run_as_root: without a user the server is who starts it" : key;
    if (option !== undefined) given.tell("translated", option, sentence);
    if (directive === undefined) continue;
    if (option === undefined) report.translated(directive.origin, showDirective(directive), sentence);
    else report.noEffectThere(directive.origin, showDirective(directive), `${option.written} counts`);
  }
  const { umask, nofile } = started;
  if (umask !== undefined) translateMask(context, umask);
  if (nofile !== undefined) translateFiles(context, nofile);
}

function translateMask({ app, report }: Context, umask: Directive): void {
  const written = joined(umask.raw);
  if (!/^[0-7]{1,4}$/.test(written))
    return report.error(umask.origin, showDirective(umask), "should be an octal number");
  app.set("umask", written.replace(/^0+(?=\d{3})/, "").padStart(3, "0"), umask.origin);
  report.translated(umask.origin, showDirective(umask), "umask");
}

/** `65536`, `1024:65536` of which the first counts, `infinity`. */
function translateFiles({ app, report }: Context, nofile: Directive): void {
  const [soft = ""] = joined(nofile.raw).split(":");
  const value = soft === "infinity" ? "unlimited" : Number(soft);
  if (value !== "unlimited" && !Number.isInteger(value))
    return report.error(nofile.origin, showDirective(nofile), "should be a number");
  app.set("limits", { nofile: value }, nofile.origin);
  report.translated(nofile.origin, showDirective(nofile), "limits.nofile");
}

/** As the app's user, in the app's folder: so is a service that belongs to it. */
function translateBefore({ started, plan, name, root, report }: Context): void {
  for (const directive of started.before) {
    const [first, ...rest] = wordsOf(started.file, directive).map(({ text }) => text);
    const prefix = /^[-@:+!|]*/.exec(first ?? "")?.[0] ?? "";
    const words = [(first ?? "").slice(prefix.length), ...rest];
    if (prefix !== "" || /[$%]/.test(words.join(" "))) {
      const sentence = `make it a [service.NAME] with start = "first", or do it by hand`;
      report.notSupported(directive.origin, showDirective(directive), sentence, "changes-meaning");
      continue;
    }
    const service = new Settings<ServiceKey>();
    service.set("app", name, directive.origin);
    service.set("command", words.map(plain), directive.origin);
    service.set("start", "first", directive.origin);
    if (started.cwd !== root) service.set("cwd", plain(started.cwd), started.cwdOrigin);
    const called = freeName(nameOf(words), plan.services);
    plan.services.set(called, service);
    report.translated(directive.origin, showDirective(directive), `[service.${called}], which is done first`);
  }
}

/** `migrate` of `python manage.py migrate --noinput`. */
function nameOf(words: readonly string[]): string {
  const managed = words.findIndex((word) => /(?:^|\/)manage\.py$/.test(word));
  const word = managed === -1 ? words[0] : words[managed + 1];
  return (word ?? "first").replace(/^.*\//, "");
}
