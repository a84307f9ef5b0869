/**
 * The server between a raw client and a raw upstream: interim replies, trailers, Max-Forwards, and what of both heads goes
 * on. The upstream says what its route's name asks for and keeps what it was sent.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { type Address, ask, Client, field } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("intermediary");
const asked: string[] = [];
const upstream = createServer(converse);
let server: Server;
let address: Address;

const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n";
const TRAILED =
  "HTTP/1.1 200 Fine By Me\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
  "3\r\nabc\r\n0\r\nX-Sum: 42\r\nSet-Cookie: a=b\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const REPLIES: Readonly<Record<string, string>> = {
  "/hints": `${HINTS}${HINTS}${OK}`,
  "/continue": `HTTP/1.1 100 Continue\r\n\r\n${OK}`,
  "/flood": HINTS.repeat(1000) + OK,
  "/trailers": TRAILED,
  "/plain": OK,
  "/short": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
  "/switch": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
};

/** One request a connection, without a body. */
function converse(socket: Socket): void {
  let text = "";
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    text += bytes.toString("latin1");
    if (!text.endsWith("\r\n\r\n")) return;
    asked.push(text);
    const target = text.split(" ")[1] ?? "";
    socket.end(REPLIES[target] ?? OK);
  });
}

beforeAll(async () => {
  const port = await freePort();
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.listen(0, "127.0.0.1", resolve);
  await promise;
  const behind = (upstream.address() as { port: number }).port;
  address = { host: "127.0.0.1", port };
  const toml = `${ONE_FRONT}${probeApp()}
[upstream.raw]
servers = ["127.0.0.1:${behind}"]
keepalive = 0
`;
  const routes = '"/app/" = { app = "probe" }\n"/" = { upstream = "raw" }\n"/shown/" = { respond = "x" }';
  server = await startServer(toml + site(`127.0.0.1:${port}`, routes), { folder });
});
afterAll(async () => {
  upstream.close();
  await server.dispose();
  removeFolder(folder);
});

const request = (target: string, fields = "", method = "GET", version = "1.1") =>
  `${method} ${target} HTTP/${version}\r\nHost: a.example\r\n${fields}\r\n`;

/** What the upstream was sent last. */
const last = () => asked.at(-1) ?? "";

describe("rfc9110_15_2: interim replies", () => {
  test("of an upstream go on, in order and without the fields of the other hop", async () => {
    const client = await Client.open(address);
    client.send(request("/hints"));
    for (let i = 0; i < 2; i++) {
      const head = await client.head();
      expect([head.status, head.fields]).toEqual([103, [["Link", "</a.css>; rel=preload"]]]);
    }
    expect((await client.answer()).body.toString()).toBe("ok");
    client.send(request("/plain"));
    expect((await client.answer()).status).toBe(200);
    client.close();
  });

  test("never reach a client of HTTP/1.0", async () => {
    const client = await Client.open(address);
    client.send(request("/hints", "", "GET", "1.0"));
    expect((await client.rest()).latin1Slice()).toStartWith("HTTP/1.1 200 ");
    client.close();
  });

  test("100 is not passed on: nobody asked for it", async () => {
    expect((await ask(address, request("/continue"))).status).toBe(200);
  });

  test("without end, or a 101 that was not asked for, are a 502", async () => {
    const client = await Client.open(address);
    client.send(request("/flood"));
    let { status } = await client.head();
    while (status === 103) ({ status } = await client.head());
    expect(status).toBe(502);
    client.close();
    expect((await ask(address, request("/switch"))).status).toBe(502);
  });
});

describe("rfc9110_6_5_1: trailers", () => {
  test("of an upstream go to a client that says TE: trailers, but for those that belong in the head", async () => {
    const client = await Client.open(address);
    client.send(request("/trailers", "TE: trailers\r\nConnection: TE, close\r\n"));
    const text = (await client.rest()).latin1Slice();
    expect(text).toMatch(/^Trailer: X-Sum\r$/m);
    expect(text).toEndWith("3\r\nabc\r\n0\r\nX-Sum: 42\r\n\r\n");
    expect(last()).toMatch(/^TE: trailers\r$/m);
    expect(last()).toMatch(/^Connection: .*TE.*\r$/m);
    client.close();
  });

  test.each([
    ["of HTTP/1.1 that does not", "", "1.1"],
    ["of HTTP/1.0", "TE: trailers\r\nConnection: TE\r\n", "1.0"],
  ])("do not go to a client %s", async (_, fields, version) => {
    const client = await Client.open(address);
    client.send(request("/trailers", `${fields}${version === "1.1" ? "Connection: close\r\n" : ""}`, "GET", version));
    const text = (await client.rest()).latin1Slice();
    expect(text).toStartWith("HTTP/1.1 200 Fine By Me\r\n");
    expect(text).not.toContain("X-Sum");
    expect(text).toContain("abc");
    if (version === "1.1") expect(last()).not.toMatch(/^TE:/m);
    client.close();
  });
});

describe("rfc9110_7_6_2: Max-Forwards", () => {
  test("is one less at the next hop", async () => {
    await ask(address, request("/plain", "Max-Forwards: 5\r\n", "OPTIONS"));
    expect(last()).toMatch(/^Max-Forwards: 4\r$/m);
  });

  test("0 of an OPTIONS ends here", async () => {
    const before = asked.length;
    const answer = await ask(address, request("/plain", "Max-Forwards: 0\r\n", "OPTIONS"));
    expect([answer.status, field(answer, "Allow") !== undefined, asked.length]).toEqual([204, true, before]);
  });

  test("of a GET means nothing and goes on", async () => {
    await ask(address, request("/plain", "Max-Forwards: 0\r\n"));
    expect(last()).toMatch(/^Max-Forwards: 0\r$/m);
  });

  test.each(["0", "5"])("TRACE with %s is answered here and shows nothing", async (hops) => {
    const before = asked.length;
    const fields = `Max-Forwards: ${hops}\r\nCookie: secret=1\r\n`;
    const answer = await ask(address, request("/plain", fields, "TRACE"));
    expect([answer.status, asked.length]).toEqual([405, before]);
    expect(answer.body.toString()).not.toContain("secret");
  });
});

test("rfc9112_8: a reply that breaks off does not look whole", async () => {
  const client = await Client.open(address);
  client.send(request("/short"));
  expect(await client.answer().catch((error: Error) => error.message)).toMatch(/connection ended/);
  client.close();
});

test("rfc9110_7_6_1: what Connection names stays on this hop, but for what must not be taken away", async () => {
  const fields =
    "Connection: X-Mine, Cookie, X-Forwarded-For\r\nX-Mine: 1\r\nCookie: a=b\r\nX-Other: 2\r\nKeep-Alive: 5\r\n";
  await ask(address, request("/plain", fields));
  for (const kept of ["Cookie: a=b", "X-Other: 2", "X-Forwarded-For: 127.0.0.1", "Via: 1.1 server"]) {
    expect(last()).toContain(`${kept}\r\n`);
  }
  expect(last()).not.toMatch(/X-Mine|Keep-Alive/);
});
