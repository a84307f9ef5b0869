/**
 * Static files against nginx as its manual would have it for them (sendfile, tcp_nopush, open_file_cache), one front against
 * one worker, both without an access log. Rounds are interleaved, so that what else the machine does hits both.
 *
 *   bun scripts/bench/files.ts --seconds 3 --rounds 3 --connections 32 --only 1k,1m
 *
 * The bars: small files by requests per second of CPU, user and system time of the whole tree; large files by bytes per
 * second; 10 000 files of 4 KB, asked for the first time (cold) and again (warm), by CPU; and what a thousand slow readers of
 * a large file cost in memory. On a machine that shares its cores with the load generator, requests per second say less.
 */
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startServer } from "../../test/support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../../test/support/folder.ts";
import { nginxMissing, startNginx } from "../../test/support/nginx.ts";
import { treeCpuMs } from "../../test/support/processes.ts";
import { site } from "../../test/support/toml.ts";
import { slowReadersGrowth } from "./slow-readers.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "32" },
    only: { type: "string", default: "1k,16k,1m,100m,cold,warm,slow" },
  },
});

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZES = { "1k": KIB, "16k": 16 * KIB, "1m": MIB, "100m": 100 * MIB } as const;
const MANY = 10_000;
const MANY_BYTES = 4 * KIB;
const SLOW_READERS = 1000;
const SLOW_BYTES = 50 * MIB;
const COLD_ROUNDS_MAX = 6;

interface Contender {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

interface Sample {
  readonly perSecond: number;
  readonly bytesPerSecond: number;
  readonly cpuUs: number;
}

/** How a row is judged: by CPU per request or by bytes per second, and what ratio to nginx is wanted. */
const BARS: Readonly<Record<string, readonly ["cpu" | "bytes", number]>> = {
  "1k": ["cpu", 1.25],
  "16k": ["cpu", 1.1],
  "1m": ["bytes", 1.3],
  "100m": ["bytes", 1.3],
  cold: ["cpu", 1],
  warm: ["cpu", 1],
};

// ── what is served ────────────────────────────────────────────────────────────────────────────────────────────────

/** Older than any cache wants files to be before it trusts their times. */
const OLD = new Date(Date.now() - 3_600_000);

function writeOld(path: string, bytes: Uint8Array): void {
  writeFileSync(path, bytes);
  utimesSync(path, OLD, OLD);
}

function makeTree(root: string, rounds: number): void {
  mkdirSync(root);
  const noise = Buffer.allocUnsafe(100 * MIB);
  for (let i = 0; i < noise.length; i += 4) noise.writeUInt32LE((i * 2_654_435_761) >>> 0, i);
  for (const [name, size] of Object.entries(SIZES)) writeOld(join(root, name), noise.subarray(0, size));
  writeOld(join(root, "slow"), noise.subarray(0, SLOW_BYTES));
  for (let round = 0; round <= rounds; round++) {
    mkdirSync(join(root, `many${round}`));
    for (let i = 0; i < MANY; i++) writeOld(join(root, `many${round}`, `${i}.css`), noise.subarray(i, i + MANY_BYTES));
  }
}

// ── who serves it ─────────────────────────────────────────────────────────────────────────────────────────────────

async function startOurs(folder: string, root: string): Promise<Contender> {
  const port = await freePort();
  const limits = `[server]\nfronts = 1\naccess_log = "off"\nkeepalive_requests = 100000000\n`;
  const routes = `"/" = { files = "${root}" }`;
  const server = await startServer(limits + site(`127.0.0.1:${port}`, routes), { folder });
  return { name: "server", port, pid: server.pid, stop: () => server.dispose() };
}

const NGINX_HTTP = `keepalive_requests 100000000; sendfile on; tcp_nopush on;
  open_file_cache max=15000 inactive=60s; open_file_cache_valid 60s; open_file_cache_min_uses 1;`;

async function startTheirs(folder: string, root: string): Promise<Contender> {
  const port = await freePort();
  const nginx = await startNginx({ folder, port, http: NGINX_HTTP, server: `root ${root};`, workers: 1 });
  return { name: "nginx", port, pid: nginx.pid, stop: () => nginx.stop() };
}

// ── load ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Of the largest a few connections take all there is, and get to the end of it within a round. */
function connectionsFor(path: string): string {
  return path === "/100m" ? "4" : values.connections;
}

async function measure(contender: Contender, seconds: number, path: string, script?: string): Promise<Sample> {
  const { name, port, pid } = contender;
  const before = treeCpuMs(pid);
  const scripted = script === undefined ? [] : ["-s", script];
  const url = `http://127.0.0.1:${port}${path}`;
  const command = ["wrk", "-t", "1", "-c", connectionsFor(path), "-d", `${seconds}s`, ...scripted, url];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const report = await new Response(child.stdout).text();
  const cpuMs = treeCpuMs(pid) - before;
  const found = /(\d+) requests in ([\d.]+)(m?s), ([\d.]+)([KMGT]?)B read/.exec(report);
  const requests = Number(found?.[1] ?? 0);
  if (requests === 0 || /Non-2xx|Socket errors: connect [1-9]/.test(report))
    throw new Error(`${name} failed:\n${report}`);
  const elapsed = Number(found?.[2]) / (found?.[3] === "ms" ? 1000 : 1);
  const bytes = Number(found?.[4]) * 1024 ** " KMGT".indexOf(found?.[5] || " ");
  return { perSecond: requests / elapsed, bytesPerSecond: bytes / elapsed, cpuUs: (cpuMs * 1000) / requests };
}

/** Every file of one directory once, in an order of its own, over kept connections. */
async function measureOnce({ name, port, pid }: Contender, directory: string): Promise<Sample> {
  const before = treeCpuMs(pid);
  const began = performance.now();
  const lanes = Array.from({ length: 16 }, (_, lane) => askInTurn(port, directory, lane, 16));
  const bytes = (await Promise.all(lanes)).reduce((sum, each) => sum + each, 0);
  const seconds = (performance.now() - began) / 1000;
  if (bytes < MANY * MANY_BYTES) throw new Error(`${name}: ${bytes} bytes for ${MANY} files`);
  const cpuUs = ((treeCpuMs(pid) - before) * 1000) / MANY;
  return { perSecond: MANY / seconds, bytesPerSecond: bytes / seconds, cpuUs };
}

/** One request after the other on one connection; gives the bytes received. */
async function askInTurn(port: number, directory: string, lane: number, lanes: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let next = lane;
  let awaited = 0;
  let bytes = 0;
  const ask = (socket: Bun.Socket) => {
    if (next >= MANY) return void socket.end();
    socket.write(`GET /${directory}/${next}.css HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    next += lanes;
    awaited = 0;
  };
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: ask,
      data: (socket, chunk) => {
        bytes += chunk.length;
        const end = awaited === 0 ? chunk.indexOf("\r\n\r\n") : -1;
        if (end !== -1) awaited = MANY_BYTES + end + 4;
        awaited -= chunk.length;
        if (awaited === 0) ask(socket);
      },
      close: () => resolve(bytes),
      error: (_, error) => reject(error),
    },
  });
  return promise;
}

// ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────

type Measure = (contender: Contender, round: number) => Promise<Sample>;

/** The cheapest round, since everything else on the machine only makes a round dearer. */
function best(samples: readonly Sample[], by: "cpu" | "bytes"): Sample {
  const value = by === "cpu" ? (sample: Sample) => sample.cpuUs : (sample: Sample) => -sample.bytesPerSecond;
  return samples.toSorted((a, b) => value(a) - value(b))[0] as Sample; // there is at least one round
}

async function compare(row: string, contenders: readonly Contender[], rounds: number, run: Measure): Promise<void> {
  const [by, bar] = BARS[row] ?? ["cpu", 1];
  const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const each of contenders) samples.get(each.name)?.push(await run(each, round));
  }
  const [ours, theirs] = [...samples.values()].map((all) => best(all, by)) as [Sample, Sample]; // two contenders
  const ratio = by === "cpu" ? theirs.cpuUs / ours.cpuUs : ours.bytesPerSecond / theirs.bytesPerSecond;
  const figures = ({ perSecond, bytesPerSecond, cpuUs }: Sample) =>
    `${perSecond.toFixed(0).padStart(7)}/s ${(bytesPerSecond / 1e6).toFixed(0).padStart(6)} MB/s ${cpuUs.toFixed(1).padStart(8)} µs`;
  const verdict = ratio >= bar ? "met" : "MISSED";
  const what = by === "cpu" ? "requests per CPU" : "bytes/s";
  console.log(
    `${row.padEnd(5)} ours ${figures(ours)}   nginx ${figures(theirs)}   ${what} ${ratio.toFixed(2)} (${bar}: ${verdict})`,
  );
}

async function runRows(contenders: readonly Contender[], folder: string): Promise<void> {
  const wanted = new Set(values.only.split(","));
  const seconds = Number(values.seconds);
  const rounds = Number(values.rounds);
  const script = join(folder, "many.lua");
  writeFileSync(
    script,
    `request = function() return wrk.format("GET", "/many0/" .. math.random(0, ${MANY - 1}) .. ".css") end\n`,
  );
  for (const each of contenders) await measure(each, 1, "/1k");
  for (const each of contenders) await measureOnce(each, "many0");
  for (const row of ["1k", "16k", "1m", "100m"].filter((each) => wanted.has(each))) {
    await compare(row, contenders, rounds, (contender) => measure(contender, seconds, `/${row}`));
  }
  if (wanted.has("cold")) {
    await compare("cold", contenders, coldRounds(rounds), (each, round) => measureOnce(each, `many${round + 1}`));
  }
  if (wanted.has("warm")) await compare("warm", contenders, rounds, (each) => measure(each, seconds, "/", script));
  if (wanted.has("slow")) await measureSlow(contenders);
}

function coldRounds(rounds: number): number {
  return Math.min(rounds, COLD_ROUNDS_MAX);
}

async function measureSlow(contenders: readonly Contender[]): Promise<void> {
  for (const { name, port, pid } of contenders) {
    const growth = await slowReadersGrowth({ port, pid, path: "/slow", readers: SLOW_READERS });
    const each = growth / SLOW_READERS / KIB;
    const verdict = name === "server" ? ` (64: ${each < 64 ? "met" : "MISSED"})` : "";
    console.log(
      `slow  ${name}: ${SLOW_READERS} readers of ${SLOW_BYTES / MIB} MiB: ${each.toFixed(1)} KiB each${verdict}`,
    );
  }
}

async function main(): Promise<void> {
  const missing = Bun.which("wrk") === null ? "wrk is not installed (apt-get install wrk)" : nginxMissing();
  if (missing !== undefined) throw new Error(missing);
  const folder = makeFolder("bench-files");
  const root = join(folder, "tree");
  const running: Contender[] = [];
  try {
    makeTree(root, coldRounds(Number(values.rounds)));
    running.push(await startOurs(folder, root));
    running.push(await startTheirs(folder, root));
    await runRows(running, folder);
  } finally {
    for (const contender of running) await contender.stop();
    removeFolder(folder);
  }
}

main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
