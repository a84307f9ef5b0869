/** preload on the built binary: what dies with whom. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, ROOT } from "../support/folder.ts";
import { Load } from "../support/load.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

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
processes = 2
threads = 2
preload = true
env = { PYTHONDONTWRITEBYTECODE = "1" }
`;
  server = await startServer(ONE_FRONT + app + site(`127.0.0.1:${port}`, '"/" = { app = "preloaded" }'));
  return server;
}

/** The worker that answers, and the process that it was forked from. */
async function family(): Promise<{ pid: number; importedBy: number }> {
  const [pid, , importedBy] = (await get(address, "/")).body.toString().split(" ").map(Number);
  return { pid: pid as number, importedBy: importedBy as number };
}

test("the process that workers are forked from is killed under load: no request fails, and there is another", async () => {
  const running = await start();
  const { importedBy } = await family();
  const load = new Load({ address, connections: 3, request: () => "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" });
  process.kill(importedBy, "SIGKILL");
  await running.logged(/they go on[\s\S]*the project is imported/);
  const { replies } = load.counts;
  await until("replies after it", 10_000, () => load.counts.replies > replies + 100);
  const { statuses, failures } = await load.stop();
  expect(failures).toEqual([]);
  expect(Object.keys(statuses)).toEqual(["200"]);
  // Workers of both are replaced when they die.
  const { pid } = await family();
  process.kill(pid, "SIGKILL");
  await until("another worker", 10_000, async () => (await family()).pid !== pid);
});

test("kill -9 of the server takes workers and the process that they were forked from along", async () => {
  const running = await start();
  const { importedBy } = await family();
  const pids = running.children().map((child) => child.pid);
  expect(pids).toContain(importedBy);
  expect(pids.length).toBe(3);
  running.signal("SIGKILL");
  await running.ended();
  await running.leavesNothing();
});

test("TERM ends all of it", async () => {
  const running = await start();
  expect(await running.stop()).toBe(0);
  await running.leavesNothing();
});
