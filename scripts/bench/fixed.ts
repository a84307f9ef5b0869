/**
 * A fixed reply (`respond`) against nginx's `return 200`, with one front against one worker, both without an access log. Rounds
 * are interleaved, so that what else the machine does hits both; the load comes from wrk over kept connections.
 *
 *   bun scripts/bench/fixed.ts --seconds 4 --rounds 3 --connections 32
 *
 * The bar is CPU per request, user and system time of the whole tree: not more than nginx. Requests/s on a machine that
 * shares its cores with the load generator say less.
 */
import { parseArgs } from "node:util";
import { startServer } from "../../test/support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../../test/support/folder.ts";
import { nginxMissing, startNginx } from "../../test/support/nginx.ts";
import { treeCpuMs } from "../../test/support/processes.ts";
import { site } from "../../test/support/toml.ts";

const BODY = "Hello, world!";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "32" },
  },
});

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

async function startOurs(folder: string): Promise<Contender> {
  const port = await freePort();
  const routes = `"/" = { respond = "${BODY}" }`;
  const limits = `[server]\nfronts = 1\naccess_log = "off"\nkeepalive_requests = 100000000\n`;
  const server = await startServer(limits + site(`127.0.0.1:${port}`, routes), { folder });
  return { name: "server", port, pid: server.pid, stop: () => server.dispose() };
}

async function startTheirs(folder: string): Promise<Contender> {
  const port = await freePort();
  const server = `location / { default_type text/plain; return 200 "${BODY}"; }`;
  const nginx = await startNginx({ folder, port, http: "keepalive_requests 100000000;", server, workers: 1 });
  return { name: "nginx", port, pid: nginx.pid, stop: () => nginx.stop() };
}

async function measure({ name, port, pid }: Contender, seconds: number): Promise<Sample> {
  const before = treeCpuMs(pid);
  const url = `http://127.0.0.1:${port}/`;
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

async function compare(contenders: readonly Contender[]): Promise<void> {
  const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
  for (const contender of contenders) await measure(contender, 1);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const each of contenders) samples.get(each.name)?.push(await measure(each, Number(values.seconds)));
  }
  const rows = [...samples].map(([name, all]) => ({ name, ...best(all) }));
  const peer = rows.at(-1) as (typeof rows)[number]; // there are two
  console.log("\nfixed reply, one front against one worker");
  for (const { name, perSecond, cpuUs } of rows) {
    const figures = `${perSecond.toFixed(0).padStart(8)} requests/s  ${cpuUs.toFixed(2).padStart(6)} µs CPU/request`;
    const ratios = `${(perSecond / peer.perSecond).toFixed(2)} × the requests, ${(cpuUs / peer.cpuUs).toFixed(2)} × the CPU`;
    console.log(`  ${name.padEnd(8)}${figures}  ${ratios}`);
  }
}

async function main(): Promise<void> {
  const missing = Bun.which("wrk") === null ? "wrk is not installed (apt-get install wrk)" : nginxMissing();
  if (missing !== undefined) throw new Error(missing);
  const folder = makeFolder("bench-fixed");
  const running: Contender[] = [];
  try {
    running.push(await startOurs(folder));
    running.push(await startTheirs(folder));
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
