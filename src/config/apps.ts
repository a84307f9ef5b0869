/** [app.NAME] as it was written → the app as it is run. */
import { delimiter, resolve } from "node:path";
import { resolvePool } from "./app-pool.ts";
import { resolveProcess } from "./app-process.ts";
import type { ResolvedSockets } from "./collisions.ts";
import type { AppConfig } from "./config.ts";
import { absolute, type Context } from "./context.ts";
import type { Section } from "./keys.ts";
import { resolveListen, SOCKET_MODES } from "./listening.ts";
import { requireDirectory } from "./paths.ts";
import { findPython, sitePackagesPattern } from "./python.ts";
import type { APP } from "./schema-app.ts";
import { resolveSendfileRoots } from "./sendfile-roots.ts";
import { readWsgi } from "./wsgi.ts";

export interface ResolvedApp {
  /** Undefined when it cannot be run; what is wrong was reported. */
  readonly config: AppConfig | undefined;
  readonly sockets: ResolvedSockets;
}

export function resolveApp(name: string, section: Section<typeof APP>, context: Context): ResolvedApp {
  const sockets = (section.values.uwsgi_socket ?? []).flatMap((entry) =>
    resolveListen(entry, SOCKET_MODES.uwsgi, context).map((value) => ({ place: entry.place, value })),
  );
  for (const { place } of sockets.filter((entry) => entry.value.proxyProtocol)) {
    const should = "belongs to listen of a site; a gateway says in its packet who the client is";
    place.into("proxy_protocol").wrongKey({ what: "has no meaning here", should });
  }
  for (const { place } of (section.values.uwsgi_socket ?? []).filter((entry) => entry.place.has("protocol"))) {
    const should = "belongs to listen of a site; this is uwsgi's";
    place.into("protocol").wrongKey({ what: "has no meaning here", should });
  }
  const uwsgiSockets = sockets.map((entry) => entry.value);
  const project = resolveProject(section, context);
  const pool = resolvePool(section, context);
  const config =
    project === undefined ? undefined : { name, ...project, ...plain(section.values, context), ...pool, uwsgiSockets };
  return { config, sockets: { app: name, sockets } };
}

/** Where the code is and what runs it. */
function resolveProject({ place, values }: Section<typeof APP>, context: Context) {
  const root = absolute(context, values.root);
  const rootFound = requireDirectory(place.into("root"), root);
  const python = findPython(place.into("python"), values.python, root, context);
  const env = Object.fromEntries(values.env.map((variable) => [variable.name, variable.value]));
  const ofProcess = resolveProcess({ place, values }, context);
  if (values.wsgi === undefined || !rootFound) return undefined;
  const pythonPath = env["PYTHONPATH"] ?? context.environment["PYTHONPATH"];
  const searched = searchPath([root, ...ofProcess.pythonPath], python, pythonPath);
  const wsgi = readWsgi(place.into("wsgi"), values.wsgi, searched);
  return python === undefined || wsgi === undefined ? undefined : { root, wsgi, python, env, process: ofProcess };
}

function plain(values: Section<typeof APP>["values"], context: Context) {
  return {
    threads: values.threads,
    queueTimeoutMs: values.queue_timeout,
    queueMax: values.queue_size,
    startTimeoutMs: values.start_timeout,
    sendfileRoots: resolveSendfileRoots(values.sendfile_roots, context),
    reloadOnChange: values.reload_on_change,
    touchReload: values.touch_reload.map(({ value }) => absolute(context, value)),
    requestTimeoutMs: values.request_timeout,
    preload: values.preload,
    staticFinders: values.static_finders,
  };
}

/** sys.path as far as it can be known without starting the interpreter. */
function searchPath(first: readonly string[], python: string | undefined, pythonPath: string | undefined): string[] {
  const extra = (pythonPath ?? "").split(delimiter).filter((folder) => folder !== "");
  const [root = "/"] = first;
  return [...first, ...extra.map((folder) => resolve(root, folder)), ...installed(python)];
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
