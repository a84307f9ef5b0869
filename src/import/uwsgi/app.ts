/** What the app is and where it runs: code, interpreter, paths, environment, user. */
import { glob } from "./conditions.ts";
import { absolutePath, type Context } from "./context.ts";
import { isYes } from "./given.ts";
import { hasMark, unmark } from "./marks.ts";
import { type Option, showOption } from "./option.ts";

/** Names of options, as uWSGI's aliases have them. */
export const MODULE = ["module", "wsgi"] as const;
export const FILE = ["wsgi-file", "file"] as const;
const HOME = ["home", "virtualenv", "venv", "pyhome"] as const;
export const PLUGINS = ["plugin", "plugins", "need-plugin", "need-plugins"] as const;
const PYTHONPATH = ["pythonpath", "python-path", "pp"] as const;

/** The value of `wsgi`, from what uWSGI takes: `module`, `module:callable`, a file. Undefined after telling why not. */
export function wsgiTarget(context: Context, option: Option, written: string, callable: string): string | undefined {
  if (/^(?:[a-z]+:\/\/)/.test(written))
    return void context.given.notSupported(option, "is no file or module of this machine", "changes-meaning");
  const colon = written.lastIndexOf(":");
  const target = colon === -1 ? written : written.slice(0, colon);
  const name = colon === -1 ? callable : written.slice(colon + 1);
  if (name.endsWith("()")) {
    const sentence = `calls ${name} at the start; write a file with \`application = ${name}\` in it and name that`;
    return void context.given.notSupported(option, sentence, "changes-meaning");
  }
  return name === "application" ? target : `${target}:${name}`;
}

export function translateApp(context: Context): void {
  const { given, app, root } = context;
  const chdir = given.last("chdir");
  app.set(
    "root",
    unmark(root),
    chdir?.origin,
    chdir === undefined ? "there is no chdir: where uwsgi is started" : undefined,
  );
  if (chdir !== undefined) given.tell("translated", chdir, "root");
  translateTarget(context);
  translatePython(context);
  translatePythonPath(context);
  translateEnvironment(context);
  translateUser(context);
}

function translateTarget(context: Context): void {
  const { given, app } = context;
  const [module, file, callable] = [given.last(...MODULE), given.last(...FILE), given.last("callable")];
  if (callable !== undefined) given.tell("translated", callable, "the callable of wsgi");
  const name = callable?.value ?? "application";
  if (module !== undefined && file !== undefined)
    given.tell("noEffectThere", file, `uWSGI loads ${showOption(module)} and skips a second app at the same place`);
  const option = module ?? file;
  const written = option?.value ?? "";
  if (option !== undefined && written === "") given.tell("noEffectThere", option, "names nothing that could be loaded");
  if (option === undefined || written === "") return translateFirstMount(context);
  // A module with a colon says itself what is called; a file never does.
  const target = wsgiTarget(context, option, module === undefined ? fileTarget(written, name) : written, name);
  if (target === undefined) return;
  app.set("wsgi", unmark(target), option.origin);
  given.tell("translated", option, "wsgi");
}

/** Without an app of its own uWSGI answers what no mount leads to by the first that is mounted. */
function translateFirstMount(context: Context): void {
  for (const option of context.given.look("mount")) {
    const target = mountTarget(option)?.target;
    const wsgi = target === undefined ? undefined : wsgiTarget(context, option, target, "application");
    if (wsgi === undefined) continue;
    return context.app.set("wsgi", unmark(wsgi), option.origin);
  }
}

/** `/prefix=module:callable` or `/prefix=file.py`, of which the target is as wsgiTarget takes it; undefined for others, which
 *  uWSGI does not load. */
export function mountTarget({ value = "" }: Option): { readonly prefix: string; readonly target: string } | undefined {
  const [, prefix = "", target = ""] = /^([^=]*)=(.*)$/s.exec(value) ?? [];
  if (/\.(?:py|wsgi)$/.test(target)) return { prefix, target: fileTarget(target, "application") };
  return target.includes(":") ? { prefix, target } : undefined;
}

/** `wsgi.py` alone would be a module of that name to nobody, but says that it is a file by its ending; `app.wsgi` does not. */
function fileTarget(path: string, callable: string): string {
  const file = path.endsWith(".py") || path.includes("/") ? path : `./${path}`;
  return `${file}:${callable}`;
}

function translatePython(context: Context): void {
  const { given, app, root } = context;
  const home = given.last(...HOME);
  if (home === undefined) return translatePlugin(context);
  app.set("python", unmark(absolutePath(home.value ?? "", root)), home.origin);
  given.tell("translated", home, "python");
}

/** A distribution's uWSGI has Python as a plugin, which is the system's: no virtualenv that lies beside, and no other on PATH. */
function translatePlugin({ given, app, around }: Context): void {
  for (const option of given.look(...PLUGINS)) {
    const program = systemPython(option);
    if (program !== undefined && around.hasProgram(program)) return app.set("python", program, option.origin);
  }
}

/** `python3`, `python311`. */
export function systemPython({ value = "" }: Option): string | undefined {
  const [, minor] = /(?:^|,)\s*python3\.?(\d*)\s*(?:,|$)/.exec(value) ?? [];
  return minor === undefined ? undefined : `/usr/bin/python3${minor && `.${minor}`}`;
}

function translatePythonPath(context: Context): void {
  const { given, app, root, base } = context;
  const folders: string[] = [];
  for (const option of given.all(...PYTHONPATH)) {
    const written = option.value ?? "";
    const found = (/[*?[]/.test(written) && !hasMark(written) ? glob(written, base) : [written]).map((path) =>
      absolutePath(path.replace(/(?<=.)\/$/, ""), root),
    );
    const others = found.filter((path) => path !== root && !folders.includes(path));
    folders.push(...others);
    if (others.length === 0) given.tell("defaultHere", option, "root is on sys.path, and no path twice");
    else given.tell("translated", option, "pythonpath");
    if (others.length > 0) app.set("pythonpath", folders.map(unmark), option.origin);
  }
}

function translateEnvironment(context: Context): void {
  const { given, app } = context;
  const variables: Record<string, string> = {};
  for (const option of given.all("env")) {
    const [, name, value] = /^([^=]*)=(.*)$/s.exec(option.value ?? "") ?? [];
    if (name === undefined || value === undefined) {
      given.tell("noEffectThere", option, "should be env = NAME=value");
      continue;
    }
    variables[name.trim()] = unmark(value);
    given.tell("translated", option, `env.${name.trim()}`);
    app.set("env", { ...variables }, option.origin);
  }
  const level = given.last("optimize");
  if (level === undefined) return;
  app.set("env", { ...variables, PYTHONOPTIMIZE: unmark(level.value ?? "1") }, level.origin);
  given.tell("translated", level, "env.PYTHONOPTIMIZE");
}

function translateUser(context: Context): void {
  const { given, app, plan } = context;
  for (const [key, names] of [
    ["user", ["uid", "immediate-uid"]],
    ["group", ["gid", "immediate-gid"]],
  ] as const) {
    const option = given.last(...names);
    if (option === undefined || option.value === undefined) continue;
    if (/^(?:root|0)$/.test(option.value)) {
      if (key === "user") plan.server.set("run_as_root", true, option.origin);
      given.tell("translated", option, "run_as_root: without a user the server is who starts it");
      continue;
    }
    app.set(key, unmark(option.value), option.origin);
    given.tell("translated", option, key);
  }
  const umask = given.last("umask");
  if (umask?.value !== undefined) {
    app.set("umask", unmark(umask.value.padStart(3, "0")), umask.origin);
    given.tell("translated", umask, "umask");
  }
}

/** Files whose change loads the code anew. */
export function translateReloads(context: Context): void {
  const { given, app, root } = context;
  const touched = given.all(
    "touch-reload",
    "touch-workers-reload",
    "touch-chain-reload",
    "fs-reload",
    "fs-brutal-reload",
  );
  const paths = touched.map(({ value = "" }) => unmark(absolutePath(value, root)));
  for (const option of touched)
    given.tell("translated", option, "touch_reload: the code is loaded anew without a failed request");
  if (touched.length > 0) app.set("touch_reload", paths, touched[0]?.origin);
  const auto = given.last("py-autoreload", "py-auto-reload", "python-autoreload", "python-auto-reload");
  if (auto === undefined) return;
  if (!isYes(auto) || auto.value === "") return given.tell("defaultHere", auto, "sources are not watched");
  app.set("reload_on_change", true, auto.origin);
  given.tell("translated", auto, "reload_on_change");
}
