/** Another configuration in a running server: what changes, what goes on, and that a wrong one changes nothing. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { reloadUnderLoad } from "../support/reload-load.ts";
import { probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { WebSocketClient } from "../support/websocket.ts";
import { Client, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let folder = "";
let server: Server | undefined;
let address: Address;
let listen = "";

beforeEach(async () => {
  folder = makeFolder("config-reload");
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  listen = `127.0.0.1:${port}`;
});

afterEach(async () => {
  await server?.dispose();
  server = undefined;
  removeFolder(folder);
});

const TWO_FRONTS = "[server]\nfronts = 2\n";
const FIXED = '"/fixed" = { respond = "one" }';

async function start(toml: string): Promise<Server> {
  server = await startServer(toml, { folder });
  return server;
}

const write = (toml: string) => writeFileSync(join(folder, "server.toml"), toml);
const body = async (path: string, at = address) => (await get(at, path)).body.toString();
const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

test("under load no request fails while routes, listeners, apps, workers and services change", async () => {
  const { kept, fresh, mismatches } = await reloadUnderLoad(4, 2_000, 4);
  expect(mismatches).toEqual([]);
  expect([...kept.failures, ...fresh.failures]).toEqual([]);
  expect([Object.keys(kept.statuses), Object.keys(fresh.statuses)]).toEqual([["200"], ["200"]]);
});

test("a connection that is open meets the new route with its next request, and the answer says what changed", async () => {
  const running = await start(TWO_FRONTS + site(listen, FIXED));
  const client = await Client.open(address);
  client.send(request("/fixed"));
  expect((await client.answer()).body.toString()).toBe("one");
  write(TWO_FRONTS + site(listen, '"/fixed" = { respond = "two" }'));
  const { code, stdout, stderr } = await running.command("reload");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toBe("site default: changed\n");
  client.send(request("/fixed"));
  expect((await client.answer()).body.toString()).toBe("two");
  client.close();
  expect((await running.command("reload")).stdout).toBe("the configuration is as it was\n");
});

test("a unix socket that somebody has removed, or put a link in the place of, keeps nobody from reloading", async () => {
  const path = join(folder, "x.sock");
  const toml = (mode: string, said: string) =>
    site(listen, `"/fixed" = { respond = "${said}" }`).replace(
      `"${listen}"`,
      `"${listen}", { address = "unix:${path}", mode = "${mode}" }`,
    );
  const running = await start(toml("600", "one"));
  rmSync(path);
  write(toml("600", "two"));
  expect(await running.command("reload")).toMatchObject({ code: 0, stderr: "" });
  writeFiles(folder, { secret: "" });
  chmodSync(join(folder, "secret"), 0o600);
  rmSync(path);
  symlinkSync("secret", path);
  write(toml("666", "three"));
  const { code, stderr } = await running.command("reload");
  expect([code, stderr]).toEqual([0, expect.stringContaining(`${path} was removed and cannot be made anew`)]);
  expect(await body("/fixed")).toBe("three");
  expect(statSync(join(folder, "secret")).mode & 0o777).toBe(0o600);
});

test("HUP does the same, and what comes of it is in the log", async () => {
  const running = await start(TWO_FRONTS + site(listen, FIXED));
  write(TWO_FRONTS + site(listen, '"/fixed" = { respond = "two" }'));
  running.signal("SIGHUP");
  await running.logged("the configuration is in force; site default changed");
  expect(await body("/fixed")).toBe("two");
  write("nonsense");
  running.signal("SIGHUP");
  await running.logged("the reload failed; nothing has changed");
  expect(await body("/fixed")).toBe("two");
});

test("every mistake is shown, and nothing changes: in the file, at an address, in the code of an app", async () => {
  const good = TWO_FRONTS + probeApp() + site(listen, `${FIXED}\n"/" = { app = "probe" }`);
  const running = await start(good);
  const refused = async (toml: string) => {
    write(toml);
    const { code, stdout, stderr } = await running.command("reload");
    expect([code, stdout, await body("/fixed"), await body("/hello")]).toEqual([1, "", "one", "hello\n"]);
    expect(stderr).toEndWith("server: the configuration is not taken; nothing has changed\n");
    return stderr;
  };
  const wrong = await refused(site(listen, '"/fixed" = { respond = "two", wrong = 1 }\n"/b" = { app = "nobody" }'));
  expect(wrong).toContain("wrong: is not a known key");
  expect(wrong).toContain('names no app: "nobody"');
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const more = TWO_FRONTS + site(`${listen}", "127.0.0.1:${taken.port}`, '"/fixed" = { respond = "two" }');
  expect(await refused(more)).toContain(`127.0.0.1:${taken.port}): EADDRINUSE`);
  taken.stop();
  writeFiles(folder, { "broken.py": "raise RuntimeError('not today')\n" });
  const broken = `[app.broken]\nroot = "."\nwsgi = "broken"\n${good.replace('"one"', '"two"')}`;
  expect(await refused(broken)).toContain("RuntimeError: not today");
  rmSync(join(folder, "server.toml"));
  const { code, stderr } = await running.command("reload");
  expect([code, await body("/fixed")]).toEqual([1, "one"]);
  expect(stderr).toContain("server.toml: does not exist");
});

test("listeners come and go; a removed one refuses, its connections are told to close, its path is removed", async () => {
  const path = join(folder, "more.sock");
  const both = `${listen}", "unix:${path}`;
  const running = await start(TWO_FRONTS + site(listen, FIXED));
  write(TWO_FRONTS + site(both, FIXED));
  expect((await running.command("reload")).stdout).toContain(`listener unix:${path}: added`);
  const client = await Client.open({ path });
  client.send(request("/fixed"));
  expect((await client.answer()).body.toString()).toBe("one");
  write(TWO_FRONTS + site(listen, FIXED));
  expect((await running.command("reload")).stdout).toContain(`listener unix:${path}: removed`);
  expect(existsSync(path)).toBe(false);
  expect((await client.rest()).length).toBe(0);
  client.close();
  expect(await body("/fixed")).toBe("one");
});

test("a unix socket has no name any more when its queue is accepted for the last time: nobody is reset", async () => {
  const path = join(folder, "more.sock");
  const running = await start(TWO_FRONTS + site(listen, FIXED));
  const broken: string[] = [];
  let replies = 0;
  let isOver = false;
  const ask = async (client: Client) => {
    client.send("GET /fixed HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    await client.answer().then(
      () => replies++,
      (error: unknown) => broken.push(String(error)),
    );
    client.close();
  };
  const hammer = async () => {
    while (!isOver) {
      const client = await Client.open({ path }).catch(() => undefined);
      // Nobody listens there at the moment.
      if (client === undefined) await Bun.sleep(1);
      else await ask(client);
    }
  };
  const hammers = Array.from({ length: 4 }, hammer);
  for (let round = 0; round < 5; round++) {
    const before = replies;
    write(TWO_FRONTS + site(`${listen}", "unix:${path}`, FIXED));
    expect((await running.command("reload")).code).toBe(0);
    await until("replies", 10_000, () => replies > before + 50);
    write(TWO_FRONTS + site(listen, FIXED));
    expect((await running.command("reload")).code).toBe(0);
  }
  isOver = true;
  await Promise.all(hammers);
  expect(broken).toEqual([]);
});

test("connections of a listener that is left ask the app of before until they are told to close, though it is another now", async () => {
  const second = await freePort();
  const routes = '"/" = { app = "probe" }';
  const app = (round: number) => TWO_FRONTS + probeApp({ env: `ROUND = "${round}"` });
  const running = await start(app(0) + site(`${listen}", "127.0.0.1:${second}`, routes));
  const ask = async () => {
    const statuses = new Set<number>();
    const client = await Client.open({ host: "127.0.0.1", port: second });
    for (let isOpen = true; isOpen;) {
      client.send(request("/hello"));
      const { status, fields } = await client.answer();
      statuses.add(status);
      isOpen = !fields.some(([name, value]) => name.toLowerCase() === "connection" && value === "close");
    }
    client.close();
    return [...statuses];
  };
  const asked = Promise.all(Array.from({ length: 8 }, ask));
  write(app(1) + site(listen, routes));
  expect(await running.command("reload")).toMatchObject({ code: 0, stderr: "" });
  expect(await asked).toEqual(Array.from({ length: 8 }, () => [200]));
  await until("the end of the old worker", 10_000, () => workers(running) === 1);
});

const workers = (running: Server) => running.children().filter(({ command }) => /\bworker\b/.test(command)).length;

test("what cannot be changed while it runs is named, the rest is in force", async () => {
  const running = await start(TWO_FRONTS + site(listen, FIXED));
  write(`[server]\nfronts = 3\n${site(listen, '"/fixed" = { respond = "two" }')}`);
  const { code, stderr } = await running.command("reload");
  expect(code).toBe(0);
  expect(stderr).toBe("server: server.fronts is 3, and stays 2 until a restart\n");
  expect(await body("/fixed")).toBe("two");
});

test("a reply that is under way comes to its end, though its app is another and then gone", async () => {
  const app = (environment: string) => probeApp({ env: `ROUND = "${environment}"` });
  const routes = `${FIXED}\n"/" = { app = "probe" }`;
  const running = await start(TWO_FRONTS + app("one") + site(listen, routes));
  const client = await Client.open(address);
  client.send(request("/sleep?s=3"));
  await until("request that sleeps", 5_000, () => running.log.includes("asleep in"));
  write(TWO_FRONTS + app("two") + site(listen, routes));
  expect((await running.command("reload")).stdout).toContain("app probe: changed");
  write(TWO_FRONTS + site(listen, FIXED));
  expect((await running.command("reload")).stdout).toContain("app probe: removed");
  expect((await get(address, "/hello")).status).toBe(404);
  expect((await client.answer()).status).toBe(200);
  client.close();
  await until("the end of all workers", 10_000, () => !running.children().some((each) => /python/.test(each.command)));
});

test("a WebSocket goes on, though its route and its upstream are gone", async () => {
  const echo = Bun.serve<undefined>({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (incoming, self) => (self.upgrade(incoming) ? undefined : new Response("no", { status: 400 })),
    websocket: { message: (socket, message) => void socket.send(message) },
  });
  const upstream = `[upstream.echo]\nservers = ["127.0.0.1:${echo.port}"]\n`;
  const running = await start(TWO_FRONTS + upstream + site(listen, `${FIXED}\n"/" = { upstream = "echo" }`));
  const socket = await WebSocketClient.open(`ws://${listen}/`);
  write(TWO_FRONTS + site(listen, FIXED));
  expect((await running.command("reload")).stdout).toContain("upstream echo: removed");
  socket.send("still here");
  expect(await socket.next()).toBe("still here");
  socket.close();
  await echo.stop(true);
});

test("what is the same is kept: cached replies, what a limit has counted", async () => {
  writeFiles(folder, { "files/a.txt": "a" });
  const upstream = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(crypto.randomUUID()) });
  const toml = (fixed: string) => `${TWO_FRONTS.replace("2", "1")}
[limit.few]
rate = "1/h"
[upstream.own]
servers = ["127.0.0.1:${upstream.port}"]
${site(listen, `"/kept" = { upstream = "own", cache = { ttl = "1h" } }\n"/few" = { respond = "x", limit = "few" }\n"/fixed" = { respond = "${fixed}" }`)}`;
  const running = await start(toml("one"));
  const first = await body("/kept");
  expect((await get(address, "/few")).status).toBe(200);
  write(toml("two"));
  expect((await running.command("reload")).code).toBe(0);
  expect([await body("/fixed"), await body("/kept")]).toEqual(["two", first]);
  expect((await get(address, "/few")).status).toBe(429);
  await upstream.stop(true);
});

test("log_level is in force at once, in the master and in the fronts", async () => {
  const toml = (level: string) => `[server]\nfronts = 1\nlog_level = "${level}"\n${site(listen, FIXED)}`;
  const running = await start(toml("notice"));
  const complain = async () => {
    const client = await Client.open(address);
    client.send("GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
    expect((await client.answer()).status).toBe(400);
    client.close();
  };
  await complain();
  write(toml("info"));
  expect((await running.command("reload")).code).toBe(0);
  await complain();
  await running.logged(/\[info\] \d+ front-0/);
  expect(running.log.match(/\[info\] \d+ front-0/g)?.length).toBe(1);
  write(toml("error"));
  expect((await running.command("reload")).code).toBe(0);
  const before = running.log;
  expect((await running.command("reload")).code).toBe(0);
  await complain();
  expect(running.log).toBe(before);
});

test("a reload puts the error log into another file, for the fronts too, and back", async () => {
  const dead = `[upstream.dead]\nservers = ["127.0.0.1:${await freePort()}"]\n`;
  const toml = (log: string) =>
    `[server]\nfronts = 1\nerror_log = "${log}"\n${dead}${site(listen, '"/" = { upstream = "dead" }')}`;
  const fails = async (path: string) => expect((await get(address, path)).status).toBe(502);
  const running = await start(toml("stderr"));
  const [first, second] = [join(folder, "first.log"), join(folder, "second.log")];
  const read = (path: string) => readFileSync(path, "utf8");

  write(toml(first));
  expect(await running.command("reload")).toMatchObject({ code: 0, stdout: "server settings: changed\n", stderr: "" });
  await fails("/to-first");
  await until("the line of the front", 5_000, () => read(first).includes("/to-first"));
  expect(running.log).not.toContain("/to-first");
  // What was moved away is begun anew under the same name.
  renameSync(first, `${first}.1`);
  running.signal("SIGUSR1");
  await until("the new file", 5_000, () => existsSync(first) && read(first).includes("log files are opened anew"));
  await fails("/again");
  await until("the line of the front", 5_000, () => read(first).includes("/again"));

  write(toml(second));
  expect((await running.command("reload")).code).toBe(0);
  await fails("/to-second");
  await until("the line of the front", 5_000, () => read(second).includes("/to-second"));
  expect(read(first)).not.toContain("/to-second");

  write(toml("/nowhere/error.log"));
  expect((await running.command("reload")).code).toBe(1);
  write(toml("stderr"));
  expect((await running.command("reload")).code).toBe(0);
  await fails("/back");
  await running.logged("/back");
  expect(read(second)).not.toContain("/back");
});
