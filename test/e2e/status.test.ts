/** `server status` on the built binary: before, during and after trouble; it must be right when it is needed. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServerStatus } from "../../src/master/status.ts";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { Client, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let server: Server | undefined;
let address: Address;
afterEach(async () => {
  await server?.dispose();
  server = undefined;
});

async function status(running: Server): Promise<ServerStatus> {
  const { code, stdout, stderr } = await running.command("status", "--json");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as ServerStatus;
}

async function text(running: Server): Promise<string> {
  const { stdout } = await running.command("status");
  expect(stdout.split("\n").filter((line) => line.length > 80 && !line.startsWith("    |"))).toEqual([]);
  return stdout;
}

test("a server at work: what it is, listens on, serves, and what each worker does", async () => {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const toml = ONE_FRONT + probeApp({ processes: 2, threads: 2 }) + site(`127.0.0.1:${port}`);
  const running = await startServer(toml);
  server = running;
  for (let i = 0; i < 5; i++) expect((await get(address, "/hello")).status).toBe(200);
  const client = await Client.open(address);
  client.send("GET /sleep?s=20 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const pid = Number(await until("sleeper", 5000, () => /asleep in (\d+)/.exec(running.log)?.[1]));
  // A client has its reply a moment before that is counted, and before the end of its connection is.
  const found = await until("all of it to be counted", 10_000, async () => {
    const each = await status(running);
    const handled = each.apps[0]?.workers.reduce((sum, worker) => sum + worker.handled, 0);
    return each.connections === 1 && handled === 5 ? each : undefined;
  });
  expect(found).toMatchObject({
    pid: running.pid,
    state: "serving",
    listeners: [`http://127.0.0.1:${port}`],
    fronts: [{ number: 0, state: "accepting", replaced: 0 }],
    sites: [{ name: "default", listen: [`127.0.0.1:${port}`], routes: 1 }],
  });
  const [app] = found.apps;
  expect(app).toMatchObject({ name: "probe", phase: "running", processes: { ready: 2 } });
  const busy = app?.workers.find((worker) => worker.pid === pid);
  expect(busy?.threads.filter(({ runningMs }) => (runningMs ?? 0) > 0).length).toBe(1);
  expect(busy?.rssBytes).toBeGreaterThan(1_000_000);
  expect(busy?.threads.find(({ what }) => what !== null)?.what).toBe("GET /sleep?s=20");
  expect(await text(running)).toMatch(/1 of 2, \S+\n {11}\S+ GET \/sleep\?s=20\n/);
  client.close();
});

test("a crash loop: none before, its cause and traceback during, none after it was mended", async () => {
  const folder = makeFolder("status");
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const write = (line: string) =>
    writeFileSync(join(folder, "frail.py"), `${line}\nfrom probe_like import application\n`);
  const probe = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'ok']\n";
  writeFileSync(join(folder, "probe_like.py"), probe);
  write("");
  const app = '[app.frail]\nwsgi = "frail"\nprocesses = 1\nthreads = 1\nenv = { PYTHONDONTWRITEBYTECODE = "1" }\n';
  const toml = ONE_FRONT + app + site(`127.0.0.1:${port}`, '"/" = { app = "frail" }');
  const running = await startServer(toml, { folder });
  server = running;
  expect(await text(running)).not.toContain("CRASH LOOP");
  write("raise RuntimeError('the disk of answers is full')");
  process.kill((await status(running)).apps[0]?.workers[0]?.pid as number, "SIGKILL");
  await running.logged("starting another in 2 s");
  const during = await text(running);
  expect(during).toContain("0 of 1 worker ready");
  expect(during).toMatch(/CRASH LOOP: \d starts? failed; .*; the last exited with code 1/);
  expect(during).toContain("    | RuntimeError: the disk of answers is full");
  expect((await get(address, "/")).status).toBe(503);
  write("");
  await until("answer", 20_000, async () => (await get(address, "/")).status === 200);
  expect(await text(running)).not.toContain("CRASH LOOP");
  await running.stop();
  await running.leavesNothing();
  removeFolder(folder);
});

test("while it stops it says so, and takes no reloads", async () => {
  const folder = makeFolder("status");
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const toml = ONE_FRONT + probeApp({ processes: 1, threads: 1 }) + site(`127.0.0.1:${port}`);
  const running = await startServer(toml, { folder });
  server = running;
  const client = await Client.open(address);
  client.send("GET /sleep?s=6 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await running.logged("asleep in");
  running.signal("SIGTERM");
  await running.logged("stopping");
  expect((await status(running)).state).toBe("stopping");
  const { code, stderr } = await running.command("reload");
  expect({ code, stderr }).toEqual({ code: 1, stderr: "server: the server is stopping\n" });
  expect((await client.answer()).status).toBe(200);
  client.close();
  expect(await running.ended()).toBe(0);
  expect((await running.command("status")).code).toBe(1);
  removeFolder(folder);
});
