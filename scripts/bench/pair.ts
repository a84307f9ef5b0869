/**
 * Who is compared in the benches of apps: `server`, and nginx with uWSGI behind a unix socket, with the same interpreter,
 * project, processes and threads, and both with an access log.
 */
import { join } from "node:path";
import { startServer } from "../../test/support/binary.ts";
import { freePort } from "../../test/support/folder.ts";
import { nginxMissing, startNginx, UWSGI_PARAMS } from "../../test/support/nginx.ts";
import { site } from "../../test/support/toml.ts";
import { startUwsgi, uwsgiMissing } from "../../test/support/uwsgi.ts";
import type { Contender } from "./duel.ts";

export interface Project {
  readonly folder: string;
  readonly root: string;
  readonly module: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Served under /static/ by both; a folder. */
  readonly files?: string;
}

export const PROCESSES = 4;
export const THREADS = 2;
/** The one that Debian's uWSGI has built in. */
const PYTHON = "/usr/bin/python3";
const CORES = navigator.hardwareConcurrency;

export function requirements(): string | undefined {
  if (Bun.which("wrk") === null) return "wrk is not installed (apt-get install wrk)";
  return nginxMissing() ?? uwsgiMissing();
}

/** Ours first. */
export async function startBoth(project: Project): Promise<Contender[]> {
  const ours = await startOurs(project);
  try {
    return [ours, await startTheirs(project)];
  } catch (error) {
    await ours.stop();
    throw error;
  }
}

async function startOurs({ folder, root, module, env = {}, files }: Project): Promise<Contender> {
  const port = await freePort();
  const q = (text: string) => JSON.stringify(text);
  const toml = `
[server]
access_log = ${q(join(folder, "server-access.log"))}
keepalive_requests = 1000000
[app.bench]
root = ${q(root)}
wsgi = "${module}:application"
python = "${PYTHON}"
processes = ${PROCESSES}
threads = ${THREADS}
[app.bench.env]
${Object.entries(env)
  .map(([name, value]) => `${name} = ${q(value)}`)
  .join("\n")}
`;
  const routes = `"/" = { app = "bench" }${files === undefined ? "" : `\n"/static/" = { files = ${q(`${files}/`)} }`}`;
  const server = await startServer(toml + site(`127.0.0.1:${port}`, routes), { folder });
  return { name: "server", port, pids: [server.pid], stop: () => server.dispose() };
}

async function startTheirs({ folder, root, module, env = {}, files }: Project): Promise<Contender> {
  const port = await freePort();
  const path = join(folder, "uwsgi.sock");
  // nginx writes the access log; uWSGI's own line per request would be a second one.
  const more = ["--disable-logging", "--listen", "100"];
  for (const [name, value] of Object.entries(env)) more.push("--env", `${name}=${value}`);
  const scale = { processes: PROCESSES, threads: THREADS };
  const uwsgi = await startUwsgi({ address: { path }, root, module, folder, more, ...scale });
  const app = `location / { include ${UWSGI_PARAMS}; uwsgi_pass unix:${path}; }`;
  const location = files === undefined ? "" : `location /static/ { alias ${files}/; }`;
  const http = "sendfile on; keepalive_requests 1000000;";
  const server = `${location}\n${app}`;
  const nginx = await startNginx({ folder, port, http, server, workers: CORES, accessLog: true });
  const stop = async () => {
    await nginx.stop();
    await uwsgi.stop();
  };
  return { name: "nginx + uWSGI", port, pids: [nginx.pid, uwsgi.pid], stop };
}
