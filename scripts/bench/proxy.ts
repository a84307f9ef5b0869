/**
 * The price of a proxied request against nginx: the same upstream behind one front and behind one nginx worker, kept
 * connections on both sides, no access log. Rows: a small reply and 1 MiB over http, and a hello of a real uWSGI. Rounds
 * are interleaved, so that what else the machine does hits both; the load comes from wrk.
 *
 *   bun scripts/bench/proxy.ts --seconds 4 --rounds 3 --connections 32 --rows small,large,uwsgi,wait
 *
 * The bar is CPU per request of the proxy alone (user and system, its whole tree): the upstream is not counted. The row `wait`
 * is what the proxy adds to the 99th percentile of a small reply's time at `--share` (a half) of the load that the slower of
 * both can carry; the load's own processor time is part of what the machine has to carry then.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startServer } from "../../test/support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../../test/support/folder.ts";
import { nginxMissing, startNginx, UWSGI_PARAMS } from "../../test/support/nginx.ts";
import { treeCpuMs } from "../../test/support/processes.ts";
import { site } from "../../test/support/toml.ts";
import { startUwsgi, uwsgiMissing } from "../../test/support/uwsgi.ts";
import { pacedLoad, quantile } from "./paced.ts";

const LARGE_BYTES = 1024 * 1024;
const KEPT = "keepalive_requests 100000000;";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "32" },
    share: { type: "string", default: "0.5" },
    rows: { type: "string", default: "small,large,uwsgi,wait" },
  },
});

interface Row {
  readonly name: string;
  readonly path: string;
  /** Ours must be at most this share of nginx's CPU. */
  readonly bar: number;
}

const ROWS: readonly Row[] = [
  { name: "small", path: "/small", bar: 1 / 1.1 },
  { name: "large", path: "/large", bar: 1 / 1.3 },
  { name: "uwsgi", path: "/uwsgi", bar: 1 },
];

interface Contender {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

interface Sample {
  readonly perSecond: number;
  readonly cpuUs: number;
}

interface Upstreams {
  readonly http: number;
  readonly uwsgi: string;
}

async function startOurs(folder: string, upstreams: Upstreams): Promise<Contender> {
  const port = await freePort();
  const toml = `
[server]
fronts = 1
access_log = "off"
keepalive_requests = 100000000
[upstream.http]
servers = ["127.0.0.1:${upstreams.http}"]
[upstream.uwsgi]
protocol = "uwsgi"
servers = ["unix:${upstreams.uwsgi}"]
`;
  const routes = `"/" = { upstream = "http" }\n"/uwsgi" = { upstream = "uwsgi" }`;
  const server = await startServer(toml + site(`127.0.0.1:${port}`, routes), { folder });
  return { name: "server", port, pid: server.pid, stop: () => server.dispose() };
}

async function startTheirs(folder: string, upstreams: Upstreams): Promise<Contender> {
  const port = await freePort();
  const http = `${KEPT} upstream u { server 127.0.0.1:${upstreams.http}; keepalive 64; keepalive_requests 100000000; }`;
  const server = `
    location / {
      proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
    }
    location /uwsgi { include ${UWSGI_PARAMS}; uwsgi_pass unix:${upstreams.uwsgi}; }`;
  const nginx = await startNginx({ folder: join(folder, "front"), port, http, server, workers: 1 });
  return { name: "nginx", port, pid: nginx.pid, stop: () => nginx.stop() };
}

async function measure({ name, port, pid }: Contender, row: Row, seconds: number): Promise<Sample> {
  const before = treeCpuMs(pid);
  const url = `http://127.0.0.1:${port}${row.path}`;
  const command = ["wrk", "-t", "1", "-c", values.connections, "-d", `${seconds}s`, url];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const report = await new Response(child.stdout).text();
  const cpuMs = treeCpuMs(pid) - before;
  const requests = Number(/(\d+) requests in/.exec(report)?.[1] ?? 0);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1] ?? 0);
  if (requests === 0 || /Non-2xx|Socket errors/.test(report)) throw new Error(`${name} failed:\n${report}`);
  return { perSecond, cpuUs: (cpuMs * 1000) / requests };
}

/** The cheapest round, since everything else on the machine only makes a round dearer. */
function best(samples: readonly Sample[]): Sample {
  return samples.toSorted((a, b) => a.cpuUs - b.cpuUs)[0] as Sample; // there is at least one round
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number; // there is at least one round
}

async function compare(row: Row, contenders: readonly Contender[]): Promise<void> {
  const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
  for (const contender of contenders) await measure(contender, row, 1);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const each of contenders) samples.get(each.name)?.push(await measure(each, row, Number(values.seconds)));
  }
  const rows = [...samples].map(([name, all]) => ({
    name,
    ...best(all),
    medianUs: median(all.map((one) => one.cpuUs)),
  }));
  const peer = rows.at(-1) as (typeof rows)[number]; // there are two
  console.log(`\n${row.name}, one front against one worker; the bar is ${row.bar.toFixed(2)} × the CPU`);
  for (const { name, perSecond, cpuUs, medianUs } of rows) {
    const figures = `${perSecond.toFixed(0).padStart(8)} requests/s  ${cpuUs.toFixed(2).padStart(7)} µs CPU/request`;
    const ratios = `${(perSecond / peer.perSecond).toFixed(2)} × the requests, ${(cpuUs / peer.cpuUs).toFixed(2)} × the CPU`;
    const medians = `median ${medianUs.toFixed(2)} µs, ${(medianUs / peer.medianUs).toFixed(2)} ×`;
    console.log(`  ${name.padEnd(8)}${figures}  ${ratios}; ${medians}`);
  }
}

const WAIT_BAR = 1.2;

interface Waits {
  readonly p50: number;
  readonly p99: number;
}

/** Of the medians of the rounds: what each adds to an upstream that is asked directly. */
async function compareWaits(row: Row, contenders: readonly Contender[], upstream: number): Promise<void> {
  const carried: number[] = [];
  for (const contender of contenders) carried.push((await measure(contender, row, 1)).perSecond);
  const perSecond = Math.min(...carried) * Number(values.share);
  const all = [{ name: "upstream", port: upstream }, ...contenders];
  const samples = new Map<string, Waits[]>(all.map(({ name }) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { name, port } of all) {
      const load = { port, path: row.path, perSecond, seconds: Number(values.seconds), connections: 64 };
      const waits = await pacedLoad(load);
      samples.get(name)?.push({ p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) });
    }
  }
  const [direct, ours, theirs] = [...samples.values()].map((rounds) => ({
    p50: median(rounds.map(({ p50 }) => p50)),
    p99: median(rounds.map(({ p99 }) => p99)),
  })) as [Waits, Waits, Waits];
  console.log(
    `\nwait at ${perSecond.toFixed(0)} requests/s; the bar is ${WAIT_BAR} × what nginx adds to the 99th percentile`,
  );
  for (const [name, { p50, p99 }] of Object.entries({ upstream: direct, server: ours, nginx: theirs })) {
    console.log(
      `  ${name.padEnd(9)}p50 ${p50.toFixed(3)} ms  p99 ${p99.toFixed(3)} ms, ${(p99 - direct.p99).toFixed(3)} added`,
    );
  }
  const ratio = (ours.p99 - direct.p99) / (theirs.p99 - direct.p99);
  console.log(ratio > 0 ? `  ${ratio.toFixed(2)} × of what nginx adds` : "  nginx adds nothing that could be measured");
}

async function main(): Promise<void> {
  const missing = Bun.which("wrk") === null ? "wrk is not installed (apt-get install wrk)" : nginxMissing();
  if (missing !== undefined) throw new Error(missing);
  const folder = makeFolder("bench-proxy");
  writeFiles(folder, { "files/large": "x".repeat(LARGE_BYTES), "front/x": "", "back/x": "" });
  const running: { stop: () => Promise<unknown> }[] = [];
  const wanted = new Set(values.rows.split(","));
  if (uwsgiMissing() !== undefined) wanted.delete("uwsgi");
  try {
    const upstreams = { http: await freePort(), uwsgi: join(folder, "uwsgi.sock") };
    const back = `location / { default_type text/plain; return 200 "Hello, world!"; } location /large { root ${folder}/files; }`;
    const at = { folder: join(folder, "back"), port: upstreams.http };
    running.push(await startNginx({ ...at, http: KEPT, server: back, workers: 1 }));
    if (wanted.has("uwsgi")) {
      const more = ["--disable-logging"];
      running.push(await startUwsgi({ address: { path: upstreams.uwsgi }, module: "hello", folder, more }));
    }
    const contenders = [await startOurs(folder, upstreams), await startTheirs(folder, upstreams)];
    running.push(...contenders);
    for (const row of ROWS) if (wanted.has(row.name)) await compare(row, contenders);
    if (wanted.has("wait")) await compareWaits(ROWS[0] as Row, contenders, upstreams.http);
  } finally {
    for (const each of running) await each.stop();
    removeFolder(folder);
  }
}

main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
