/**
 * HTTPS against nginx with the same certificate (EC, P-256), one front against one worker, both without an access log: a fixed
 * reply and a file of 1 MB over kept connections, and a connection for each request, whose handshake is a whole one. Rounds are
 * interleaved; the load comes from wrk.
 *
 *   bun scripts/bench/tls.ts --seconds 3 --rounds 2
 *
 * The bar is CPU per request, user and system time of the whole tree: not more than nginx; of a handshake 1.11 of it.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startServer } from "../../test/support/binary.ts";
import { Authority } from "../../test/support/certificates.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../../test/support/folder.ts";
import { nginxMissing, startNginx } from "../../test/support/nginx.ts";
import { treeCpuMs } from "../../test/support/processes.ts";
import type { Contender } from "./duel.ts";

const BODY = "Hello, world!";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "3" }, rounds: { type: "string", default: "2" } },
});

interface Row {
  readonly name: string;
  readonly path: string;
  readonly connections: number;
  readonly fields: readonly string[];
}

const ROWS: readonly Row[] = [
  { name: "fixed reply", path: "/", connections: 32, fields: [] },
  { name: "1 MB file", path: "/large", connections: 8, fields: [] },
  { name: "handshakes", path: "/", connections: 16, fields: ["-H", "Connection: close"] },
];

async function startOurs(folder: string): Promise<Contender> {
  const port = await freePort();
  const server = await startServer(
    `[server]
fronts = 1
access_log = "off"
keepalive_requests = 100000000
[[site]]
listen = [{ address = "127.0.0.1:${port}", tls = true }]
tls = { cert = "bench.pem", key = "bench.key" }
[site.routes]
"= /" = { respond = "${BODY}" }
"/" = { files = "www/" }
`,
    { folder },
  );
  return { name: "server", port, pids: [server.pid], stop: () => server.dispose() };
}

async function startTheirs(folder: string): Promise<Contender> {
  const port = await freePort();
  const http = `server {
  listen 127.0.0.1:${port} ssl; keepalive_requests 100000000; ssl_session_cache shared:bench:1m;
  ssl_certificate ${folder}/bench.pem; ssl_certificate_key ${folder}/bench.key; ssl_protocols TLSv1.2 TLSv1.3;
  sendfile on; location = / { default_type text/plain; return 200 "${BODY}"; } location / { root ${folder}/www; } }`;
  const nginx = await startNginx({ folder, port: await freePort(), http, server: "return 200;", workers: 1 });
  return { name: "nginx", port, pids: [nginx.pid], stop: () => nginx.stop() };
}

interface Sample {
  readonly perSecond: number;
  readonly cpuUs: number;
}

async function measure({ name, port, pids }: Contender, row: Row, seconds: number): Promise<Sample> {
  const cpu = () => pids.reduce((sum, pid) => sum + treeCpuMs(pid), 0);
  const before = cpu();
  const url = `https://127.0.0.1:${port}${row.path}`;
  const command = ["wrk", "-t", "1", "-c", String(row.connections), "-d", `${seconds}s`, ...row.fields, url];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const report = await new Response(child.stdout).text();
  const cpuMs = cpu() - before;
  const requests = Number(/(\d+) requests in/.exec(report)?.[1] ?? 0);
  if (requests === 0 || /Non-2xx/.test(report)) throw new Error(`${name} failed at ${row.name}:\n${report}`);
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1] ?? 0), cpuUs: (cpuMs * 1000) / requests };
}

/** The cheapest round, since everything else on the machine only makes a round dearer. */
function best(samples: readonly Sample[]): Sample {
  return samples.toSorted((a, b) => a.cpuUs - b.cpuUs)[0] as Sample; // there is at least one round
}

async function compare(contenders: readonly [Contender, Contender], row: Row): Promise<void> {
  const samples: [Sample[], Sample[]] = [[], []];
  for (const contender of contenders) await measure(contender, row, 1);
  for (let round = 0; round < Number(values.rounds); round++) {
    samples[0].push(await measure(contenders[0], row, Number(values.seconds)));
    samples[1].push(await measure(contenders[1], row, Number(values.seconds)));
  }
  const [ours, theirs] = [best(samples[0]), best(samples[1])];
  const figures = ({ perSecond, cpuUs }: Sample) =>
    `${perSecond.toFixed(0)} requests/s, ${cpuUs.toFixed(1)} µs CPU each`;
  const ratio = `${(ours.perSecond / theirs.perSecond).toFixed(2)} × the requests, ${(ours.cpuUs / theirs.cpuUs).toFixed(2)} × the CPU`;
  console.log(`${row.name}: server ${figures(ours)}; nginx ${figures(theirs)}; ${ratio}`);
}

async function main(): Promise<void> {
  const missing = Bun.which("wrk") === null ? "wrk is not installed (apt-get install wrk)" : nginxMissing();
  if (missing !== undefined) throw new Error(missing);
  const folder = makeFolder("bench-tls");
  const running: Contender[] = [];
  try {
    new Authority(folder).make("bench", { names: "IP:127.0.0.1" });
    writeFiles(folder, { [join("www", "large")]: randomBytes(1024 * 1024) });
    const pair = [await startOurs(folder), await startTheirs(folder)] as const;
    running.push(...pair);
    for (const row of ROWS) await compare([...pair], row);
  } finally {
    for (const contender of running) await contender.stop();
    removeFolder(folder);
  }
}

main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
