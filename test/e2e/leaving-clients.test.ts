/** Clients that go away are the server's business: 499 in the access log, and nothing that an application would notice. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, Client, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("leaving");
const notes = join(folder, "notes");
let server: Server;
let address: Address;

/** One Python thread for each app: whatever holds it holds the queue. */
beforeAll(async () => {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  writeFileSync(notes, "");
  const probe = probeApp({ threads: 1, env: `PROBE_LOG = ${JSON.stringify(notes)}` });
  const unruly = probeApp({ module: "unruly", threads: 1 }).replaceAll("app.probe", "app.unruly");
  const routes = '"/probe/" = { app = "probe" }\n"/unruly/" = { app = "unruly" }';
  server = await startServer(ONE_FRONT + probe + unruly + site(`127.0.0.1:${port}`, routes), { folder });
});
afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

async function send(request: string): Promise<Client> {
  const client = await Client.open(address);
  client.send(request);
  return client;
}

const asked = () => readFileSync(notes, "utf8");

/** Access-log lines of this path, by status. */
function statuses(path: string): string[] {
  return [...server.output.matchAll(/"[A-Z]+ (\S+) HTTP\/1\.1" (\d+)/g)]
    .filter(([, each]) => each === path)
    .map(([, , status]) => status as string);
}

function recorded(path: string, expected: readonly string[]): Promise<unknown> {
  return until(
    `access log with ${expected.join()} for ${path}`,
    10_000,
    () => statuses(path).join() === expected.join(),
  );
}

describe("before the reply", () => {
  test("499, while the application goes on in peace", async () => {
    const client = await send("GET /probe/sleep?s=2&a HTTP/1.1\r\nHost: x\r\n\r\n");
    await until("request in the app", 5000, () => asked().includes("/sleep"));
    client.close();
    await recorded("/probe/sleep?s=2&a", ["499"]);
    expect((await get(address, "/probe/hello")).status).toBe(200);
  });

  test("a client that only says that it has nothing more to say gets its answer", async () => {
    const client = await send("GET /probe/sleep?s=0.3&b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client.half();
    const answer = await client.answer();
    expect([answer.version, answer.status]).toEqual(["HTTP/1.1", 200]);
    await recorded("/probe/sleep?s=0.3&b", ["200"]);
    client.close();
  });

  test("a body that came is read to its end", async () => {
    const body = "b".repeat(500_000);
    const client = await send(`POST /unruly/slow HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await server.logged("slow begins");
    client.close();
    await server.logged("slow has read 500000");
    await recorded("/unruly/slow", ["499"]);
  });

  test("requests that wait are dropped unseen, those already handed to Python too", async () => {
    const blocker = await send("GET /probe/sleep?s=4 HTTP/1.1\r\nHost: x\r\n\r\n");
    await until("request in the app", 5000, () => asked().split("/sleep").length > 3);
    const clients = await Promise.all(
      Array.from({ length: 8 }, (_, i) => send(`GET /probe/pid?gone${i} HTTP/1.1\r\nHost: x\r\n\r\n`)),
    );
    const stays = await send("GET /probe/hello?stays HTTP/1.1\r\nHost: x\r\n\r\n");
    await Bun.sleep(100);
    for (const client of clients) client.close();
    await Promise.all(clients.map((_, i) => recorded(`/probe/pid?gone${i}`, ["499"])));
    expect((await blocker.answer()).status).toBe(200);
    expect((await stays.answer()).body.toString()).toBe("hello\n");
    expect(asked()).not.toContain("/pid");
    blocker.close();
    stays.close();
  });
});

describe("within the reply", () => {
  const closings = async () => JSON.parse((await get(address, "/unruly/closings")).body.toString()) as string[];

  test("an endless iterable is stopped and closed", async () => {
    const client = await send("GET /unruly/huge HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.head();
    client.close();
    await until("close()", 10_000, async () => (await closings()).includes("huge"));
  });

  test("write() goes on without an error, and what is returned is not begun", async () => {
    const client = await send("GET /unruly/writes HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.head();
    client.close();
    await server.logged("all was written");
    await until("close()", 10_000, async () => (await closings()).includes("writes"));
    expect(server.log).not.toContain("write() raised");
  });

  test("twenty at once leave nothing behind", async () => {
    const descriptors = () =>
      [server.pid, ...server.children().map(({ pid }) => pid)].map((pid) => readdirSync(`/proc/${pid}/fd`).length);
    await get(address, "/unruly/closings");
    const before = descriptors();
    for (let round = 0; round < 4; round++) {
      const clients = await Promise.all(
        Array.from({ length: 5 }, () => send("GET /unruly/huge HTTP/1.1\r\nHost: x\r\n\r\n")),
      );
      await clients[0]?.head();
      for (const client of clients) client.close();
    }
    const count = async () => (await closings()).filter((name) => name === "huge").length;
    // How many were begun at all depends on who left first.
    await until("an idle app", 10_000, async () => (await count()) >= 5);
    // Not more: a connection before may have been counted that was just closing.
    await until(`descriptors as before, ${before.join()}`, 10_000, () =>
      descriptors().every((count, process) => count <= (before[process] as number)),
    );
  });
});

test("no traceback is in the log", () => {
  expect(server.log).not.toContain("Traceback");
});
