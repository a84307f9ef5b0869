/** This project's executable, one front for each core. */
import { join } from "node:path";
import packageJson from "../../../package.json";
import { BINARY, controlHome } from "../../../test/support/binary.ts";
import { writeFiles } from "../../../test/support/folder.ts";
import { FIXED_BODY, type Peer, type Place, PROCESSES, PYTHON, type Running, type Scene, THREADS } from "./peer.ts";
import { Program, together } from "./program.ts";

const q = (text: string) => JSON.stringify(text);

function table(head: string, entries: Readonly<Record<string, string>>): string {
  const lines = Object.entries(entries).map(([key, value]) => `${key} = ${value}`);
  return `[${head}]\n${lines.join("\n")}\n`;
}

function configuration({ app, files, upstream, uwsgi, tls, fronts, hasLog }: Scene, { folder, port }: Place): string {
  const log = q(hasLog ? join(folder, "access.log") : "off");
  const tables = [table("server", { fronts: String(fronts), access_log: log, keepalive_requests: "100000000" })];
  const routes: string[] = [];
  if (app !== undefined) {
    const scale = { processes: String(PROCESSES), threads: String(THREADS) };
    tables.push(
      table("app.bench", { root: q(app.root), wsgi: q(`${app.module}:application`), python: q(PYTHON), ...scale }),
    );
    const env = Object.entries(app.env ?? {}).map(([name, value]) => [name, q(value)] as const);
    tables.push(table("app.bench.env", Object.fromEntries(env)));
    routes.push('"/" = { app = "bench" }');
  }
  if (files !== undefined) routes.push(`"/" = { files = ${q(files)} }`, `"= /fixed" = { respond = ${q(FIXED_BODY)} }`);
  if (upstream !== undefined) {
    tables.push(table("upstream.http", { servers: `["127.0.0.1:${upstream}"]` }));
    routes.push('"/" = { upstream = "http" }', '"/page" = { upstream = "http", compress = true }');
  }
  if (uwsgi !== undefined) {
    tables.push(table("upstream.uwsgi", { protocol: '"uwsgi"', servers: `["unix:${uwsgi}"]` }));
    routes.push('"/uwsgi" = { upstream = "uwsgi" }');
  }
  const listen = tls === undefined ? q(`127.0.0.1:${port}`) : `[{ address = "127.0.0.1:${port}", tls = true }]`;
  const certificate = tls === undefined ? "" : `tls = { cert = ${q(tls.pem)}, key = ${q(tls.key)} }\n`;
  return `${tables.join("\n")}\n[[site]]\nlisten = ${listen}\n${certificate}\n[site.routes]\n${routes.join("\n")}\n`;
}

const SERVER: Omit<Peer, "launch"> = {
  name: "server",
  abilities: ["wsgi", "files", "fixed", "proxy", "uwsgi", "websocket", "gzip", "zstd", "tls"],
  packages: {},
  hasOneThread: true,
  isThere: () => true,
  version: () => packageJson.version,
};

async function launch(begin: Begin, scene: Scene, place: Place): Promise<Running> {
  writeFiles(place.folder, { "server.toml": configuration(scene, place) });
  const env = { ...controlHome(place.folder), SERVER_RUN_AS_ROOT: "1", ...begin.env };
  const command = (name: string) => [...begin.command, name, "-c", "server.toml"];
  const program = new Program("server", command("run"), { folder: place.folder, env });
  const reload = async () => {
    const child = Bun.spawn(command("reload"), {
      cwd: place.folder,
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    if ((await child.exited) !== 0) throw new Error(`reload: ${await new Response(child.stderr).text()}`);
  };
  return together([program], reload);
}

/** As its command line is begun: the executable, or the sources for a profile. */
export interface Begin {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export const server = serverPeer({ command: [BINARY], env: {} });

export function serverPeer(begin: Begin): Peer {
  return { ...SERVER, launch: (scene, place) => launch(begin, scene, place) };
}
