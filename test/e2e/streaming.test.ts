/** What an application streams arrives byte for byte, whoever reads it how, and what is not whole never looks so. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort } from "../support/folder.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { type Answer, type Address, Client } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const PATTERN = Buffer.from(Array.from({ length: 251 }, (_, i) => i));
const expected = (bytes: number) => Buffer.alloc(bytes, PATTERN);
const sum = (sizes: readonly number[]) => sizes.reduce((all, size) => all + size, 0);

const KIB = 1024;
const SIZES: readonly (readonly number[])[] = [
  [1],
  [1, 1, 1],
  [16 * KIB - 1, 16 * KIB, 16 * KIB + 1],
  [64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 1],
  [256 * KIB, 7, 256 * KIB + 1],
  [1024 * KIB],
  [5 * 1024 * KIB],
  [7, 5 * 1024 * KIB, 3],
  Array.from({ length: 40 }, () => 64 * KIB),
  Array.from({ length: 400 }, (_, i) => 1 + i * 37),
];

let server: Server;
let address: Address;

beforeAll(async () => {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const apps = probeApp({ module: "pieces" }) + probeApp({ module: "pieces" }).replaceAll("app.probe", "app.other");
  const routes = `"/" = { app = "probe" }
"/other" = { app = "other" }
"/small" = { app = "probe", compress = true }
"/kept" = { app = "probe", cache = { ttl = "60s", max_entry = "8MiB" } }`;
  server = await startServer(ONE_FRONT + apps + site(`127.0.0.1:${port}`, routes));
});
afterAll(() => server.dispose());

const request = (query: string, more = "", path = "/", start = "GET", version = "1.1") =>
  `${start} ${path}?${query} HTTP/${version}\r\nHost: a\r\n${more}\r\n`;

function check(answer: Answer, sizes: readonly number[]): void {
  expect([answer.status, answer.body.length]).toEqual([200, sum(sizes)]);
  expect(answer.body.equals(expected(sum(sizes)))).toBe(true);
}

describe.each([
  ["chunked", ""],
  ["with a length", "&length=1"],
])("a stream, %s", (_, more) => {
  test.each(SIZES.map((sizes) => [sizes.slice(0, 4).join(), sizes] as const))("of %s", async (_name, sizes) => {
    const client = await Client.open(address);
    for (let turn = 0; turn < 3; turn++) {
      client.send(request(`sizes=${sizes.join()}${more}`));
      check(await client.answer(), sizes);
    }
    client.close();
  });

  test.each(SIZES.map((sizes) => [sizes.slice(0, 4).join(), sizes] as const))(
    "of %s to a reader that stops for a second",
    async (_name, sizes) => {
      const client = await Client.open(address);
      client.send(request(`sizes=${sizes.join()}${more}`));
      await client.through("\r\n");
      client.pause();
      await Bun.sleep(1000);
      client.resume();
      await client.through("\r\n\r\n");
      const body = more === "" ? await chunks(client) : await client.exactly(sum(sizes));
      expect(body.equals(expected(sum(sizes)))).toBe(true);
      client.close();
    },
  );

  test("to many at once, some of which read and stop all the time", async () => {
    const sizes = Array.from({ length: 32 }, (_unused, i) => 60 * KIB + i);
    const one = async (number: number) => {
      const client = await Client.open(address);
      const timer = setInterval(() => (Math.random() < 0.5 ? client.pause() : client.resume()), 1 + (number % 7));
      client.send(request(`sizes=${sizes.join()}${more}`).repeat(3));
      for (let turn = 0; turn < 3; turn++) check(await client.answer(), sizes);
      clearInterval(timer);
      client.close();
    };
    await Promise.all(Array.from({ length: 12 }, (_unused, number) => one(number)));
  });

  test("to one that leaves in the middle: the next request is answered rightly", async () => {
    const leaver = await Client.open(address);
    leaver.send(request(`sizes=${SIZES.at(-2)?.join()}${more}`));
    await leaver.exactly(300 * KIB);
    leaver.close();
    const client = await Client.open(address);
    for (const sizes of SIZES) {
      client.send(request(`sizes=${sizes.join()}${more}`));
      check(await client.answer(), sizes);
    }
    client.close();
  });

  test("of a worker that is killed in the middle does not look whole", async () => {
    const client = await Client.open(address);
    client.send(request(`sizes=65536,65536,65536,65536,65536&kill=4${more}`));
    const text = await client.rest();
    const at = text.indexOf("\r\n\r\n") + 4;
    expect(text.length - at).toBeLessThan(5 * 65536);
    expect(text.subarray(-5).toString()).not.toBe("0\r\n\r\n");
    client.close();
  });
});

/** What `Client.answer` does when the head has been read by somebody else. */
async function chunks(client: Client): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (;;) {
    const size = Number.parseInt(await client.line(), 16);
    if (size > 0) parts.push(Buffer.from(await client.exactly(size)));
    expect(await client.line()).toBe("");
    if (size === 0) return Buffer.concat(parts);
  }
}

const LARGE = [70_000, 5, 1024 * KIB, 16 * KIB];

test("HTTP/1.0 gets it up to the end of the connection", async () => {
  const client = await Client.open(address);
  client.send(request(`sizes=${LARGE.join()}`, "", "/", "GET", "1.0"));
  const answer = await client.answer();
  expect(answer.framing).toBe("close");
  check(answer, LARGE);
});

test("HEAD gets none of it, and the connection goes on", async () => {
  const client = await Client.open(address);
  client.send(request(`sizes=${LARGE.join()}`, "", "/", "HEAD") + request(`sizes=${LARGE.join()}`));
  expect((await client.answer("HEAD")).status).toBe(200);
  check(await client.answer(), LARGE);
  client.close();
});

test("what is more than the announced length is cut", async () => {
  const client = await Client.open(address);
  client.send(request(`sizes=${LARGE.join()}&over=1000`) + request("sizes=3"));
  check(await client.answer(), [sum(LARGE) - 1000]);
  check(await client.answer(), [3]);
  client.close();
});

test("what is less than the announced length is cut off visibly", async () => {
  const client = await Client.open(address);
  client.send(request(`sizes=${LARGE.join()}&over=-1000`) + request("sizes=3"));
  const text = await client.rest();
  expect(text.length - text.indexOf("\r\n\r\n") - 4).toBeLessThan(sum(LARGE) + 1000);
  client.close();
});

test("compressed and kept replies have the same bytes", async () => {
  const client = await Client.open(address);
  client.send(request(`sizes=${LARGE.join()}`, "Accept-Encoding: gzip\r\n", "/small"));
  expect(gunzipSync((await client.answer()).body).equals(expected(sum(LARGE)))).toBe(true);
  for (let turn = 0; turn < 3; turn++) {
    client.send(request(`sizes=${LARGE.join()}`, "", "/kept"));
    check(await client.answer(), LARGE);
  }
  client.close();
});

test("two applications at once do not get into each other's way", async () => {
  const one = async (path: string, size: number) => {
    const client = await Client.open(address);
    for (let turn = 0; turn < 10; turn++) {
      client.send(request(`sizes=${size},${size},${size},${size}`, "", path));
      check(await client.answer(), [size * 4]);
    }
    client.close();
  };
  await Promise.all([one("/", 65536), one("/other", 65537), one("/", 131072), one("/other", 300_000)]);
});
