/** Servers behind us that misbehave, as the client of the built binary sees it; and what the configuration does to both sides. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect, createServer, type Socket } from "node:net";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort } from "../support/folder.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { ask, type Address, Client, field, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const LARGE_BYTES = 32 * 1024 * 1024;

/** By the path that is asked for: what the upstream does. */
const SCRIPTS: Readonly<Record<string, (socket: Socket, request: string) => void>> = {
  "/early": (socket) => socket.end(),
  "/reset": (socket) => socket.resetAndDestroy(),
  "/rubbish": (socket) => socket.write("\x16\x03\x01 rubbish\r\n\r\n"),
  "/short": (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"),
  "/long": (socket) => socket.write(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`),
  "/both": (socket) =>
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
  "/chunk": (socket) => socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsomeXX"),
  "/huge": (socket) => socket.write(`HTTP/1.1 200 OK\r\n${"X: yyyyyyyyyyyyyyyy\r\n".repeat(20_000)}\r\n`),
  "/interim": (socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n${OK}`),
  "/fine": (socket) => socket.write(OK),
  "/silent": () => {},
  "/hang": (socket) => hang(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
  "/part": (socket) => hang(socket, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"),
  "/slivers": (socket) => void sliver(socket, OK, 2),
  "/drip": (socket) => void sliver(socket, `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(1000)}`, 100),
  "/413": (socket) => socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge"),
  "/echo/x": echo,
  "/echo/app/x": echo,
  "/v2/uri/a%20b?c=d": echo,
  "/move": (socket) =>
    socket.write(
      `HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${upstreamPort}/there\r\nX-Secret: 1\r\nContent-Length: 0\r\n\r\n`,
    ),
  "/big": (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`);
    socket.write(Buffer.alloc(LARGE_BYTES), () => (bigTaken = true));
  },
};

let bigTaken = false;
let upstreamPort = 0;
const sockets = new Set<Socket>();

const hanging = new Set<Socket>();

function hang(socket: Socket, text: string): void {
  hanging.add(socket);
  socket.once("close", () => hanging.delete(socket));
  socket.write(text);
}

async function sliver(socket: Socket, text: string, pauseMs: number): Promise<void> {
  for (const byte of text) {
    if (socket.destroyed) return;
    socket.write(byte);
    await Bun.sleep(pauseMs);
  }
}

/** The head as the upstream got it. */
function echo(socket: Socket, request: string): void {
  const body = Buffer.from(request, "latin1");
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
  socket.write(body);
}

const upstream = createServer((socket) => {
  sockets.add(socket);
  let text = "";
  socket.on("error", () => {});
  socket.on("close", () => sockets.delete(socket));
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    if (end === -1) return;
    const head = text.slice(0, end + 4);
    text = "";
    SCRIPTS[head.split(" ")[1] ?? ""]?.(socket, head);
  });
});

let server: Server;
let address: Address;

beforeAll(async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.listen(0, "127.0.0.1", resolve);
  await promise;
  upstreamPort = (upstream.address() as { port: number }).port;
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const servers = `servers = "127.0.0.1:${upstreamPort}"`;
  const toml = `${ONE_FRONT}
[upstream.bad]
${servers}
head_timeout = "1s"
read_timeout = "1s"
headers_down = { remove = "X-Secret" }
[upstream.streamed]
${servers}
request_buffering = false
[upstream.bounded]
${servers}
reply_memory = "64KiB"
reply_file = 0
[upstream.dressed]
${servers}
host = "backend.internal"
via = false
headers_up = { set = { X-Who = "$remote_addr" }, remove = "Accept" }
`;
  const routes = `
"/stripped/" = { upstream = "dressed", strip_prefix = true }
"/uri/" = { upstream = "bad", uri = "/v2$uri" }
"/echo/app/" = { upstream = "dressed" }
"/413" = { upstream = "streamed" }
"/bounded/" = { upstream = "bounded", strip_prefix = true }
"/paged/" = { upstream = "bad", strip_prefix = true, error_pages = { "502" = { respond = "sorry" } } }
"/moved/" = { upstream = "bad", strip_prefix = true }
"/" = { upstream = "bad" }`;
  server = await startServer(toml + site(`127.0.0.1:${port}`, routes), {});
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  upstream.close();
  await server.dispose();
});

describe("a server that misbehaves", () => {
  const refused = ["/early", "/reset", "/rubbish", "/both", "/huge"];
  test.each(refused)("%s is a 502, and the next request is answered", async (path) => {
    expect((await get(address, path)).status).toBe(502);
    expect((await get(address, "/fine")).status).toBe(200);
  });

  test.each(["/silent", "/drip"])("%s is a 504 in time", async (path) => {
    expect((await get(address, path)).status).toBe(504);
  });

  test.each(["/short", "/chunk"])("%s never looks whole", async (path) => {
    const client = await Client.open(address);
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const answer = await client.answer().catch(() => undefined);
    expect(answer === undefined || answer.status === 502).toBe(true);
    client.close();
  });

  test("bytes behind a reply reach nobody", async () => {
    expect((await get(address, "/long")).body.toString()).toBe("ok");
    expect((await get(address, "/fine")).body.toString()).toBe("ok");
  });

  test("a head in slivers is taken, a 103 is passed on", async () => {
    expect((await get(address, "/slivers")).body.toString()).toBe("ok");
    const client = await Client.open(address);
    client.send("GET /interim HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await client.head()).status).toBe(103);
    expect((await client.answer()).status).toBe(200);
    client.close();
  });

  test("an error page stands for it where there is one", async () => {
    const answer = await get(address, "/paged/early");
    expect([answer.status, answer.body.toString()]).toEqual([502, "sorry"]);
  });
});

test.each(["/bounded/hang", "/bounded/part"])(
  "whoever leaves in the middle of %s ends it at the server",
  async (path) => {
    const client = connect(address as { host: string; port: number });
    const { promise, resolve } = Promise.withResolvers<void>();
    client.on("data", (bytes: Buffer) => bytes.includes("hello") && resolve());
    client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await promise;
    expect(hanging.size).toBe(1);
    client.end();
    client.destroy();
    await until("the end of the request", 20_000, () => hanging.size === 0);
  },
);

test("a 413 comes while the upload still runs", async () => {
  const client = await Client.open(address);
  client.send("POST /413 HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n");
  client.send(Buffer.alloc(100_000));
  const answer = await client.answer();
  expect([answer.status, answer.body.toString()]).toEqual([413, "large"]);
  client.close();
});

describe("what the configuration says of both directions", () => {
  test("host, via, headers_up and strip_prefix", async () => {
    const seen = await ask(address, "GET /stripped/echo/x HTTP/1.1\r\nHost: www.example\r\nAccept: a/b\r\n\r\n");
    const lines = seen.body.toString().split("\r\n");
    expect(lines.slice(0, 2)).toEqual(["GET /echo/x HTTP/1.1", "Host: backend.internal"]);
    expect(lines).toContain("X-Who: 127.0.0.1");
    expect(lines).toContain("X-Forwarded-Host: www.example");
    for (const name of ["Accept", "Via"]) expect(lines.some((line) => line.startsWith(`${name}:`))).toBe(false);
    expect((await get(address, "/echo/app/x")).body.toString()).toStartWith("GET /echo/app/x HTTP/1.1\r\n");
  });

  test("uri", async () => {
    const seen = (await get(address, "/uri/a%20b?c=d")).body.toString();
    expect(seen).toStartWith("GET /v2/uri/a%20b?c=d HTTP/1.1\r\n");
    expect(seen).toContain("\r\nVia: 1.1 server\r\n");
  });

  test("Location names this server and the route; a field that headers_down takes away is gone", async () => {
    const moved = await get(address, "/moved/move");
    expect([moved.status, field(moved, "location"), field(moved, "x-secret")]).toEqual([
      302,
      "/moved/there",
      undefined,
    ]);
  });
});

test("of a reply that nobody reads no more is taken than is allowed, and all of it arrives in the end", async () => {
  bigTaken = false;
  const client = connect(address as { host: string; port: number });
  const head = "GET /bounded/big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  let received = 0;
  client.once("readable", resolve);
  client.write(head);
  await answered;
  // Longer than the upstream could need, were it not held back.
  await Bun.sleep(1000);
  expect(bigTaken).toBe(false);
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  client.on("end", end);
  client.on("data", (bytes: Buffer) => (received += bytes.length));
  await ended;
  expect(bigTaken).toBe(true);
  expect(received).toBeGreaterThan(LARGE_BYTES);
  client.destroy();
});
