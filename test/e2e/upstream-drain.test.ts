/** What is under way at an upstream when a reload changes or removes it, or the way to it: until drain_timeout, and no longer. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { Authority, opensslMissing } from "../support/certificates.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { site } from "../support/toml.ts";
import { WebSocketClient } from "../support/websocket.ts";
import { Client, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const TWO_FRONTS = "[server]\nfronts = 2\n";
/** Sweeps come twice a second; the rest is for a machine that is busy. */
const LATE_MS = 2_500;

let folder = "";
let listen = "";
let address: Address;
let server: Server | undefined;
let closers: (() => unknown)[] = [];

beforeEach(async () => {
  folder = makeFolder("upstream-drain");
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  listen = `127.0.0.1:${port}`;
});

afterEach(async () => {
  await server?.dispose();
  server = undefined;
  for (const close of closers) await close();
  closers = [];
  removeFolder(folder);
});

/** Echoes WebSockets; `/…/endless` is a reply that never ends, `/…/never` one that never comes. */
function startEcho(tls?: { readonly cert: Bun.BunFile; readonly key: Bun.BunFile }): number {
  const echo = Bun.serve<undefined>({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    ...(tls === undefined ? {} : { tls }),
    fetch: (request, self) => {
      if (self.upgrade(request)) return undefined;
      if (request.url.endsWith("/never")) return new Promise<Response>(() => {});
      return new Response(request.url.endsWith("/endless") ? endless() : "plain");
    },
    websocket: { message: (socket, message) => void socket.send(message) },
  });
  closers.push(() => echo.stop(true));
  return echo.port ?? 0;
}

async function* endless(): AsyncGenerator<string> {
  for (;;) {
    yield "more\n";
    await Bun.sleep(200);
  }
}

/** A uwsgi server whose reply goes on for ever. */
function startUwsgi(): number {
  const open = new Set<Bun.Socket>();
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket) => {
        open.add(socket);
        socket.write("HTTP/1.1 200 OK\r\n\r\nmore\n");
      },
      close: (socket) => void open.delete(socket),
    },
  });
  const timer = setInterval(() => open.forEach((socket) => void socket.write("more\n")), 200);
  closers.push(() => {
    clearInterval(timer);
    listener.stop(true);
  });
  return listener.port;
}

const upstream = (name: string, port: number, more = "") =>
  `[upstream.${name}]\nservers = "127.0.0.1:${port}"\n${more}\n`;
const routes = (...names: string[]) => names.map((name) => `"/${name}/" = { upstream = "${name}" }`).join("\n");

async function start(toml: string): Promise<Server> {
  return (server = await startServer(toml, { folder }));
}

async function reload(running: Server, toml: string): Promise<void> {
  writeFileSync(join(folder, "server.toml"), toml);
  expect(await running.command("reload")).toMatchObject({ code: 0, stderr: "" });
}

const open = (path: string) => WebSocketClient.open(`ws://${listen}${path}`);

async function begun(path: string): Promise<Client> {
  const client = await Client.open(address);
  client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  expect((await client.head()).status).toBe(200);
  return client;
}

/** How long after `since` it ended. */
async function ended(end: Promise<unknown>, since: number): Promise<number> {
  await end;
  return performance.now() - since;
}

/** The same, of a reply whose end must be missing. */
async function brokenAfter(client: Client, since: number): Promise<number> {
  const content = (await client.rest()).toString("latin1");
  expect(content).toContain("more\n");
  expect(content).not.toEndWith("0\r\n\r\n");
  return performance.now() - since;
}

function expectAtBound(ms: number, boundMs: number): void {
  expect(ms).toBeGreaterThan(boundMs - 100);
  expect(ms).toBeLessThan(boundMs + LATE_MS);
}

test("a changed and a removed upstream: all goes on until the bound, counted from the first of two reloads, and is then broken off", async () => {
  const [one, two, uwsgi] = [startEcho(), startEcho(), startUwsgi()];
  const bound = 'drain_timeout = "4s"';
  const text = (changing: number, removed: string, more: string) =>
    `${TWO_FRONTS}${upstream("changing", changing, bound)}${upstream("same", one, 'drain_timeout = "1s"')}${removed}` +
    site(listen, `${routes("changing", "same")}\n${more}`);
  const removed = upstream("removed", uwsgi, `protocol = "uwsgi"\n${bound}`);
  const running = await start(text(one, removed, routes("removed")));
  const socket = await open("/changing/");
  const same = await open("/same/");
  const replies = await Promise.all(["/changing/endless", "/removed/", "/same/endless"].map(begun));
  const [changed, gone, kept] = replies as [Client, Client, Client];
  const asked = await Client.open(address);
  asked.send("GET /changing/never HTTP/1.1\r\nHost: a\r\n\r\n");
  await Bun.sleep(200);

  const since = performance.now();
  await reload(running, text(two, "", '"/x" = { respond = "x" }'));
  const answered = asked.head();
  const ends = Promise.all([
    brokenAfter(changed, since),
    brokenAfter(gone, since),
    ended(socket.closed, since),
    ended(answered, since),
  ]);
  expect((await get(address, "/changing/")).body.toString()).toBe("plain");
  await Bun.sleep(2_000);
  await reload(running, text(two, "", '"/y" = { respond = "y" }'));
  expect(await socket.echo("before the bound")).toBe("before the bound");

  for (const ms of await ends) expectAtBound(ms, 4_000);
  expect([await socket.closed, (await answered).status]).toEqual([1006, 502]);
  await running.logged(
    "upstream changing: broken off (drain_timeout), 4s after a reload changed or removed its settings",
  );
  await running.logged("upstream removed: broken off (drain_timeout)");
  expect(running.log).not.toContain("upstream same: broken off");
  expect(await same.echo("still here")).toBe("still here");
  expect((await kept.exactly(5)).length).toBe(5);
  for (const client of [changed, gone, kept, asked]) client.close();
  same.close();
});

test("a route that is gone, though its upstream is there: what came by it has the same bound", async () => {
  const port = startEcho();
  const bounded = upstream("echo", port, 'drain_timeout = "2s"');
  const text = (...paths: string[]) =>
    TWO_FRONTS + bounded + site(listen, paths.map((path) => `"${path}" = { upstream = "echo" }`).join("\n"));
  const running = await start(text("/a/", "/b/"));
  const [removed, stays] = [await open("/a/"), await open("/b/")];
  const since = performance.now();
  await reload(running, text("/b/", "/c/"));
  expect(await removed.echo("x")).toBe("x");
  expectAtBound(await ended(removed.closed, since), 2_000);
  await running.logged(
    "upstream echo: broken off (drain_timeout), 2s after a reload changed or removed their route to it",
  );
  expect(await stays.echo("still here")).toBe("still here");
  stays.close();
});

test("another drain_timeout, or a map that has nothing to do with it, leaves an upstream as it is; the next change finds the new one", async () => {
  const [one, two] = [startEcho(), startEcho()];
  const text = (port: number, drain: string, mapped: string) =>
    `${TWO_FRONTS}[map.m]\nsource = "$uri"\nvalues = { "/x" = "${mapped}" }\n${upstream("echo", port, `drain_timeout = "${drain}"`)}` +
    site(listen, `${routes("echo")}\n"/m" = { respond = "$m" }`);
  const running = await start(text(one, "1s", "one"));
  const socket = await open("/echo/");
  await reload(running, text(one, "0s", "two"));
  await Bun.sleep(2_500);
  expect(await socket.echo("still here")).toBe("still here");
  const since = performance.now();
  await reload(running, text(two, "1h", "two"));
  expect(await ended(socket.closed, since)).toBeLessThan(LATE_MS);
});

testUnless(opensslMissing())("WebSockets to a server by TLS", async () => {
  new Authority(folder).make("good", { names: "IP:127.0.0.1" });
  const tls = { cert: Bun.file(`${folder}/good.pem`), key: Bun.file(`${folder}/good.key`) };
  const port = startEcho(tls);
  const text = (read: string) =>
    TWO_FRONTS +
    upstream("echo", port, `protocol = "https"\ntls = { verify = false }\n${read}\ndrain_timeout = "1s"`) +
    site(listen, routes("echo"));
  const running = await start(text(""));
  const socket = await open("/echo/");
  const since = performance.now();
  await reload(running, text('read_timeout = "50s"'));
  expect(await socket.echo("x")).toBe("x");
  expectAtBound(await ended(socket.closed, since), 1_000);
});

test("when the server stops, its own drain_timeout holds", async () => {
  const port = startEcho();
  const text = (more: string) =>
    `${TWO_FRONTS}drain_timeout = "2s"\n${upstream("echo", port, more)}${site(listen, routes("echo"))}`;
  const running = await start(text(""));
  const socket = await open("/echo/");
  await reload(running, text('read_timeout = "50s"'));
  const since = performance.now();
  running.signal("SIGTERM");
  expect(await ended(socket.closed, since)).toBeLessThan(2_000 + LATE_MS);
  expect(await running.ended()).toBe(0);
});
