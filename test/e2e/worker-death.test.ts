/** Python workers that die: only what they were running is lost, and the server stays up whatever they do. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort } from "../support/folder.ts";
import { Load } from "../support/load.ts";
import { isAlive, treeCpuMs } from "../support/processes.ts";
import { ONE_FRONT, probeApp, site, type ProbeOptions } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { Client, field, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let server: Server | undefined;
let address: Address;
afterEach(async () => {
  await server?.dispose();
  server = undefined;
});

async function start(options: ProbeOptions): Promise<Server> {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  server = await startServer(ONE_FRONT + probeApp(options) + site(`127.0.0.1:${port}`));
  return server;
}

const target = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/** The worker that sleeps for a request of ours, from the line that the application writes. */
async function sleeper(running: Server): Promise<number> {
  const pid = await until("request that sleeps", 5000, () => /asleep in (\d+)/.exec(running.log)?.[1]);
  return Number(pid);
}

test("kill -9 of one worker under load: the requests it ran are 502, all others 200, and it is replaced", async () => {
  const running = await start({ processes: 2, threads: 2 });
  // Two requests that certainly run when the worker dies: the first tells which worker that is.
  const victim = await Client.open(address);
  victim.send(target("/sleep?s=20"));
  const pid = await sleeper(running);
  const load = new Load({ address, connections: 4, request: () => target("/sleep?s=0.01") });
  await until("replies under load", 10_000, () => load.counts.replies > 50);
  process.kill(pid, "SIGKILL");
  expect((await victim.answer()).status).toBe(502);
  victim.close();
  const replied = load.counts.replies;
  await until("replies after the death", 10_000, () => load.counts.replies > replied + 100);
  const { statuses, failures } = await load.stop();
  expect(failures).toEqual([]);
  // It had two threads: one ran the victim, the other at most one request of the load.
  const { 200: good = 0, 502: lost = 0, ...others } = statuses;
  expect(others).toEqual({});
  expect(good).toBeGreaterThan(150);
  expect(lost).toBeLessThanOrEqual(1);
  await until("second worker again", 10_000, () => workers(running).length === 2);
  expect(workers(running)).not.toContain(pid);
});

/** Pids of the Python processes. */
function workers(running: Server): number[] {
  return running
    .children()
    .filter((child) => /\bworker\b/.test(child.command) && isAlive(child))
    .map(({ pid }) => pid);
}

test("a request that ends its worker is 502, and the next one is served", async () => {
  await start({ processes: 1, threads: 1 });
  expect((await get(address, "/exit")).status).toBe(502);
  await until("answer of the next worker", 10_000, async () => (await get(address, "/hello")).status === 200);
});

test("a worker that dies while its reply is under way: the client sees that it is not whole", async () => {
  const running = await start({ processes: 1, threads: 2 });
  const client = await Client.open(address);
  client.send(target("/stream?pieces=100&pause=0.2"));
  expect((await client.head()).status).toBe(200);
  await client.chunk();
  process.kill(workers(running)[0] as number, "SIGKILL");
  const rest = await client.rest();
  expect(rest.toString()).not.toMatch(/(^|\r\n)0\r\n\r\n$/);
  client.close();
});

test("workers that end at once, for ever: 503 with Retry-After, no hot loop, and the server stays up", async () => {
  const running = await start({ module: "leaving", processes: 1, threads: 1 });
  // A life in which a request was served is no failure: nobody asks before the back-off has begun.
  await until("back-off", 30_000, () => running.log.includes("starting another in 4 s"));
  const answer = await until("503", 30_000, async () => {
    const each = await get(address, "/hello");
    expect([200, 502, 503]).toContain(each.status);
    return each.status === 503 ? each : undefined;
  });
  expect(Number(field(answer, "Retry-After"))).toBeGreaterThan(0);
  const before = treeCpuMs(running.pid);
  await Bun.sleep(2000);
  // Python's start-up costs about 50 ms; a hot loop would take both cores.
  expect(treeCpuMs(running.pid) - before).toBeLessThan(1500);
  expect(running.running).toBe(true);
});

test("the client's leaving does not disturb the worker or the next request", async () => {
  const running = await start({ processes: 1, threads: 1 });
  const client = await Client.open(address);
  client.send(target("/sleep?s=0.5"));
  await sleeper(running);
  client.close();
  const pid = workers(running)[0];
  expect((await get(address, "/hello")).status).toBe(200);
  expect(workers(running)).toEqual([pid as number]);
});
