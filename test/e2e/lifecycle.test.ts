/** The end of the server: drained when asked, and nothing left behind however it ends. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort } from "../support/folder.ts";
import { isAlive } from "../support/processes.ts";
import { probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { Client, field, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let server: Server | undefined;
let address: Address;
afterEach(async () => {
  await server?.dispose();
  server = undefined;
});

/** As many fronts as there are cores: what is promised holds for all of them. */
async function start(serverTable = ""): Promise<Server> {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const toml = serverTable + probeApp({ processes: 2, threads: 2 }) + site(`127.0.0.1:${port}`);
  server = await startServer(toml);
  return server;
}

const target = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const asleep = (running: Server) => until("request that sleeps", 5000, () => running.log.includes("asleep in"));

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  test("the request in flight finishes, the exit code is 0, nothing is left", async () => {
    const running = await start();
    const client = await Client.open(address);
    client.send(target("/sleep?s=4"));
    await asleep(running);
    running.signal(signal);
    await until("line that it stops", 5000, () => /stopping/.test(running.log));
    // The request sleeps for a while yet; whoever comes now is refused and not left waiting.
    await until("refusal", 2_500, () =>
      Client.open(address).then(
        (late) => (late.close(), false),
        () => true,
      ),
    );
    const answer = await client.answer();
    expect(answer.status).toBe(200);
    expect(field(answer, "Connection")).toBe("close");
    client.close();
    expect(await running.ended()).toBe(0);
    await running.leavesNothing();
  });

  test("idle connections do not hold it up, and new ones are refused", async () => {
    const running = await start();
    const idle = await Promise.all(Array.from({ length: 5 }, () => Client.open(address)));
    const used = idle[0] as Client;
    used.send(target("/hello"));
    expect((await used.answer()).status).toBe(200);
    const began = performance.now();
    expect(await running.stop(signal)).toBe(0);
    // Far below drain_timeout and keepalive_timeout (30 s, 75 s): it waited for neither.
    expect(performance.now() - began).toBeLessThan(10_000);
    await expect(Client.open(address)).rejects.toThrow();
    for (const client of idle) client.close();
  });
});

test("a second signal cuts off what is in flight", async () => {
  const running = await start();
  const client = await Client.open(address);
  client.send(target("/sleep?s=20"));
  await asleep(running);
  running.signal("SIGTERM");
  await until("line that it stops", 5000, () => /stopping/.test(running.log));
  const began = performance.now();
  running.signal("SIGTERM");
  await running.ended();
  expect(performance.now() - began).toBeLessThan(5_000);
  await running.leavesNothing();
  client.close();
});

test("drain_timeout bounds the drain", async () => {
  const running = await start('[server]\ndrain_timeout = "1s"\n');
  const client = await Client.open(address);
  client.send(target("/sleep?s=25"));
  await asleep(running);
  const began = performance.now();
  expect(await running.stop()).toBe(0);
  expect(performance.now() - began).toBeLessThan(15_000);
  await running.leavesNothing();
  client.close();
});

test("kill -9 of the server: its Python workers notice and end, the busy ones too", async () => {
  const running = await start();
  const client = await Client.open(address);
  client.send(target("/sleep?s=20"));
  await asleep(running);
  const workers = running.children().filter(isAlive);
  expect(workers.length).toBeGreaterThanOrEqual(2);
  running.signal("SIGKILL");
  await running.ended();
  await running.leavesNothing();
  expect(workers.filter(isAlive)).toEqual([]);
  client.close();
});

test("started again at once on the same port it serves", async () => {
  const running = await start();
  expect((await get(address, "/hello")).status).toBe(200);
  expect(await running.stop()).toBe(0);
  await running.dispose();
  const port = "port" in address ? address.port : 0;
  server = await startServer(probeApp() + site(`127.0.0.1:${port}`));
  expect((await get(address, "/hello")).status).toBe(200);
});
