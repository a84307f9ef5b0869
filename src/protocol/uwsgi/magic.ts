/**
 * uWSGI's magic variables: a gateway may name the code to load with each request (UWSGI_SCRIPT, UWSGI_CHDIR…), which
 * makes an open uwsgi socket a way to run anything. Here the project is loaded once, by configuration. A variable that
 * names that very project is accepted, so that gateways configured for uWSGI work unchanged; one that asks for other
 * code, or that this server does not know, is refused by name. Specification: uwsgi-docs, Vars.html.
 * Text only: paths are compared as written (symbolic links are not followed).
 */

/** What is loaded. Paths are absolute. */
export interface LoadedProject {
  readonly root: string;
  readonly wsgi:
    | { readonly kind: "module"; readonly module: string; readonly callable: string }
    | { readonly kind: "file"; readonly file: string; readonly callable: string };
  /** The interpreter: `/srv/site/.venv/bin/python`. */
  readonly python: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface MagicRefusal {
  readonly name: string;
  /** For the log: the action, the value, what it is and what it should be. */
  readonly message: string;
}

type Judge = (value: string, loaded: LoadedProject) => boolean;

const JUDGES: Readonly<Record<string, Judge>> = {
  UWSGI_SCRIPT: namesScript,
  UWSGI_MODULE: namesScript,
  UWSGI_FILE: namesScript,
  UWSGI_CALLABLE: (value, loaded) => value === loaded.wsgi.callable,
  UWSGI_CHDIR: (value, loaded) => plainPath(value) === plainPath(loaded.root),
  UWSGI_PYHOME: namesHome,
  UWSGI_HOME: namesHome,
  UWSGI_SETENV: setsSame,
  UWSGI_SCHEME: (value) => value === "http" || value === "https",
  // These load nothing: a name to find an app by (there is one), and work that uWSGI would do besides.
  UWSGI_APPID: () => true,
  UWSGI_CACHE_GET: () => true,
  UWSGI_POSTFILE: () => true,
  UWSGI_TOUCH_RELOAD: () => true,
};

/** The first variable that must be refused (403), or undefined. */
export function checkMagicVariables(
  variables: ReadonlyMap<string, string>,
  loaded: LoadedProject,
): MagicRefusal | undefined {
  for (const [name, value] of variables) {
    if (!name.startsWith("UWSGI_") || value === "") continue;
    const judge = Object.hasOwn(JUDGES, name) ? JUDGES[name] : undefined;
    if (judge?.(value, loaded) !== true) return { name, message: explain(name, value, judge !== undefined, loaded) };
  }
  return undefined;
}

function explain(name: string, value: string, known: boolean, loaded: LoadedProject): string {
  const what = `the gateway sends ${name} "${value}"`;
  if (!known) return `${what}, a variable that is not known here; remove it from the gateway's configuration`;
  const { wsgi } = loaded;
  const target = wsgi.kind === "module" ? wsgi.module : wsgi.file;
  return `${what}, which is not the project that is loaded (${target}:${wsgi.callable} in ${loaded.root}); remove it`;
}

/** `mysite.wsgi`, `mysite.wsgi:application`, `mysite/wsgi.py`, `/srv/site/mysite/wsgi.py:application`. */
function namesScript(value: string, loaded: LoadedProject): boolean {
  const colon = value.lastIndexOf(":");
  const script = colon === -1 ? value : value.slice(0, colon);
  if (colon !== -1 && value.slice(colon + 1) !== loaded.wsgi.callable) return false;
  return scriptPath(script, loaded.root) === loadedPath(loaded);
}

function loadedPath({ wsgi, root }: LoadedProject): string {
  return scriptPath(wsgi.kind === "module" ? wsgi.module : wsgi.file, root);
}

/** A dotted module and the file it is found in are the same script. */
function scriptPath(script: string, root: string): string {
  if (script.startsWith("/")) return plainPath(script);
  const relative = script.endsWith(".py") || script.includes("/") ? script : `${script.replaceAll(".", "/")}.py`;
  return plainPath(`${root}/${relative}`);
}

/** A virtualenv directory, or the prefix of the interpreter. */
function namesHome(value: string, loaded: LoadedProject): boolean {
  const home = loaded.python.replace(/\/bin\/[^/]+$/, "");
  return plainPath(value) === plainPath(home);
}

function setsSame(value: string, loaded: LoadedProject): boolean {
  const equals = value.indexOf("=");
  if (equals === -1) return false;
  const name = value.slice(0, equals);
  return Object.hasOwn(loaded.env, name) && loaded.env[name] === value.slice(equals + 1);
}

/** Without repeated or closing slashes and `.` segments; `..` is kept, so that such a path never matches. */
function plainPath(path: string): string {
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".");
  return `/${segments.join("/")}`;
}
