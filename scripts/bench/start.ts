/**
 * How long from the start of the process to its first static file, and what master and two fronts hold in memory when nothing
 * happens; nginx with two workers beside it. The cheapest of some rounds.
 *
 *     bun scripts/bench/start.ts          goals: 150 ms, 90 MB
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, controlHome } from "../../test/support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../../test/support/folder.ts";
import { residentBytes } from "../../test/support/memory.ts";
import { site } from "../../test/support/toml.ts";
import { type Address, get } from "../../test/support/wire.ts";

const ROUNDS = 4;
/** Until what the start has left behind is collected. */
const IDLE_MS = 1_500;
const LOOK_MS = 1;

const folder = makeFolder("bench-start");
const port = await freePort();
const nginxPort = await freePort();
writeFiles(folder, { "files/a.txt": "a file\n" });
writeFileSync(
  join(folder, "server.toml"),
  `[server]\nfronts = 2\naccess_log = "off"\n${site(`127.0.0.1:${port}`, '"/" = { files = "files/" }')}`,
);
writeFileSync(
  join(folder, "nginx.conf"),
  `worker_processes 2; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
   events {} http { access_log off; server { listen 127.0.0.1:${nginxPort}; root ${folder}/files; } }`,
);

async function round(command: readonly string[], address: Address): Promise<{ ms: number; mb: number }> {
  const began = performance.now();
  const env = { ...process.env, SERVER_RUN_AS_ROOT: "1", ...controlHome(folder) };
  const child = Bun.spawn([...command], { cwd: folder, env, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  while (!(await isServed(address))) await Bun.sleep(LOOK_MS);
  const ms = performance.now() - began;
  await Bun.sleep(IDLE_MS);
  const mb = residentBytes(child.pid) / 1e6;
  child.kill("SIGTERM");
  await child.exited;
  return { ms, mb };
}

function isServed(address: Address): Promise<boolean> {
  return get(address, "/a.txt").then(
    ({ status }) => status === 200,
    () => false,
  );
}

async function row(name: string, command: readonly string[], at: number): Promise<void> {
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await round(command, { host: "127.0.0.1", port: at }));
  const ms = Math.min(...rounds.map((each) => each.ms));
  const mb = Math.min(...rounds.map((each) => each.mb));
  console.log(`${name.padEnd(8)} first file after ${ms.toFixed(0)} ms, ${mb.toFixed(0)} MB idle`);
}

try {
  await row("server", [BINARY, "run", "-c", "server.toml"], port);
  if (Bun.which("nginx") !== null) await row("nginx", ["nginx", "-p", folder, "-c", "nginx.conf"], nginxPort);
} finally {
  removeFolder(folder);
}
