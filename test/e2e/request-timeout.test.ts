/** request_timeout on the built binary: who is stuck, how, and what the others see of it. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, ROOT } from "../support/folder.ts";
import { Load } from "../support/load.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { Client, field, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let server: Server | undefined;
let address: Address;
afterEach(async () => {
  await server?.dispose();
  server = undefined;
});

async function start(more: string, routes = '"/" = { app = "stuck" }'): Promise<Server> {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const app = `
[app.stuck]
root = ${JSON.stringify(join(ROOT, "test/apps/projects"))}
wsgi = "stuck"
env = { PYTHONDONTWRITEBYTECODE = "1" }
${more}
`;
  server = await startServer(ONE_FRONT + app + site(`127.0.0.1:${port}`, routes));
  return server;
}

const target = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/** Of the worker that answers; one that gets no processor in time has a 504 for a reason. */
function pid(): Promise<number> {
  return until("a worker that answers", 20_000, async () => {
    const { status, body } = await get(address, "/pids");
    return status === 200 ? Number(body.toString().split(" ")[0]) : undefined;
  });
}

/** Answers come from another process. */
async function replaced(before: number): Promise<void> {
  await until("another worker", 20_000, async () => {
    const answer = await get(address, "/pids");
    return answer.status === 200 && Number(answer.body.toString().split(" ")[0]) !== before;
  });
}

for (const preload of [false, true]) {
  const more = `processes = 1\nthreads = 1\nrequest_timeout = "2s"\npreload = ${preload}`;

  test(`preload = ${preload}: a view that sleeps is 504 with the id that the log has, and its stack is there`, async () => {
    const running = await start(more);
    const before = await pid();
    const answer = await get(address, "/sleep?x=1");
    expect(answer.status).toBe(504);
    const id = field(answer, "X-Request-Id") as string;
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(answer.body.toString()).toContain(id);
    await running.logged(`request ${id}, GET /sleep?x=1, is answered with 504`);
    await running.logged(/GET \/sleep\?x=1 ran for .*request_timeout.*[\s\S]*stuck\.py", line \d+ in sleep_for_ever/);
    await replaced(before);
  });

  test(`preload = ${preload}: a call into C that keeps the GIL, and a worker that is stopped`, async () => {
    const running = await start(more);
    const first = await pid();
    expect((await get(address, "/gil")).status).toBe(504);
    await running.logged(/in hold_the_gil/);
    await replaced(first);
    const second = await pid();
    process.kill(second, "SIGSTOP");
    // Whether its thread still took it or not: it has not begun it, and so it waits for the next worker.
    const answer = await get(address, "/pids");
    expect(answer.status).toBe(200);
    expect(Number(answer.body.toString().split(" ")[0])).not.toBe(second);
    await until(
      "end of the one that was stopped",
      10_000,
      () => !running.children().some((each) => each.pid === second),
    );
  });
}

test("one stuck thread of eight: nobody else fails or waits, before and while its worker is replaced", async () => {
  await start('processes = 2\nthreads = 4\nrequest_timeout = "3s"');
  await get(address, "/pids");
  const load = new Load({ address, connections: 3, request: () => target("/neighbour?0.02") });
  const stuck = await Client.open(address);
  stuck.send(target("/sleep"));
  expect((await stuck.answer()).status).toBe(504);
  stuck.close();
  await server?.logged(/request_timeout[\s\S]*is ready: pid/, 20_000);
  const { replies } = load.counts;
  await until("replies after the replacement", 10_000, () => load.counts.replies > replies + 50);
  const { statuses, failures } = await load.stop();
  expect(failures).toEqual([]);
  expect(Object.keys(statuses)).toEqual(["200"]);
});

test("a route has a limit of its own, longer or shorter than the app's", async () => {
  const routes =
    '"/sleep" = { app = "stuck", request_timeout = "500ms" }\n"/" = { app = "stuck", request_timeout = 0 }';
  await start('processes = 1\nthreads = 2\nrequest_timeout = "1s"', routes);
  const slow = await get(address, "/neighbour?3");
  expect(slow.body.toString()).toBe("neighbour is done");
});

test("a reply that sticks midway is cut short, visibly", async () => {
  const running = await start('processes = 1\nthreads = 1\nrequest_timeout = "1s"');
  const before = await pid();
  const client = await Client.open(address);
  client.send(target("/stick"));
  expect((await client.head()).status).toBe(200);
  expect((await client.rest()).toString()).not.toMatch(/(^|\r\n)0\r\n\r\n$/);
  client.close();
  await running.logged("is cut, its reply had begun");
  await replaced(before);
});

test("an upload that takes longer than the limit is not the view's time", async () => {
  await start('processes = 1\nthreads = 1\nrequest_timeout = "2s"');
  const client = await Client.open(address);
  client.send("POST /neighbour?0.1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n");
  for (const piece of ["a", "b", "c", "d"]) {
    await Bun.sleep(900);
    client.send(piece);
  }
  expect((await client.answer()).status).toBe(200);
  client.close();
});
