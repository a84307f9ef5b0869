/**
 * Everything that can befall a Python process, under load: only the request that does it fails, no descriptor and no
 * process is left behind, and the pool is whole again.
 */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort } from "../support/folder.ts";
import { Load } from "../support/load.ts";
import { probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, Client, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

/** One thread each: nobody else's request is in a process that is killed. */
const PROCESSES = 3;
const LIMITS = 'request_timeout = "3s"\nmax_rss = "250MB"';

let server: Server;
let address: Address;

beforeEach(async () => {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const app = probeApp({ module: "faults", processes: PROCESSES, threads: 1, app: LIMITS });
  server = await startServer(`[server]\nfronts = 2\n${app}${site(`127.0.0.1:${port}`)}`);
});

afterEach(() => server.dispose());

const target = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

function workers(): number[] {
  return server.children().flatMap(({ pid, command }) => (/\bworker\b/.test(command) ? [pid] : []));
}

const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length;

async function status(path: string): Promise<string> {
  try {
    return String((await get(address, path)).status);
  } catch {
    return "no reply";
  }
}

async function killStreaming(): Promise<string> {
  const client = await Client.open(address);
  client.send(target("/stream"));
  expect((await client.head()).status).toBe(200);
  const pid = Number((await client.chunk()).toString());
  process.kill(pid, "SIGKILL");
  const rest = (await client.rest()).toString();
  client.close();
  return /(^|\r\n)0\r\n\r\n$/.test(rest) ? "looks whole" : "cut off";
}

async function leaveMidStream(): Promise<string> {
  const client = await Client.open(address);
  client.send(target("/stream"));
  await client.head();
  await client.chunk();
  client.close();
  return "left";
}

describe("under load, only the request that does it fails:", () => {
  const faults: [string, () => Promise<string>, string][] = [
    ["kill -9 in the middle of a reply", killStreaming, "cut off"],
    ["os._exit", () => status("/leave"), "502"],
    ["a segmentation fault", () => status("/segfault"), "502"],
    ["an abort", () => status("/abort"), "502"],
    ["a request that never ends", () => status("/sleep"), "504"],
    ["a process that is stopped", () => status("/stop"), "504"],
    ["300 MB that are kept", () => status("/balloon"), "200"],
    ["sockets that the application closed", () => status("/close_sockets"), "502"],
    ["the queue of all workers, shut down by one", () => status("/shut_queue"), "200"],
  ];
  test.each(faults)("%s", async (_, commit, outcome) => {
    await get(address, "/");
    const idle = descriptors();
    const before = workers();
    expect(before.length).toBe(PROCESSES);
    const load = new Load({ address, connections: 6, request: () => target("/") });
    await until("replies under load", 20_000, () => load.counts.replies > 100);
    expect(await commit()).toBe(outcome);
    await until("whole pool", 20_000, () => {
      const now = workers();
      return now.length === PROCESSES && now.some((pid) => !before.includes(pid));
    });
    const replies = load.counts.replies;
    await until("replies after that", 20_000, () => load.counts.replies > replies + 100);
    const { statuses, failures } = await load.stop();
    expect({ others: Object.keys(statuses), failures }).toEqual({ others: ["200"], failures: [] });
    await until("descriptors as before", 20_000, () => descriptors() <= idle);
    expect(workers().length).toBe(PROCESSES);
  });
});

test("kill -9 of all workers while they are idle: no request fails, none of them is left", async () => {
  await get(address, "/");
  const [idle, before] = [descriptors(), workers()];
  for (const pid of before) process.kill(pid, "SIGKILL");
  const asked = await Promise.all(Array.from({ length: 50 }, () => status("/")));
  expect(new Set(asked)).toEqual(new Set(["200"]));
  await until("whole pool", 20_000, () => workers().length === PROCESSES);
  expect(workers().filter((pid) => before.includes(pid))).toEqual([]);
  await until("descriptors as before", 20_000, () => descriptors() <= idle);
});

test("SIGSTOP of all workers while they are idle: requests wait for their replacements", async () => {
  await get(address, "/");
  const [idle, before] = [descriptors(), workers()];
  for (const pid of before) process.kill(pid, "SIGSTOP");
  const asked = await Promise.all(Array.from({ length: 20 }, () => status("/")));
  expect(new Set(asked)).toEqual(new Set(["200"]));
  await until("whole pool", 20_000, () => workers().length === PROCESSES);
  expect(workers().filter((pid) => before.includes(pid))).toEqual([]);
  await until("descriptors as before", 20_000, () => descriptors() <= idle);
});

test("a thousand requests in the queue when the app restarts: every one is answered", async () => {
  await get(address, "/");
  const [idle, before] = [descriptors(), workers()];
  const asked = Array.from({ length: 1000 }, () => status("/"));
  const { code, stderr } = await server.command("reload");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const counts = Map.groupBy(await Promise.all(asked), (each) => each);
  expect([...counts].map(([each, all]) => [each, all.length])).toEqual([["200", 1000]]);
  const replaced = () => workers().length === PROCESSES && workers().every((pid) => !before.includes(pid));
  await until("end of the old workers", 20_000, replaced);
  await until("descriptors as before", 20_000, () => descriptors() <= idle);
});

test("clients that leave replies that hang: their threads are free again after request_timeout at the latest", async () => {
  await get(address, "/");
  const idle = descriptors();
  for (let i = 0; i < PROCESSES; i++) await leaveMidStream();
  expect(await status("/")).toBe("200");
  await until("descriptors as before", 20_000, () => descriptors() <= idle);
  await until("whole pool", 20_000, () => workers().length === PROCESSES);
});

test("ten reloads under load: no request fails, nothing is left behind", async () => {
  await get(address, "/");
  const idle = descriptors();
  const load = new Load({ address, connections: 8, request: () => target("/") });
  for (let i = 0; i < 10; i++) {
    const before = workers();
    const { code, stdout } = await server.command("reload");
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`${PROCESSES} workers replaced`) });
    const replaced = () => workers().length === PROCESSES && workers().every((pid) => !before.includes(pid));
    await until("end of the old workers", 20_000, replaced);
  }
  const { statuses, failures, replies } = await load.stop();
  expect({ others: Object.keys(statuses), failures }).toEqual({ others: ["200"], failures: [] });
  expect(replies).toBeGreaterThan(500);
  await until("descriptors as before", 20_000, () => descriptors() <= idle);
});
