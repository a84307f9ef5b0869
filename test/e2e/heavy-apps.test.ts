/** Large bodies and replies, slow readers and many at once, through one small app: everything arrives, nothing is left. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort } from "../support/folder.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, Client, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const MIB = 1024 * 1024;
const PATTERN = Buffer.from(Uint8Array.from({ length: 64 * 1024 }, (_, at) => at & 255));
/** A connection of its own for each request. */
const ONCE = { keepalive: false, headers: { Connection: "close" } };
let server: Server;
let address: Address;

beforeAll(async () => {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const listening = site(`127.0.0.1:${port}`, '"/" = { app = "probe" }', 'max_body_size = "200m"');
  server = await startServer(ONE_FRONT + probeApp({ threads: 2 }) + listening);
});
afterAll(() => server.dispose());

/** `bytes` of the pattern, as the app would have them too. */
function hashed(bytes: number): string {
  const sha = createHash("sha256");
  for (let at = 0; at < bytes; at += PATTERN.length)
    sha.update(PATTERN.subarray(0, Math.min(PATTERN.length, bytes - at)));
  return sha.digest("hex");
}

async function upload(bytes: number): Promise<string> {
  async function* pieces() {
    for (let at = 0; at < bytes; at += PATTERN.length) yield PATTERN.subarray(0, Math.min(PATTERN.length, bytes - at));
  }
  const { port } = address as { port: number };
  const reply = await fetch(`http://127.0.0.1:${port}/digest`, { ...ONCE, method: "POST", body: pieces() as never });
  return reply.text();
}

async function download(bytes: number): Promise<string> {
  const { port } = address as { port: number };
  const reply = await fetch(`http://127.0.0.1:${port}/large?bytes=${bytes}`, ONCE);
  const sha = createHash("sha256");
  let count = 0;
  for await (const piece of reply.body as ReadableStream<Uint8Array>) {
    sha.update(piece);
    count += piece.length;
  }
  return `${count} ${sha.digest("hex")}`;
}

/** Resident memory of the server and its workers, bytes. */
function resident(): number {
  const pids = [server.pid, ...server.children().map(({ pid }) => pid)];
  return pids
    .map((pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) * 1024)
    .reduce((a, b) => a + b, 0);
}

function descriptors(): number {
  const pids = [server.pid, ...server.children().map(({ pid }) => pid)];
  return pids.map((pid) => readdirSync(`/proc/${pid}/fd`).length).reduce((a, b) => a + b, 0);
}

describe.each([1, 100])("%d MiB", (size) => {
  const bytes = size * MIB;
  test("up, chunked, with the length in CONTENT_LENGTH", async () => {
    expect(await upload(bytes)).toBe(`${bytes} ${hashed(bytes)}\n`);
  });

  test("down, and not through memory", async () => {
    const before = resident();
    expect(await download(bytes)).toBe(`${bytes} ${hashed(bytes)}`);
    expect(resident() - before).toBeLessThan(80 * MIB);
  });
});

test("readers that take nothing hold neither thread", async () => {
  const clients = await Promise.all(Array.from({ length: 10 }, () => Client.open(address)));
  for (const client of clients) {
    client.pause();
    client.send(`GET /large?bytes=${8 * MIB} HTTP/1.1\r\nHost: x\r\n\r\n`);
  }
  const hellos = await Promise.all(Array.from({ length: 10 }, () => get(address, "/hello")));
  expect(hellos.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
  for (const client of clients) client.resume();
  const sizes = await Promise.all(clients.map(async (client) => (await client.answer()).body.length));
  expect(sizes).toEqual(Array.from({ length: 10 }, () => 8 * MIB));
  for (const client of clients) client.close();
});

test("a pipeline of all sorts is answered in order", async () => {
  const client = await Client.open(address);
  const bodies = Array.from({ length: 30 }, (_, i) => "x".repeat(1 + i * 3000));
  const wire = bodies.map((body) => `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  client.send(
    wire.join("") + "HEAD /large?bytes=100000 HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
  );
  for (const body of bodies) expect((await client.answer()).body.toString()).toBe(body);
  expect((await client.answer("HEAD")).status).toBe(200);
  expect((await client.answer()).body.toString()).toBe("hello\n");
  client.close();
});

test("a mix of everything at once: each gets its own, and nothing is left open", async () => {
  await get(address, "/hello");
  const before = descriptors();
  const one = async (i: number): Promise<boolean> => {
    const bytes = 1000 + i * 37_003;
    switch (i % 4) {
      case 0:
        return (await upload(bytes)) === `${bytes} ${hashed(bytes)}\n`;
      case 1:
        return (await download(bytes)) === `${bytes} ${hashed(bytes)}`;
      case 2:
        return (await get(address, "/stream?pieces=3&pause=0.01")).body.toString() === "piece 0\npiece 1\npiece 2\n";
      default:
        return (await get(address, "/hello")).body.toString() === "hello\n";
    }
  };
  const results = await Promise.all(Array.from({ length: 40 }, (_, i) => one(i)));
  expect(results.filter((right) => !right)).toEqual([]);
  await until("descriptors to be closed", 10_000, () => descriptors() <= before);
});
