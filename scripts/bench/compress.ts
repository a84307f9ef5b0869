/**
 * Compression on the fly against nginx's gzip, one front against one worker, both without an access log. A page of 30 KB:
 * given by `respond`, and so compressed for each request as an app's would be, and as a hot file, which we compress once and
 * nginx, whose rows serve it from disk, for each request too. Beside gzip also br and zstd, which nginx-light has not.
 *
 *   bun scripts/bench/compress.ts --seconds 3 --rounds 2 --connections 32
 *
 * CPU per request of the whole tree and the bytes of one reply say most; the load generator shares the cores.
 */
import { parseArgs } from "node:util";
import { startServer } from "../../test/support/binary.ts";
import { freePort, makeFolder, removeFolder, ROOT, writeFiles } from "../../test/support/folder.ts";
import { nginxMissing, startNginx } from "../../test/support/nginx.ts";
import { treeCpuMs } from "../../test/support/processes.ts";
import { type Address, ask, field } from "../../test/support/wire.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "2" },
    connections: { type: "string", default: "32" },
  },
});

interface Row {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly path: string;
  readonly coding: string;
}

interface Sample {
  readonly perSecond: number;
  readonly cpuUs: number;
}

/** Text of the project itself, so that it compresses as text does; without what means something in a template. */
async function readPage(): Promise<string> {
  const manual = await Bun.file(`${ROOT}/docs/config.md`).text();
  return manual.replace(/[^ -#%-~\n]/g, "").slice(0, 30_000);
}

async function measure({ name, port, pid, path, coding }: Row): Promise<Sample> {
  const before = treeCpuMs(pid);
  const fields = ["-H", `Accept-Encoding: ${coding}`];
  const url = `http://127.0.0.1:${port}${path}`;
  const command = ["wrk", "-t", "1", "-c", values.connections, "-d", `${values.seconds}s`, ...fields, url];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const report = await new Response(child.stdout).text();
  const cpuMs = treeCpuMs(pid) - before;
  const requests = Number(/(\d+) requests in/.exec(report)?.[1] ?? 0);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1] ?? 0);
  if (requests === 0 || /Non-2xx|Socket errors/.test(report)) throw new Error(`${name} failed:\n${report}`);
  return { perSecond, cpuUs: (cpuMs * 1000) / requests };
}

async function bytesOf({ port, path, coding }: Row): Promise<number> {
  const address: Address = { host: "127.0.0.1", port };
  const answer = await ask(address, `GET ${path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${coding}\r\n\r\n`);
  const got = field(answer, "Content-Encoding") ?? "identity";
  if (got !== coding) throw new Error(`${path} came as ${got} instead of ${coding}`);
  return answer.body.length;
}

/** The cheapest round, since everything else on the machine only makes a round dearer. */
async function best(row: Row): Promise<Sample> {
  const samples: Sample[] = [];
  for (let round = 0; round < Number(values.rounds); round++) samples.push(await measure(row));
  return samples.toSorted((a, b) => a.cpuUs - b.cpuUs)[0] as Sample; // there is at least one round
}

async function report(title: string, rows: readonly Row[]): Promise<void> {
  console.log(`\n${title}`);
  let peer: Sample | undefined;
  for (const row of rows) {
    const [bytes, sample] = [await bytesOf(row), await best(row)];
    peer ??= sample;
    const figures = `${sample.perSecond.toFixed(0).padStart(7)} requests/s ${sample.cpuUs.toFixed(1).padStart(7)} µs CPU`;
    const ratio = `${(sample.cpuUs / peer.cpuUs).toFixed(2)} × the CPU of the first`;
    console.log(
      `  ${row.name.padEnd(16)}${row.coding.padEnd(9)}${figures} ${String(bytes).padStart(6)} bytes  ${ratio}`,
    );
  }
}

function toml(port: number, page: string): string {
  return `
[server]
fronts = 1
access_log = "off"
keepalive_requests = 100000000
compress = true
[[site]]
listen = "127.0.0.1:${port}"
[site.routes]
"/page" = { respond = ${JSON.stringify(page)}, type = "text/html" }
"/level1" = { respond = ${JSON.stringify(page)}, type = "text/html", compress = { gzip_level = 1 } }
"/" = { files = "." }
`;
}

async function main(): Promise<void> {
  const missing = Bun.which("wrk") === null ? "wrk is not installed (apt-get install wrk)" : nginxMissing();
  if (missing !== undefined) throw new Error(missing);
  const folder = makeFolder("bench-compress");
  const page = await readPage();
  writeFiles(folder, { "page.html": page });
  const [port, theirs] = [await freePort(), await freePort()];
  const http = "keepalive_requests 100000000; gzip on; open_file_cache max=100;";
  const server1 = `root ${folder}; location /five/ { alias ${folder}/; gzip_comp_level 5; }`;
  const nginx = await startNginx({ folder, port: theirs, http, server: server1, workers: 1 });
  const server = await startServer(toml(port, page), { folder });
  const ours = (path: string, coding: string, name = "server"): Row => ({ name, port, pid: server.pid, path, coding });
  const nginxRow = (path: string, name: string): Row => ({ name, port: theirs, pid: nginx.pid, path, coding: "gzip" });
  try {
    const [one, five] = [nginxRow("/page.html", "nginx level 1"), nginxRow("/five/page.html", "nginx level 5")];
    const made = [
      ours("/level1", "gzip", "server level 1"),
      ...["gzip", "br", "zstd"].map((each) => ours("/page", each)),
    ];
    await report(`a page of ${page.length} bytes, compressed for each request`, [one, five, ...made]);
    const kept = ["gzip", "br", "zstd", "identity"].map((coding) => ours("/page.html", coding));
    await report("a hot file of the same bytes", [one, ...kept]);
  } finally {
    await nginx.stop();
    await server.dispose();
    removeFolder(folder);
  }
}

await main();
