/** Whose connection an application's process has while it streams, and that this ends with the reply for the client, whoever has it still. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort } from "../support/folder.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Answer, type Address, Client, field } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const BLOCKS = 64;
const SIZE = 64 * 1024;
/** A child of the application's has the connection for longer (projects/wsgi/lent.py). */
const CHILD_MS = 8_000;
/** Replies until a client is known to be fast. */
const TRIES = 30;

let server: Server;
let address: Address;

beforeAll(async () => {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const routes = `"/" = { app = "probe" }
"/compressed" = { app = "probe", compress = true }
"/kept" = { app = "probe", cache = { ttl = "60s", max_entry = "8MiB" } }`;
  const app = probeApp({ module: "lent", threads: 4 });
  server = await startServer(
    ONE_FRONT +
      `access_log_format = "$request_method $remote_port $body_bytes_sent."\n` +
      app +
      site(`127.0.0.1:${port}`, routes),
  );
});
afterAll(() => server.dispose());

const ask = (query: string, more = "", path = "/", version = "1.1") =>
  `GET ${path}?${query} HTTP/${version}\r\nHost: a\r\n${more}\r\n`;

function isRight({ body }: Answer, blocks = BLOCKS): boolean {
  const wanted = Buffer.concat(Array.from({ length: blocks }, (_, number) => Buffer.alloc(SIZE, number % 251)));
  return body.equals(wanted);
}

/** For how many blocks the application had the connection of a client at that port. */
async function lentTo(port: number): Promise<number> {
  const client = await Client.open(address);
  client.send(ask(`port=${port}`, "", "/seen"));
  const { body } = await client.answer();
  client.close();
  return Number(body.toString());
}

/** A client of which the server knows that it is fast. */
async function fast(): Promise<Client> {
  const client = await Client.open(address);
  for (let turn = 0; turn < TRIES; turn++) {
    client.send(ask(`blocks=${BLOCKS}`));
    expect(isRight(await client.answer())).toBe(true);
    if ((await lentTo(client.localPort)) > 0) return client;
  }
  throw new Error("the connection of a client that reads everything at once was never lent");
}

describe("the connection of a client", () => {
  test.each([
    ["in chunks", ""],
    ["with a length", "&length=1"],
  ])("that reads what comes is the application's to write to, %s", async (_, more) => {
    const client = await fast();
    for (let turn = 0; turn < 10; turn++) client.send(ask(`blocks=${BLOCKS}${more}`));
    for (let turn = 0; turn < 10; turn++) {
      const answer = await client.answer();
      expect([isRight(answer), answer.framing]).toEqual([true, more === "" ? "chunked" : "length"]);
    }
    client.close();
  });

  const never: readonly (readonly [name: string, path: string, more: string, version: string])[] = [
    ["whose reply is compressed", "/compressed", "Accept-Encoding: gzip\r\n", "1.1"],
    ["whose reply is kept", "/kept", "", "1.1"],
    ["whose reply ends with it", "/", "Connection: keep-alive\r\n", "1.0"],
  ];
  test.each(never)("%s is not", async (_, path, more, version) => {
    const client = await fast();
    const before = await lentTo(client.localPort);
    client.send(ask(`blocks=${BLOCKS}&path=${path}`, more, path, version));
    const answer = await client.answer();
    expect([answer.status, field(answer, "Content-Encoding")]).toEqual([
      200,
      path === "/compressed" ? "gzip" : undefined,
    ]);
    expect(await lentTo(client.localPort)).toBe(before);
    client.close();
  });

  test.each([
    ["forked", "fork=60"],
    ["started", "child=60"],
  ])("ends with the reply, though a child that was %s in the middle of it lives on", async (_, how) => {
    const client = await fast();
    const beganMs = performance.now();
    client.send(ask(`blocks=${BLOCKS}&${how}`, "Connection: close\r\n"));
    expect(isRight(await client.answer())).toBe(true);
    expect((await client.rest()).length).toBe(0);
    expect(performance.now() - beganMs).toBeLessThan(CHILD_MS);
    client.close();
  });

  test("that leaves in the middle is in the log with what it was given", async () => {
    const client = await fast();
    const port = client.localPort;
    client.send(ask(`blocks=4000`));
    await client.exactly(40 * 1024 * 1024);
    client.close();
    const line = new RegExp(`GET ${port} ([0-9]+)\\.`, "g");
    const logged = () => Math.max(0, ...[...server.output.matchAll(line)].map(([, bytes]) => Number(bytes)));
    await until("its line", 10_000, () => logged() > BLOCKS * SIZE);
    expect(logged()).toBeGreaterThanOrEqual(40 * 1024 * 1024);
    expect(logged()).toBeLessThan(4000 * SIZE);
  });

  test("breaks with the reply, though a child lives on", async () => {
    const client = await fast();
    const beganMs = performance.now();
    client.send(ask(`blocks=${BLOCKS}&fork=60&fails=1`));
    const text = await client.rest();
    expect(text.subarray(-5).toString()).not.toBe("0\r\n\r\n");
    expect(performance.now() - beganMs).toBeLessThan(CHILD_MS);
    client.close();
  });
});
