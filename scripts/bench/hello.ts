/**
 * The application server's price against the pair it replaces: a hello-world WSGI application, 4 processes of 2 threads,
 * and a 1 KiB static file, behind `server` and behind nginx + uWSGI on a unix socket, both with an access log. Rounds are
 * interleaved, so that what else the machine does hits both; the load comes from wrk over kept connections.
 *
 *   make bench        bun scripts/bench/hello.ts --seconds 5 --rounds 3 --connections 64
 *
 * CPU is utime + stime of the whole tree from /proc; where load generator and server share cores, trust it and the ratio
 * more than requests/s.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startServer } from "../../test/support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../../test/support/folder.ts";
import { nginxMissing, startNginx, UWSGI_PARAMS } from "../../test/support/nginx.ts";
import { treeCpuMs } from "../../test/support/processes.ts";
import { probeApp, site } from "../../test/support/toml.ts";
import { startUwsgi, uwsgiMissing } from "../../test/support/uwsgi.ts";

const PROCESSES = 4;
const THREADS = 2;
const FILE_BYTES = 1024;
const CORES = navigator.hardwareConcurrency;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "64" },
  },
});

interface Contender {
  readonly name: string;
  readonly port: number;
  readonly pids: readonly number[];
  readonly stop: () => Promise<void>;
}

interface Sample {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly errors: number;
}

const ROWS = [
  ["WSGI hello", "/"],
  ["1 KiB file", "/static/1k.txt"],
] as const;

async function startOurs(folder: string): Promise<Contender> {
  const port = await freePort();
  const app = probeApp({ module: "hello", processes: PROCESSES, threads: THREADS });
  const log = `[server]\naccess_log = ${JSON.stringify(join(folder, "server-access.log"))}\n`;
  const routes = `"/static/" = { files = "static/" }\n"/" = { app = "probe" }`;
  const server = await startServer(log + app + site(`127.0.0.1:${port}`, routes), { folder });
  return { name: "server", port, pids: [server.pid], stop: () => server.dispose() };
}

async function startPair(folder: string): Promise<Contender> {
  const port = await freePort();
  const path = join(folder, "uwsgi.sock");
  // nginx writes the access log; uWSGI's own line per request would be a second one.
  const more = ["--disable-logging", "--listen", "100"];
  const scale = { processes: PROCESSES, threads: THREADS };
  const uwsgi = await startUwsgi({ address: { path }, module: "hello", folder, more, ...scale });
  const app = `location / { include ${UWSGI_PARAMS}; uwsgi_pass unix:${path}; }`;
  const files = `location /static/ { alias ${folder}/static/; }`;
  const http = "sendfile on; keepalive_requests 100000;";
  const server = `${files}\n${app}`;
  const nginx = await startNginx({ folder, port, http, server, workers: CORES, accessLog: true });
  const stop = async () => {
    await nginx.stop();
    await uwsgi.stop();
  };
  return { name: "nginx + uWSGI", port, pids: [nginx.pid, uwsgi.pid], stop };
}

async function measure(contender: Contender, target: string, seconds: number): Promise<Sample> {
  const cpu = () => contender.pids.reduce((sum, pid) => sum + treeCpuMs(pid), 0);
  const url = `http://127.0.0.1:${contender.port}${target}`;
  const before = cpu();
  const report = await wrk(url, seconds);
  const cpuMs = cpu() - before;
  const requests = Number(/(\d+) requests in/.exec(report)?.[1] ?? 0);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1] ?? 0);
  if (requests === 0) throw new Error(`${contender.name} answered nothing at ${url}:\n${report}`);
  const socketErrors = /connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(report)?.slice(1) ?? [];
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(report)?.[1] ?? 0);
  const errors = socketErrors.reduce((sum, count) => sum + Number(count), refused);
  return { perSecond, cpuUs: (cpuMs * 1000) / requests, errors };
}

async function wrk(url: string, seconds: number): Promise<string> {
  const command = ["wrk", "-t", String(Math.min(2, CORES)), "-c", values.connections, "-d", `${seconds}s`, url];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const report = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed:\n${report}`);
  return report;
}

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number;

/** A line for each contender, medians over the rounds, the ratio to the last one. */
function print(row: string, samples: ReadonlyMap<string, readonly Sample[]>): void {
  const medians = [...samples].map(([name, all]) => {
    const perSecond = median(all.map((sample) => sample.perSecond));
    const cpuUs = median(all.map((sample) => sample.cpuUs));
    return { name, perSecond, cpuUs, errors: all.reduce((sum, sample) => sum + sample.errors, 0) };
  });
  const peer = medians.at(-1) as (typeof medians)[number];
  console.log(`\n${row}`);
  for (const { name, perSecond, cpuUs, errors } of medians) {
    const ratios = `${(perSecond / peer.perSecond).toFixed(2)} × the requests, ${(cpuUs / peer.cpuUs).toFixed(2)} × the CPU`;
    const figures = `${perSecond.toFixed(0).padStart(8)} requests/s  ${cpuUs.toFixed(1).padStart(6)} µs CPU/request`;
    console.log(`  ${name.padEnd(14)}${figures}  ${ratios}${errors === 0 ? "" : `  ${errors} ERRORS`}`);
  }
}

function requirements(): string | undefined {
  if (Bun.which("wrk") === null) return "wrk is not installed (apt-get install wrk)";
  return nginxMissing() ?? uwsgiMissing();
}

async function compare(contenders: readonly Contender[]): Promise<void> {
  const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)];
  for (const [row, target] of ROWS) {
    const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
    for (const contender of contenders) await measure(contender, target, 1);
    for (let round = 0; round < rounds; round++) {
      for (const contender of contenders) samples.get(contender.name)?.push(await measure(contender, target, seconds));
    }
    print(row, samples);
  }
}

async function main(): Promise<void> {
  const missing = requirements();
  if (missing !== undefined) throw new Error(missing);
  const folder = makeFolder("bench");
  const running: Contender[] = [];
  try {
    writeFiles(folder, { "static/1k.txt": "x".repeat(FILE_BYTES) });
    running.push(await startOurs(folder));
    running.push(await startPair(folder));
    await compare(running);
  } finally {
    for (const contender of running) await contender.stop();
    removeFolder(folder);
  }
}

main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
