/** A front thread that dies of a bug: its sockets and its siblings' requests live on, and it is replaced. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { ControlClient, controlSocket } from "../support/control.ts";
import { freePort } from "../support/folder.ts";
import { probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { Client, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const FRONTS = 3;
let server: Server | undefined;
let address: Address;
let control: ControlClient | undefined;

afterEach(async () => {
  control?.close();
  await server?.dispose();
  server = undefined;
});

async function start(): Promise<Server> {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const toml = `[server]\nfronts = ${FRONTS}\n${probeApp({ processes: 2, threads: 8 })}${site(`127.0.0.1:${port}`)}`;
  server = await startServer(toml);
  return server;
}

async function fault(running: Server, front: number): Promise<void> {
  control = new ControlClient(controlSocket(running.folder));
  control.send(`{"command":"fault","front":${front}}\n`);
  expect(await control.line(1)).toMatchObject({ result: { front } });
  control.close();
}

interface FrontStatus {
  number: number;
  state: string;
  replaced: number;
}

async function fronts(running: Server): Promise<FrontStatus[]> {
  return (JSON.parse((await running.command("status", "--json")).stdout) as { fronts: FrontStatus[] }).fronts;
}

test("requests of the other fronts finish, only its own connections are lost, and it comes back", async () => {
  const running = await start();
  const clients = await Promise.all(Array.from({ length: 24 }, () => Client.open(address)));
  for (const client of clients) client.send("GET /sleep?s=1.5 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await until("requests at work", 10_000, () => (running.log.match(/asleep in/g)?.length ?? 0) >= 16);
  await fault(running, 1);
  const outcomes = await Promise.all(
    clients.map((client) =>
      client.answer().then(
        ({ status }) => status,
        () => "lost",
      ),
    ),
  );
  for (const client of clients) client.close();
  // The kernel spreads connections over the fronts: one that died had some of them, and the others most.
  expect(outcomes.every((outcome) => outcome === 200 || outcome === "lost")).toBe(true);
  expect(outcomes.filter((outcome) => outcome === 200).length).toBeGreaterThanOrEqual(6);
  await until("replacement", 10_000, async () => {
    const [, second] = await fronts(running);
    return second?.state === "accepting" && second.replaced === 1;
  });
  await running.logged("front-1 died; a new one takes over its sockets");
  for (let i = 0; i < 40; i++) expect((await get(address, "/hello")).status).toBe(200);
});

test("nothing of it stays open: no socket, no file that it sent, no body that it spooled", async () => {
  const running = await start();
  await fault(running, 0);
  await settled(running, [1, 0, 0]);
  const before = descriptors(running);
  // Those of the master: sources, stacks.
  const files = temporaryFiles(running);
  for (const round of [2, 3, 4]) {
    const clients = await Promise.all(Array.from({ length: 12 }, () => Client.open(address)));
    // Bodies that never end, beyond what memory holds.
    for (const client of clients) {
      client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n");
      client.send(Buffer.alloc(800_000));
    }
    await until("spooled bodies", 10_000, () => temporaryFiles(running) > files);
    const workers = running.children().filter(({ command }) => /\bworker\b/.test(command));
    await fault(running, 0);
    // Their successors are ready before that of the front.
    for (const { pid } of workers) process.kill(pid, "SIGKILL");
    for (const client of clients) client.close();
    await settled(running, [round, 0, 0]);
  }
  await until("descriptors as before", 10_000, () => descriptors(running) <= before);
});

const links = ({ pid }: Server) => {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return readlinkSync(join(folder, name));
    } catch {
      return [];
    }
  });
};
const descriptors = (running: Server) => links(running).length;
const temporaryFiles = (running: Server) =>
  links(running).filter((link) => /\/(server-|#).*\(deleted\)/.test(link) && !link.startsWith("/dev/shm")).length;

async function settled(running: Server, replaced: number[]): Promise<void> {
  await until("replacement", 10_000, async () => {
    const all = await fronts(running);
    return all.every(({ number, state, replaced: times }) => state === "accepting" && times === replaced[number]);
  });
  for (let i = 0; i < 20; i++) expect((await get(address, "/hello")).status).toBe(200);
}

test("connections that come while it is gone wait, and are answered by its successor", async () => {
  const running = await start();
  for (let front = 0; front < FRONTS; front++) await fault(running, front);
  // Before its end it may still take a connection along.
  for (let front = 0; front < FRONTS; front++) await running.logged(`front-${front} died`);
  // All of them at once: whoever comes now meets nobody, or a successor.
  const statuses = await Promise.all(Array.from({ length: 30 }, async () => (await get(address, "/hello")).status));
  expect(statuses).toEqual(statuses.map(() => 200));
  expect((await fronts(running)).map(({ replaced }) => replaced)).toEqual([1, 1, 1]);
  expect((await running.command("status")).stdout).toContain("front-2 died once");
});

test("a front that hangs is ended and replaced; its clients hear of it, and its connections in the kernel are served", async () => {
  const running = await start();
  const clients = await Promise.all(Array.from({ length: 24 }, () => Client.open(address)));
  for (const client of clients) {
    client.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect((await client.answer()).status).toBe(200);
  }
  const descriptors = () => readdirSync(`/proc/${running.pid}/fd`).length;
  const before = descriptors() - clients.length;
  control = new ControlClient(controlSocket(running.folder));
  control.send('{"command":"fault","front":1,"hangs":true}\n');
  expect(await control.line(1)).toMatchObject({ result: { front: 1 } });
  control.close();
  await running.logged("front-1 has not moved for 15 s: it is ended", 40_000);
  await until("replacement", 10_000, async () => (await fronts(running))[1]?.state === "accepting");
  await until("the end of its connections", 10_000, () => clients.some((client) => client.end !== "open"));
  for (let i = 0; i < 30; i++) expect((await get(address, "/hello")).status).toBe(200);
  for (const client of clients) client.close();
  await until("all that it had open to be closed", 10_000, () => descriptors() <= before);
});
