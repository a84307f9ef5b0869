/** Kept replies on disk, with the built server: over restarts, purged, with a directory that goes, with a front that dies. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ServerStatus } from "../../src/cli/status-text.ts";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { ControlClient, controlSocket } from "../support/control.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, field, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let server: Server | undefined;
let folder = "";
let port = 0;
let address: Address;

async function start(): Promise<Server> {
  if (folder === "") {
    folder = makeFolder("disk-cache-e2e");
    mkdirSync(join(folder, "kept"));
    port = await freePort();
    address = { host: "127.0.0.1", port };
  }
  const cache = `{ disk = "kept", size = "64KiB", max_entry = "32KiB", x_cache = true }`;
  const routes = `"/" = { app = "probe", cache = ${cache} }`;
  const toml = ONE_FRONT + probeApp({ module: "pages" }) + site(`127.0.0.1:${port}`, routes);
  server = await startServer(toml, { folder });
  return server;
}

afterEach(async () => {
  await server?.dispose();
  server = undefined;
  if (folder !== "") removeFolder(folder);
  folder = "";
});

const files = () =>
  readdirSync(join(folder, "kept"), { recursive: true }).filter((name) => /-[0-9a-f]{8}$/.test(`${name}`));
const target = (n: number) => `/page${n}?cc=max-age=600&size=20000`;

async function fetchAll(count: number): Promise<string[]> {
  const seen: string[] = [];
  for (let n = 0; n < count; n++) {
    const answer = await get(address, target(n));
    seen.push(`${field(answer, "x-cache")} ${answer.body.toString().slice(0, 1)} ${answer.body.length}`);
  }
  return seen;
}

const times = (count: number, text: string) => Array.from({ length: count }, () => text);

test("what memory cannot hold is on disk, and all of it after a restart", async () => {
  const first = await start();
  expect(await fetchAll(8)).toEqual(times(8, "MISS 1 20008"));
  expect(await fetchAll(8)).toEqual(times(8, "HIT 1 20008"));
  await first.dispose();
  expect(files().length).toBe(8);
  const second = await start();
  await until("the disk to be read", 10_000, async () => {
    const { caches } = JSON.parse((await second.command("status", "--json")).stdout) as ServerStatus;
    return caches[0]?.diskEntries === 8;
  });
  expect(await fetchAll(8)).toEqual(times(8, "HIT 1 20008"));
});

test("purging empties the disk, too", async () => {
  const running = await start();
  await fetchAll(8);
  await until("files", 5000, () => files().length >= 5);
  const { stdout, code } = await running.command("cache", "purge", "http://localhost/page*");
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^(8|9|1\d) kept replies forgotten\n$/)]);
  await until("no files", 5000, () => files().length === 0);
  expect(await fetchAll(2)).toEqual(times(2, "MISS 2 20008"));
});

test("a directory that is removed costs misses and no errors", async () => {
  await start();
  await fetchAll(8);
  rmSync(join(folder, "kept"), { recursive: true });
  expect((await fetchAll(8)).every((each) => / [12] 20008$/.test(each))).toBe(true);
  expect((await fetchAll(8)).every((each) => / [123] 20008$/.test(each))).toBe(true);
});

test("a front that died begins with an empty disk: what it should have forgotten meanwhile is not there", async () => {
  const running = await start();
  await fetchAll(8);
  await until("files", 5000, () => files().length >= 5);
  const control = new ControlClient(controlSocket(running.folder));
  control.send('{"command":"fault","front":0}\n');
  await control.line(1);
  control.close();
  await until("a new front with an empty disk", 10_000, () => files().length === 0);
  expect(await until("answers", 10_000, () => fetchAll(2).catch(() => undefined))).toEqual(times(2, "MISS 2 20008"));
});
