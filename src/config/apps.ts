/** [app.NAME] as it was written → the app as it is run. */
import { delimiter, resolve } from "node:path";
import type { AppConfig, WsgiTarget } from "./config.ts";
import { absolute, type Context } from "./context.ts";
import type { Section } from "./keys.ts";
import { resolveListen } from "./listening.ts";
import { requireDirectory } from "./paths.ts";
import { findPython, sitePackagesPattern } from "./python.ts";
import type { APP } from "./schema-app.ts";
import { readWsgi } from "./wsgi.ts";

/** Only the gateway's group and the owner: whoever connects may name any client address. uWSGI: chmod-socket. */
const UWSGI_SOCKET_MODE = 0o660;

/** Undefined when it cannot be run; what is wrong was reported. */
export function resolveApp(name: string, { place, values }: Section<typeof APP>, context: Context): AppConfig | undefined {
  const root = absolute(context, values.root);
  const rootFound = requireDirectory(place.into("root"), root);
  const python = findPython(place.into("python"), values.python, root, context);
  const env = Object.fromEntries(values.env.map((variable) => [variable.name, variable.value]));
  const searched = searchPath(root, python, env["PYTHONPATH"] ?? context.environment["PYTHONPATH"]);
  const wsgi = values.wsgi === undefined || !rootFound ? undefined : readWsgi(place.into("wsgi"), values.wsgi, searched);
  const uwsgiSockets = (values.uwsgi_socket ?? []).flatMap((entry) => resolveListen(entry, UWSGI_SOCKET_MODE, context));
  if (python === undefined || wsgi === undefined) return undefined;
  return { ...plain(values, context), name, root, wsgi: wsgi satisfies WsgiTarget, python, env, uwsgiSockets };
}

function plain(values: Section<typeof APP>["values"], context: Context) {
  return {
    processes: values.processes ?? context.machine.cores,
    threads: values.threads,
    queueTimeoutMs: values.queue_timeout,
    queueMax: values.queue_size,
    startTimeoutMs: values.start_timeout,
  };
}

/** sys.path as far as it can be known without starting the interpreter. */
function searchPath(root: string, python: string | undefined, pythonPath: string | undefined): string[] {
  const extra = (pythonPath ?? "").split(delimiter).filter((folder) => folder !== "");
  return [root, ...extra.map((folder) => resolve(root, folder)), ...installed(python)];
}

function installed(python: string | undefined): string[] {
  if (python === undefined) return [];
  const { folder, pattern } = sitePackagesPattern(python);
  try {
    return [...new Bun.Glob(pattern).scanSync({ cwd: folder, onlyFiles: false, absolute: true })];
  } catch {
    return [];
  }
}
