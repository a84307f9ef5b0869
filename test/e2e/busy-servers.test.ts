/** One of two servers is busy with a request that hangs: policies that compare load send nothing there, whichever front has that
 *  request, and whether it began before a reload. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { Client, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("busy-servers");
const clients: Client[] = [];
let server: Server | undefined;
const address = { host: "127.0.0.1", port: 0 };

/** `hanging`: the requests for /hold, which are never answered. */
function startNamed(name: string) {
  const state = { hanging: 0 };
  const fetch = (request: Request) => {
    if (!request.url.endsWith("/hold")) return new Response(name);
    state.hanging++;
    return new Promise<Response>(() => {});
  };
  const made = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch });
  return { name, port: made.port, state, stop: () => made.stop(true) };
}
const servers = ["a", "b"].map(startNamed);

beforeAll(async () => {
  address.port = await freePort();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server?.dispose();
  for (const { state } of servers) state.hanging = 0;
});
afterAll(() => {
  for (const each of servers) void each.stop();
  removeFolder(folder);
});

const toml = (fronts: number, balance: string, more = "") => `
[server]
fronts = ${fronts}
[upstream.pair]
servers = [${servers.map(({ port }) => `"127.0.0.1:${port}"`).join(", ")}]
balance = "${balance}"
${more}
${site(`127.0.0.1:${address.port}`, '"/" = { upstream = "pair" }')}`;

const hanging = () => servers.filter(({ state }) => state.hanging > 0);

/** Returns the name of the server that has it. */
async function hang(): Promise<string> {
  const client = await Client.open(address);
  clients.push(client);
  client.send("GET /hold HTTP/1.1\r\nHost: a.example\r\n\r\n");
  await until("a request that hangs", 5000, () => hanging().length === 1);
  return hanging()[0]?.name ?? "";
}

/** Each on a connection of its own, so that every front has some. */
async function answers(count: number): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let i = 0; i < count; i++) seen.add((await get(address, "/")).body.toString());
  return seen;
}

test.each(["least_conn", "random"])("of two fronts, %s", async (balance) => {
  server = await startServer(toml(2, balance), { folder });
  const busy = await hang();
  expect(await answers(60)).toEqual(new Set(busy === "a" ? ["b"] : ["a"]));
});

test.each([1, 2])("after a reload that changes the upstream, with %d fronts", async (fronts) => {
  server = await startServer(toml(fronts, "least_conn"), { folder });
  const busy = await hang();
  writeFileSync(join(folder, "server.toml"), toml(fronts, "least_conn", 'read_timeout = "50s"'));
  expect((await server.command("reload")).stdout).toBe("upstream pair: changed\n");
  expect(await answers(40)).toEqual(new Set(busy === "a" ? ["b"] : ["a"]));
});
