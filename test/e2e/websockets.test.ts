/** WebSockets through us: to uvicorn and daphne, in front of and behind nginx, and what ends them. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ServerWebSocket } from "bun";
import { type AsgiServer, asgiMissing, startAsgi } from "../support/asgi.ts";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { nginxMissing, startNginx } from "../support/nginx.ts";
import type { Peer } from "../support/peer.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { WebSocketClient } from "../support/websocket.ts";
import { type Address, Client, field } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const MIB = 1024 * 1024;
const SERVERS = ["uvicorn", "daphne"] as const;
const folder = makeFolder("websockets");
const peers = new Map<string, Peer>();
const closes: number[] = [];
let server: Server;
let address: Address;
let port = 0;
/** Of the nginx before us. */
let frontPort = 0;

/** Echoes; `flood` sends 32 MiB at once, `drop` ends without a closing handshake. */
const echo = Bun.serve<undefined>({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, self) => {
    if (new URL(request.url).pathname === "/own/not-found") return new Response("no", { status: 404 });
    return self.upgrade(request, { headers: { "X-Powered": "own" } }) ? undefined : new Response("plain");
  },
  websocket: {
    maxPayloadLength: 64 * MIB,
    backpressureLimit: 64 * MIB,
    message: (socket: ServerWebSocket<undefined>, message) => {
      if (message === "drop") return socket.terminate();
      if (message === "flood") for (let i = 0; i < 32; i++) socket.send(Buffer.alloc(MIB, i));
      else socket.send(message);
    },
    close: (_, code) => void closes.push(code),
  },
});

beforeAll(async () => {
  const [uvicorn, daphne, behind] = [await freePort(), await freePort(), await freePort()];
  port = await freePort();
  frontPort = await freePort();
  address = { host: "127.0.0.1", port };
  if (asgiMissing("uvicorn") === undefined) peers.set("uvicorn", await startAsgi("uvicorn", uvicorn));
  if (asgiMissing("daphne") === undefined) peers.set("daphne", await startAsgi("daphne", daphne));
  const toml = `${ONE_FRONT}drain_timeout = "6s"
[upstream.own]
servers = ["127.0.0.1:${echo.port}"]
[upstream.hasty]
servers = ["127.0.0.1:${echo.port}"]
tunnel_timeout = "2s"
[upstream.off]
servers = ["127.0.0.1:${echo.port}"]
upgrade = false
[upstream.uvicorn]
servers = ["127.0.0.1:${uvicorn}"]
[upstream.daphne]
servers = ["127.0.0.1:${daphne}"]
[upstream.nginx]
servers = ["127.0.0.1:${behind}"]
`;
  const names = ["own", "hasty", "off", "uvicorn", "daphne", "nginx"];
  const routes = names.map((name) => `"/${name}/" = { upstream = "${name}" }`).join("\n");
  server = await startServer(toml + site(`127.0.0.1:${port}`, routes), { folder });
  if (nginxMissing() === undefined) await startNginxes(behind, frontPort);
});

/** One that we ask, and one that asks us. */
async function startNginxes(behind: number, front: number): Promise<void> {
  const passTo = (to: number) => `location / {
    proxy_pass http://127.0.0.1:${to}; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_set_header Host $host; }`;
  for (const [name, listens, to] of [
    ["behind", behind, echo.port ?? 0],
    ["front", front, port],
  ] as const) {
    writeFiles(folder, { [`${name}/x`]: "" });
    peers.set(name, await startNginx({ folder: `${folder}/${name}`, port: listens, server: passTo(to) }));
  }
}

afterAll(async () => {
  for (const peer of peers.values()) await peer.stop();
  await server.dispose();
  await echo.stop(true);
  removeFolder(folder);
});

const url = (path: string, at = port) => `ws://127.0.0.1:${at}${path}`;

function describeServer(name: AsgiServer): void {
  const testIt = testUnless(asgiMissing(name));

  testIt(`${name}: text, binary and subprotocols go through`, async () => {
    const socket = await WebSocketClient.open(url(`/${name}/ws`), ["chat.v2", "chat.v1"]);
    expect(socket.protocol).toBe("chat.v2");
    expect(await socket.echo("hällo ☃")).toBe("hällo ☃");
    socket.send(new Uint8Array([0, 1, 255]));
    expect(await socket.next()).toEqual(new Uint8Array([0, 1, 255]));
    socket.close();
    expect(await socket.closed).toBe(1000);
  });

  testIt(`${name}: a message of 16 MiB comes back whole`, async () => {
    const message = new Uint8Array(randomBytes(16 * MIB));
    const socket = await WebSocketClient.open(url(`/${name}/ws`));
    socket.send(message);
    const sha = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    expect(sha(await socket.next())).toBe(sha(message));
    socket.close();
  });

  testIt(`${name}: its close codes reach the client, and so does a refusal`, async () => {
    const socket = await WebSocketClient.open(url(`/${name}/ws`));
    socket.send("bye");
    expect(await socket.closed).toBe(4000);
    await expect(WebSocketClient.open(url(`/${name}/refused`))).rejects.toThrow("did not become");
    const client = await Client.open(address);
    client.send(`GET /${name}/refused HTTP/1.1\r\nHost: a\r\n${HANDSHAKE}\r\n`);
    expect((await client.answer()).status).toBe(403);
    client.close();
  });
}

const HANDSHAKE =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

describe("real servers", () => {
  for (const name of SERVERS) describeServer(name);

  testUnless(nginxMissing())("nginx behind us and nginx before us", async () => {
    for (const where of [url("/nginx/x"), url("/own/x", frontPort)]) {
      const socket = await WebSocketClient.open(where);
      expect(await socket.echo("through")).toBe("through");
      const message = new Uint8Array(randomBytes(2 * MIB));
      socket.send(message);
      expect(Buffer.compare((await socket.next()) as Uint8Array, message)).toBe(0);
      socket.close();
      expect(await socket.closed).toBe(1000);
    }
  });
});

describe("the handshake", () => {
  test("is made anew: the 101 with its fields, our own Connection, and frames that came early", async () => {
    const client = await Client.open(address);
    const masked = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
    client.send(Buffer.concat([Buffer.from(`GET /own/ws HTTP/1.1\r\nHost: a\r\n${HANDSHAKE}\r\n`), masked]));
    const head = await client.head();
    expect(head.status).toBe(101);
    expect(head.fields.filter(([name]) => name.toLowerCase() === "connection")).toHaveLength(1);
    expect(head.fields.find(([name]) => name === "X-Powered")?.[1]).toBe("own");
    expect(await client.exactly(4)).toEqual(Buffer.from([0x81, 2, 0x68, 0x69]));
    client.close();
  });

  test("a refusal is an ordinary reply, behind which the connection ends", async () => {
    const client = await Client.open(address);
    const second = "GET /own/second HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(`GET /own/not-found HTTP/1.1\r\nHost: a\r\n${HANDSHAKE}\r\n${second}`);
    const answer = await client.answer();
    expect([answer.status, field(answer, "connection")]).toEqual([404, "close"]);
    expect((await client.rest()).length).toBe(0);
    client.close();
  });

  test.each([
    ["h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"],
    ["TLS", "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n"],
  ])("%s is never passed on", async (_, fields) => {
    const client = await Client.open(address);
    client.send(`GET /own/ws HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
    const answer = await client.answer();
    expect([answer.status, answer.body.toString()]).toEqual([200, "plain"]);
    client.close();
  });

  test("upgrade = false makes it an ordinary request", async () => {
    await expect(WebSocketClient.open(url("/off/ws"))).rejects.toThrow("did not become");
  });
});

describe("what ends a WebSocket", () => {
  test("a client that is gone: the server hears of it, and it is in the access log", async () => {
    const socket = await WebSocketClient.open(url("/own/abrupt"));
    await socket.echo("x");
    const before = closes.length;
    socket.terminate();
    await until("close at the server", 10_000, () => closes.length > before);
    await until("line in the access log", 10_000, () => /"GET \/own\/abrupt HTTP\/1\.1" 101 3 /.test(server.output));
  });

  test("a server that is gone: the client hears of it", async () => {
    const socket = await WebSocketClient.open(url("/own/x"));
    socket.send("drop");
    expect(await socket.closed).toBe(1006);
  });

  test("silence of tunnel_timeout, and not before", async () => {
    const socket = await WebSocketClient.open(url("/hasty/x"));
    for (let i = 0; i < 4; i++) {
      await Bun.sleep(700);
      expect(await socket.echo("still here")).toBe("still here");
    }
    expect(await socket.closed).toBe(1006);
    await server.logged("tunnel_timeout");
  });

  testUnless(asgiMissing("uvicorn"))("the death of the upstream's process", async () => {
    const own = await freePort();
    const peer = await startAsgi("uvicorn", own);
    const at = await freePort();
    const upstream = `[upstream.u]\nservers = ["127.0.0.1:${own}"]\n`;
    const second = await startServer(ONE_FRONT + upstream + site(`127.0.0.1:${at}`, '"/" = { upstream = "u" }'));
    try {
      const socket = await WebSocketClient.open(url("/x", at));
      await socket.echo("x");
      process.kill(peer.pid, "SIGKILL");
      expect(await socket.closed).toBe(1006);
    } finally {
      await peer.stop();
      await second.dispose();
    }
  });
});

test("200 at once, each with its own messages", async () => {
  const sockets = await Promise.all(Array.from({ length: 200 }, () => WebSocketClient.open(url("/own/many"))));
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(sockets.map((socket, i) => socket.echo(`${i}:${round}`)));
    expect(answers).toEqual(sockets.map((_, i) => `${i}:${round}`));
  }
  for (const socket of sockets) socket.close();
  for (const socket of sockets) expect(await socket.closed).toBe(1000);
});

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) * 1024;
}

test("clients that do not read cost a bounded amount of memory, and get everything in the end", async () => {
  const clients = await Promise.all(Array.from({ length: 4 }, () => Client.open(address)));
  const before = residentBytes(server.pid);
  for (const client of clients) {
    client.send(`GET /own/flood HTTP/1.1\r\nHost: a\r\n${HANDSHAKE}\r\n`);
    await client.head();
    client.pause();
    client.send(Buffer.from([0x81, 0x85, 0, 0, 0, 0, ...Buffer.from("flood")]));
  }
  await Bun.sleep(1000);
  expect(residentBytes(server.pid) - before).toBeLessThan(64 * MIB);
  for (const client of clients) {
    client.resume();
    expect((await client.exactly(32 * (MIB + 10))).at(-1)).toBe(31);
    client.close();
  }
});

test("a server that stops lets it go on, and closes it before drain_timeout is over", async () => {
  const socket = await WebSocketClient.open(url("/own/last"));
  await socket.echo("x");
  server.signal("SIGTERM");
  await Bun.sleep(1000);
  expect(await socket.echo("still")).toBe("still");
  expect(await socket.closed).toBe(1006);
  expect(await server.ended()).toBe(0);
  expect(server.log).not.toContain("is over");
  expect(server.output).toContain('"GET /own/last HTTP/1.1" 101');
});
