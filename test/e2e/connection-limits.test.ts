/** Limits of connections and of their pace, on the built binary: who is refused, what makes room, what is too slow. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as secure } from "node:tls";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { ask, Client, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

interface Rig {
  readonly server: Server;
  readonly address: Address;
}

/** `settings`: lines of [server]. */
async function withServer(settings: string, run: (rig: Rig) => Promise<void>): Promise<void> {
  const folder = makeFolder("limits");
  writeFiles(folder, { "files/small.txt": "small\n", "files/large.bin": new Uint8Array(64 * 1024 * 1024) });
  const port = await freePort();
  const routes = `"/" = { app = "probe" }\n"/files/" = { files = ${JSON.stringify(join(folder, "files"))} }`;
  const toml = `[server]\n${settings}\n${probeApp()}${site(`127.0.0.1:${port}`, routes)}`;
  const server = await startServer(toml, { folder });
  try {
    await run({ server, address: { host: "127.0.0.1", port } });
  } finally {
    await server.dispose();
    removeFolder(folder);
  }
}

/** Reads only when it is told to. */
class SlowReader {
  open = true;
  private readonly socket: Socket;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("close", () => (this.open = false));
    socket.on("error", () => (this.open = false));
    socket.on("data", () => socket.pause());
    // What it took at once would widen its window, into which megabytes go that it never reads.
    socket.pause();
  }

  static open(address: Address, target: string): Promise<SlowReader> {
    const { promise, resolve, reject } = Promise.withResolvers<SlowReader>();
    const socket = connect({ ...address }, () => {
      socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
      resolve(new SlowReader(socket));
    });
    socket.once("error", reject);
    return promise;
  }

  take(): void {
    this.socket.resume();
  }

  close(): void {
    this.socket.destroy();
  }
}

const GET = "GET /files/small.txt HTTP/1.1\r\nHost: a\r\n\r\n";

async function used(address: Address): Promise<Client> {
  const client = await Client.open(address);
  client.send(GET);
  expect((await client.answer()).status).toBe(200);
  return client;
}

describe("max_connections", () => {
  test("at the limit the connection that has been idle longest makes room", () =>
    withServer("fronts = 2\nmax_connections = 8", async ({ server, address }) => {
      const clients: Client[] = [];
      for (let i = 0; i < 8; i++) clients.push(await used(address));
      expect(clients.map((client) => client.end)).not.toContain("closed");
      for (let i = 0; i < 40; i++) clients.push(await used(address));
      await until("end of the early ones", 5000, () => clients.slice(0, 24).every((client) => client.end !== "open"));
      const open = () => clients.filter((client) => client.end === "open").length;
      await until("not more than the limit, and one for each front", 5000, () => open() <= 10);
      await server.logged(/max_connections: .*idle/);
      for (const client of clients) client.close();
      expect(await server.stop()).toBe(0);
      await server.logged(/max_connections was hit \d+ times/);
    }));

  test("when none is idle the new one is answered 503, and requests in flight are unharmed", () =>
    withServer("fronts = 1\nmax_connections = 2", async ({ server, address }) => {
      const busy = await Promise.all([Client.open(address), Client.open(address)]);
      for (const client of busy) client.send("GET /sleep?s=3 HTTP/1.1\r\nHost: a\r\n\r\n");
      await until("both in flight", 10_000, () => server.log.split("asleep in").length === 3);
      const refused = await ask(address, GET);
      expect(refused.status).toBe(503);
      expect(refused.fields).toContainEqual(["Connection", "close"]);
      for (const client of busy) expect((await client.answer()).status).toBe(200);
      for (const client of busy) client.close();
      await until("room for a new one", 5000, async () => (await ask(address, GET)).status === 200);
    }));
});

test("max_connections_per_address counts over all fronts and forgets what is closed", () =>
  withServer("fronts = 2\nmax_connections_per_address = 5", async ({ server, address }) => {
    const clients: Client[] = [];
    for (let i = 0; i < 5; i++) clients.push(await used(address));
    for (let i = 0; i < 5; i++) expect((await ask(address, GET)).status).toBe(503);
    await server.logged("max_connections_per_address: 127.0.0.1 is refused");
    for (const client of clients) client.close();
    await until("room again", 5000, async () => (await ask(address, GET)).status === 200);
  }));

// Of two fronts that claim the last one in the same moment none may get it.
test.each([
  [1, 2],
  [2, 1],
])(
  "many TLS connections opened at once are counted as well, also behind a balancer: %d fronts",
  async (fronts, least) => {
    const folder = makeFolder("limits");
    const [port, proxied] = [await freePort(), await freePort()];
    const listen = `[{ address = "127.0.0.1:${port}", tls = true }, { address = "127.0.0.1:${proxied}", tls = true, proxy_protocol = true }]`;
    const toml = `[server]\nfronts = ${fronts}\nmax_connections_per_address = 2\nstate_directory = "state"\n[[site]]\nlisten = ${listen}\nnames = ["localhost"]\ntls = "internal"\nhttps_redirect = false\n[site.routes]\n"/" = { respond = "x" }\n`;
    const server = await startServer(toml, { folder });
    const served = async (to: number, preface: string) => {
      const sockets = Array.from({ length: 6 }, () => connect(to, "127.0.0.1").on("error", () => {}));
      await Bun.sleep(200);
      for (const socket of sockets) socket.write(preface);
      const statuses = await Promise.all(sockets.map(statusOverTls));
      for (const socket of sockets) socket.destroy();
      return statuses.filter((status) => status === "200").length;
    };
    for (const count of [
      await served(port, ""),
      await served(proxied, "PROXY TCP4 192.0.2.9 192.0.2.1 1111 443\r\n"),
    ]) {
      expect(count).toBeLessThanOrEqual(2);
      expect(count).toBeGreaterThanOrEqual(least);
    }
    await server.logged("max_connections_per_address: 127.0.0.1 is refused");
    await server.dispose();
    removeFolder(folder);
  },
);

/** "" when it is closed before there is one. */
function statusOverTls(socket: Socket): Promise<string> {
  if (socket.destroyed) return Promise.resolve("");
  const { promise, resolve } = Promise.withResolvers<string>();
  const client = secure({ socket, rejectUnauthorized: false, servername: "localhost" }, () =>
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  );
  client.on("data", (bytes) => resolve(bytes.toString("latin1").split(" ")[1] ?? ""));
  for (const event of ["error", "close"]) client.on(event, () => resolve(""));
  socket.on("close", () => resolve(""));
  return promise;
}

test("a trusted proxy is not counted as one address", () =>
  withServer('fronts = 1\nmax_connections_per_address = 2\ntrusted_proxies = ["127.0.0.0/8"]', async ({ address }) => {
    const clients: Client[] = [];
    for (let i = 0; i < 6; i++) clients.push(await used(address));
    for (const client of clients) client.close();
  }));

test("keepalive_max_age closes an old connection after its reply", () =>
  withServer('fronts = 1\nkeepalive_max_age = "2s"', async ({ address }) => {
    const client = await used(address);
    await Bun.sleep(2100);
    client.send(GET);
    const reply = await client.answer();
    expect(reply.fields).toContainEqual(["Connection", "close"]);
    expect((await client.rest()).length).toBe(0);
    client.close();
  }));

test("max_pipelined_requests closes the connection of a client that is too far ahead", () =>
  withServer("fronts = 1\nmax_pipelined_requests = 10", async ({ server, address }) => {
    const modest = await Client.open(address);
    for (let round = 0; round < 5; round++) {
      modest.send(GET.repeat(8));
      for (let i = 0; i < 8; i++) expect((await modest.answer()).status).toBe(200);
    }
    modest.close();
    const greedy = await Client.open(address);
    greedy.send(GET.repeat(100));
    const replies = (await greedy.rest()).toString().split("HTTP/1.1 200").length - 1;
    expect(replies).toBe(11);
    greedy.close();
    await server.logged("max_pipelined_requests: 127.0.0.1");
  }));

describe("slow clients", () => {
  test("a header and a body that drip are ended, and others are served meanwhile", () =>
    withServer('fronts = 1\nheader_timeout = "2s"', async ({ server, address }) => {
      const head = await Client.open(address);
      const body = await Client.open(address);
      body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
      head.send("GET / HTTP/1.1\r\nHost: a\r\n");
      const drip = setInterval(() => {
        if (head.end === "open") head.send("X-A: b\r\n");
        if (body.end === "open") body.send("x");
      }, 300);
      try {
        expect((await head.answer()).status).toBe(408);
        expect((await body.answer()).status).toBe(408);
        expect((await ask(address, GET)).status).toBe(200);
        await server.logged("header_timeout: ");
        await server.logged(/min_body_rate: .*"POST \/echo"/);
      } finally {
        clearInterval(drip);
        for (const client of [head, body]) client.close();
      }
    }));

  test("a reader that takes next to nothing is disconnected, one that takes its time is not", () =>
    withServer('fronts = 1\nmin_send_rate = "256KiB"', async ({ server, address }) => {
      const idle = await SlowReader.open(address, "/files/large.bin");
      const slow = await SlowReader.open(address, "/files/large.bin");
      const taking = setInterval(() => slow.take(), 20);
      try {
        await server.logged(/min_send_rate: .*"GET \/files\/large.bin"/, 20_000);
        expect(server.log.match(/min_send_rate/g)).toHaveLength(1);
        expect((await ask(address, GET)).status).toBe(200);
        expect(slow.open).toBe(true);
      } finally {
        clearInterval(taking);
        idle.close();
        slow.close();
      }
    }));

  test("a body that keeps up the rate is waited for, whatever it takes", () =>
    withServer("fronts = 1", async ({ address }) => {
      const client = await Client.open(address);
      client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n");
      for (let i = 0; i < 8; i++) {
        await Bun.sleep(1000);
        client.send("x".repeat(500));
      }
      expect((await client.answer()).status).toBe(200);
      client.close();
    }));
});

describe("spools", () => {
  test("spool_disk used up is 507 for a body, and the space comes back", () =>
    withServer('fronts = 1\nspool_disk = "1MiB"', async ({ server, address }) => {
      const post = (size: number) =>
        ask(address, `POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${"x".repeat(size)}`);
      expect((await post(2 * 1024 * 1024)).status).toBe(507);
      await server.logged("spool_disk: ");
      for (let i = 0; i < 4; i++) expect((await post(600 * 1024)).status).toBe(200);
    }));

  test("with no file space at all a large reply comes whole to a slow reader", () =>
    withServer('fronts = 1\nspool_disk = 0\nspool_memory = "1MiB"', async ({ server, address }) => {
      const size = 30_000_000;
      const client = await Client.open(address);
      client.send(`GET /large?bytes=${size} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await Bun.sleep(1000);
      expect((await client.answer()).body.length).toBe(size);
      client.close();
      expect(server.log).not.toContain("crit");
    }));
});
