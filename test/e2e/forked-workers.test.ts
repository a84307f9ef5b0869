/** Workers that are forked without `preload`, on the built binary: what dies with whom, and what their memory costs. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { proportionalBytes } from "../../src/apps/memory.ts";
import { PROJECT } from "../../scripts/sample/prepare.ts";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { prepareSample } from "../support/django.ts";
import { freePort, makeFolder, removeFolder, ROOT } from "../support/folder.ts";
import { Load } from "../support/load.ts";
import { descendants } from "../support/processes.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { startUwsgi, uwsgiMissing } from "../support/uwsgi.ts";
import { until } from "../support/wait.ts";
import { get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const FORKED_FROM = /workers are forked from: pid (\d+)/g;
const REQUESTS = 640;
const AT_ONCE = 16;

let server: Server | undefined;
let address: Address;
afterEach(async () => {
  await server?.dispose();
  server = undefined;
});

async function start(): Promise<Server> {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const app = `
[app.preloaded]
root = ${JSON.stringify(join(ROOT, "test/apps/projects"))}
wsgi = "preloaded"
processes = 3
threads = 2
env = { PYTHONDONTWRITEBYTECODE = "1" }
`;
  server = await startServer(ONE_FRONT + app + site(`127.0.0.1:${port}`, '"/" = { app = "preloaded" }'));
  return server;
}

/** What they were forked from, the first first. */
function zygotes(running: Server): number[] {
  return [...running.log.matchAll(FORKED_FROM)].map(([, pid]) => Number(pid));
}

/** The worker that answers, and the process that it was forked from. */
async function family(): Promise<{ pid: number; parent: number }> {
  const [pid, parent] = (await get(address, "/")).body.toString().split(" ").map(Number);
  return { pid: pid as number, parent: parent as number };
}

test("what they were forked from is killed under load: no request fails, and later workers have another", async () => {
  const running = await start();
  const { pid, parent } = await family();
  expect(zygotes(running)).toEqual([parent]);
  expect(running.children().length).toBe(4);
  const load = new Load({ address, connections: 3, request: () => "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" });
  process.kill(parent, "SIGKILL");
  await running.logged("they go on");
  const { replies } = load.counts;
  await until("replies after it", 10_000, () => load.counts.replies > replies + 100);
  const { statuses, failures } = await load.stop();
  expect(failures).toEqual([]);
  expect(Object.keys(statuses)).toEqual(["200"]);
  process.kill(pid, "SIGKILL");
  await until("another", 10_000, () => zygotes(running).length === 2);
  // The two that go on are the system's children now, until a reload replaces them.
  await until("it and a worker", 10_000, () => running.children().length === 2);
  expect((await running.command("reload", "--app", "preloaded")).code).toBe(0);
  await until("three workers and what they are forked from", 10_000, () => running.children().length === 4);
  await running.stop();
  await running.leavesNothing();
});

test("a reload under load fails no request, and leaves as many processes as before", async () => {
  const running = await start();
  const load = new Load({ address, connections: 3, request: () => "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" });
  expect((await running.command("reload", "--app", "preloaded")).code).toBe(0);
  const { statuses, failures } = await load.stop();
  expect(failures).toEqual([]);
  expect(Object.keys(statuses)).toEqual(["200"]);
  await until("the old ones gone", 10_000, () => running.children().length === 4);
  const [, second = 0] = zygotes(running);
  expect((await family()).parent).toBe(second);
});

test("kill -9 of the server takes all of them along", async () => {
  const running = await start();
  expect(running.children().map((child) => child.pid)).toContain(zygotes(running)[0] as number);
  running.signal("SIGKILL");
  await running.ended();
  await running.leavesNothing();
});

test("TERM ends all of it", async () => {
  const running = await start();
  expect(await running.stop()).toBe(0);
  await running.leavesNothing();
});

const sample = prepareSample("debian");
const missing = "missing" in sample ? sample.missing : uwsgiMissing();

testUnless(missing)("four Django processes and what they were forked from hold less than uWSGI's do", async () => {
  if ("missing" in sample) return;
  const port = await freePort();
  server = await startServer(sample.config(port).replace("processes = 2", "processes = 4"));
  const parents = zygotes(server);
  expect(parents.length).toBe(1);
  await serve(port);
  const ours = memoryOf(server.children().map((child) => child.pid));

  const folder = makeFolder("uwsgi-memory");
  const peer = await freePort();
  const more = ["--lazy-apps", "--disable-logging", "--env", `MYSITE_DATA=${sample.data}`];
  const uwsgi = await startUwsgi({
    address: { host: "127.0.0.1", port: peer },
    root: PROJECT,
    module: "mysite.wsgi",
    folder,
    protocol: "http",
    processes: 4,
    more,
  });
  try {
    await serve(peer);
    const theirs = memoryOf([uwsgi.pid, ...descendants(uwsgi.pid).map((child) => child.pid)]);
    expect([ours.length, theirs.length]).toEqual([5, 5]);
    expect(sum(ours)).toBeLessThan(sum(theirs));
  } finally {
    await uwsgi.stop();
    removeFolder(folder);
  }
});

/** So many that each worker has seen each of the views. */
async function serve(port: number): Promise<void> {
  const at = { host: "127.0.0.1", port };
  for (let done = 0; done < REQUESTS; done += AT_ONCE) {
    const asked = Array.from({ length: AT_ONCE }, (_, n) => get(at, n % 2 === 0 ? "/" : "/hello/"));
    expect(new Set((await Promise.all(asked)).map(({ status }) => status))).toEqual(new Set([200]));
  }
}

const memoryOf = (pids: readonly number[]) => pids.flatMap((pid) => proportionalBytes(pid) ?? []);
const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
