/**
 * No room for temporary files: what needs one fails or is held back, with a line in the log, and everybody else is served.
 * RLIMIT_FSIZE stands for the disk: a write fails after so many bytes, and it needs no file system of the test's own.
 */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort } from "../support/folder.ts";
import { Load } from "../support/load.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, Client, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

/** More than the scoreboard of the app needs, less than what is sent. */
const FILE_BYTES = 4 * 1024 * 1024;
const SENT_BYTES = 12 * 1024 * 1024;

let server: Server;
let address: Address;

beforeEach(async () => {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const limits = 'max_body_size = "100MB"';
  server = await startServer(ONE_FRONT + probeApp() + site(`127.0.0.1:${port}`, undefined, limits), {
    fileBytes: FILE_BYTES,
  });
});
afterEach(() => server.dispose());

const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length;

async function beside(use: () => Promise<void>): Promise<void> {
  await get(address, "/hello");
  const before = descriptors();
  const load = new Load({
    address,
    connections: 2,
    request: () => "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
  });
  await until("neighbours that are served", 20_000, () => load.counts.replies > 20);
  await use();
  const { replies } = load.counts;
  await until("neighbours that are served still", 20_000, () => load.counts.replies > replies + 20);
  const { statuses, failures } = await load.stop();
  expect({ statuses: Object.keys(statuses), failures }).toEqual({ statuses: ["200"], failures: [] });
  await until("descriptors as before", 20_000, () => descriptors() <= before);
}

test("a body that does not fit is 507 and said in the log; neighbours are served", () =>
  beside(async () => {
    const client = await Client.open(address);
    client.send(`POST /digest HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${SENT_BYTES}\r\n\r\n`);
    client.send(Buffer.alloc(SENT_BYTES, "b"));
    expect((await client.answer()).status).toBe(507);
    client.close();
    await server.logged(/request body could not be stored: .*EFBIG/);
    expect((await get(address, "/hello")).status).toBe(200);
  }));

test("a reply that does not fit waits for its client and arrives whole; neighbours are served", () =>
  beside(async () => {
    const client = await Client.open(address);
    client.pause();
    client.send(`GET /large?bytes=${SENT_BYTES} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    await server.logged("temporary file of a reply, going on without it");
    client.resume();
    const { status, body } = await client.answer();
    expect([status, body.length]).toEqual([200, SENT_BYTES]);
    client.close();
  }));
