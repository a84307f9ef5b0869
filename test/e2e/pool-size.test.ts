/** As many Python processes as are needed, down to none, and each for a while only: on the built binary, over two fronts. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort } from "../support/folder.ts";
import { Load } from "../support/load.ts";
import { lives, treeCpuMs } from "../support/processes.ts";
import { site, WSGI_FOLDER } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let server: Server | undefined;
let address: Address;

afterEach(async () => {
  await server?.dispose();
  server = undefined;
});

async function start(keys: string): Promise<Server> {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const app = `[app.probe]\nroot = ${JSON.stringify(WSGI_FOLDER)}\nwsgi = "faults"\nthreads = 1\n${keys}\n`;
  server = await startServer(`[server]\nfronts = 2\n${app}${site(`127.0.0.1:${port}`)}`);
  return server;
}

const request = () => "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

function workers(running: Server): number[] {
  return running.children().flatMap(({ pid, command }) => (/\bworker\b/.test(command) ? [pid] : []));
}

test("processes = { min = 0 }: none while nobody asks, at no cost; the first request waits for one", async () => {
  const running = await start('processes = { min = 0, max = 2, idle = "1s" }');
  for (let i = 0; i < 3; i++) {
    await until("end of the last worker", 20_000, () => workers(running).length === 0);
    // Both fronts hold some of them.
    const answers = await Promise.all(Array.from({ length: 8 }, () => get(address, "/")));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  }
  await until("end of the last worker", 20_000, () => workers(running).length === 0);
  const before = treeCpuMs(running.pid);
  await Bun.sleep(2000);
  expect(treeCpuMs(running.pid) - before).toBeLessThan(100);
});

test("processes = { min, max }: more under load, fewer afterwards, and status says how many are wanted", async () => {
  const running = await start('processes = { min = 1, max = 3, idle = "2s" }');
  expect(workers(running).length).toBe(1);
  const load = new Load({ address, connections: 12, request });
  await until("three workers", 20_000, () => workers(running).length === 3);
  const { statuses, failures } = await load.stop();
  expect({ others: Object.keys(statuses), failures }).toEqual({ others: ["200"], failures: [] });
  await until("one worker", 20_000, () => workers(running).length === 1);
  const status = await running.command("status", "--json");
  const { apps } = JSON.parse(status.stdout) as { apps: { processes: unknown }[] };
  expect(apps[0]?.processes).toEqual({ min: 1, max: 3, desired: 1, ready: 1 });
});

test("max_requests: workers are replaced all the time under load, and no request fails", async () => {
  const running = await start("processes = 2\nmax_requests = 50");
  const seen = new Set(workers(running));
  const load = new Load({ address, connections: 8, request });
  await until("ten workers, one after the other", 40_000, () => {
    for (const pid of workers(running)) seen.add(pid);
    return seen.size >= 10;
  });
  const { statuses, failures } = await load.stop();
  expect({ others: Object.keys(statuses), failures }).toEqual({ others: ["200"], failures: [] });
  await until("two workers", 20_000, () => workers(running).length === 2);
  await until("the end of all others", 10_000, () => [...seen].filter(lives).length <= 2);
});
