/**
 * A server under full load whose configuration changes again and again: routes, listeners, apps, workers, services. Shared
 * by the e2e test, with few reloads, and by scripts/reload-loss.ts, with the whole number.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Server, startServer } from "./binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "./folder.ts";
import { Load, type LoadCounts } from "./load.ts";
import { get } from "./wire.ts";

const APP = `import os
def application(environ, start_response):
    body = os.environ.get("ROUND", "-").encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
`;

export interface ReloadRun {
  /** Of keep-alive connections, and of those that are made for one request. */
  readonly kept: LoadCounts;
  readonly fresh: LoadCounts;
  /** What each reload brought into force was seen by the next request. */
  readonly mismatches: readonly string[];
}

/** The configuration of turn `round`: no two neighbours are alike in anything that a reload can change. */
function configuration(round: number, ports: readonly [number, number]): string {
  const odd = round % 2 === 1;
  const listen = odd ? ports : ports.slice(0, 1);
  const second = `[app.second]\nroot = "."\nwsgi = "hello"\nprocesses = 1\nthreads = 1\n`;
  return `
[server]
fronts = 2
access_log = "off"
log_level = "notice"
keepalive_timeout = "${60 + round}s"
[limit.all]
rate = "20000/s"
burst = ${20_000 + round}
[app.first]
root = "."
wsgi = "hello"
processes = ${1 + (round % 3)}
threads = 2
[app.first.env]
ROUND = "${round}"
${odd ? second : ""}
[upstream.self]
servers = ["127.0.0.1:${ports[0]}"]
[service.beside]
command = ["sleep", "${1000 + round}"]
[[site]]
listen = [${listen.map((port) => `"127.0.0.1:${port}"`).join(", ")}]
limit = "all"
[site.routes]
"/" = { app = "first" }
"/files/" = { files = "files/" }
"/proxied" = { upstream = "self", uri = "/files/a.txt" }
"/fixed" = { respond = "${round}" }
"/round-${round}" = { respond = "here" }
${odd ? '"/second" = { app = "second" }' : ""}
`;
}

const TARGETS = ["/", "/files/a.txt", "/fixed", "/files/a.txt", "/proxied"];

/** Reloads `reloads` times, and goes on until `requests` were answered. */
export async function reloadUnderLoad(reloads: number, requests: number, connections: number): Promise<ReloadRun> {
  const folder = makeFolder("reload-load");
  writeFiles(folder, { "hello.py": APP, "files/a.txt": "a file\n" });
  const ports = [await freePort(), await freePort()] as const;
  const address = { host: "127.0.0.1", port: ports[0] };
  const server = await startServer(configuration(0, ports), { folder });
  const load = (more: string) =>
    new Load({
      address,
      connections,
      request: (turn) => `GET ${TARGETS[turn % TARGETS.length]} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`,
    });
  const kept = load("");
  const fresh = load("Connection: close\r\n");
  const mismatches: string[] = [];
  const answered = () => kept.counts.replies + fresh.counts.replies;
  try {
    for (let round = 1; round <= reloads; round++) {
      while (answered() < (requests / (reloads + 1)) * round) await Bun.sleep(5);
      writeFileSync(join(folder, "server.toml"), configuration(round, ports));
      await reload(server, round, ports, mismatches);
    }
    while (answered() < requests) await Bun.sleep(5);
    return { kept: await kept.stop(), fresh: await fresh.stop(), mismatches };
  } finally {
    await Promise.all([kept.stop(), fresh.stop()]);
    await server.dispose();
    removeFolder(folder);
  }
}

async function reload(server: Server, round: number, ports: readonly [number, number], mismatches: string[]) {
  const { code, stdout, stderr } = await server.command("reload");
  if (code !== 0 || stderr !== "") mismatches.push(`reload ${round}: exit code ${code}: ${stdout}${stderr}`);
  const at = async (path: string, port = ports[0]) => (await get({ host: "127.0.0.1", port }, path)).body.toString();
  const seen = [await at("/"), await at("/fixed"), await at(`/round-${round}`)];
  if (round % 2 === 1) seen.push(await at("/second", ports[1]));
  const wanted = [`${round}`, `${round}`, "here", ...(round % 2 === 1 ? ["-"] : [])];
  if (seen.join() !== wanted.join()) mismatches.push(`reload ${round}: ${seen.join()} instead of ${wanted.join()}`);
}
