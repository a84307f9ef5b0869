/** The control socket of the built binary: who may use it, what it answers, and that nothing said to it does harm. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { E2E_TIMEOUT_MS, runServer, runToml, startServer, type Server } from "../support/binary.ts";
import { ControlClient, controlSocket } from "../support/control.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let server: Server | undefined;
let address: Address;
const clients: ControlClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server?.dispose();
  server = undefined;
});

async function start(more = "", folder?: string): Promise<Server> {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const toml = ONE_FRONT + more + probeApp() + site(`127.0.0.1:${port}`);
  server = await startServer(toml, folder === undefined ? {} : { folder });
  return server;
}

function open(path: string): ControlClient {
  const client = new ControlClient(path);
  clients.push(client);
  return client;
}

test("only the owner may enter its directory and use it", async () => {
  const running = await start();
  const socket = controlSocket(running.folder);
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
});

test("it greets with its version, protocol and pid", async () => {
  const running = await start();
  const client = open(controlSocket(running.folder));
  expect(await client.line(0)).toEqual({ server: expect.any(String), protocol: 1, pid: running.pid });
});

test("a server that does not speak is not waited for: who it is, and what ends it", async () => {
  const running = await start();
  running.signal("SIGSTOP");
  const [status, stop] = await Promise.all([running.command("status"), running.command("stop")]);
  running.signal("SIGCONT");
  for (const { code, stderr } of [status, stop]) {
    expect([code, stderr]).toEqual([1, expect.stringContaining(`pid ${running.pid}, has not answered for 10 s`)]);
    expect(stderr).toContain(`kill -KILL ${running.pid}`);
  }
});

const GARBAGE: readonly (readonly [name: string, bytes: string | Uint8Array, error: string])[] = [
  ["no JSON", "what?\n", "malformed"],
  ["JSON that is no object", "[1]\n", "malformed"],
  ["no command", "{}\n", "malformed"],
  ["a command of the wrong type", '{"command":7}\n', "malformed"],
  ["an id of the wrong type", '{"id":{},"command":"status"}\n', "malformed"],
  ["an unknown command", '{"command":"__proto__"}\n', "unknown-command"],
  ["another protocol", '{"protocol":2,"command":"status"}\n', "version"],
  ["an unknown parameter", '{"command":"reload","app":"probe"}\n', "bad-argument"],
  ["a word where a yes or no belongs", '{"command":"stop","now":"no"}\n', "bad-argument"],
  ["a parameter of the wrong type", '{"command":"reload","apps":"probe"}\n', "bad-argument"],
  ["an app that is not there", '{"command":"reload","apps":["nope"]}\n', "bad-argument"],
  ["a front that is not there", '{"command":"fault","front":7}\n', "bad-argument"],
  ["an HTTP request", "GET / HTTP/1.1\r\n", "malformed"],
  ["bytes that are no text", new Uint8Array([0xff, 0xfe, 0, 1, 0x0a]), "malformed"],
  ["a line without end", "x".repeat(70_000), "too-long"],
];

describe("what cannot be understood is answered with an error", () => {
  test.each(GARBAGE)("%s", async (_name, bytes, code) => {
    const running = await start();
    const client = open(controlSocket(running.folder));
    client.send(bytes);
    expect(await client.line(1)).toMatchObject({ error: { code } });
    expect((await get(address, "/hello")).status).toBe(200);
    const next = open(controlSocket(running.folder));
    next.send('{"id":"a","command":"status"}\n');
    expect(await next.line(1)).toMatchObject({ id: "a", result: { state: "serving" } });
  });
});

test("several requests in one write, byte by byte, and a half-closed client are all answered, in order", async () => {
  const running = await start();
  const client = open(controlSocket(running.folder));
  const text = '{"id":1,"command":"status"}\n\n{"id":2,"command":"nope"}\n';
  client.send(text);
  for (const byte of text) client.send(byte);
  client.send('{"id":3,"command":"status"}\n');
  client.end();
  await client.ended();
  const ids = client.lines.slice(1).map((line) => (JSON.parse(line) as { id: unknown }).id);
  expect(ids).toEqual([1, 2, 1, 2, 3]);
});

test("a crowd of silent clients is bounded and does not keep the server from stopping", async () => {
  const running = await start();
  const path = controlSocket(running.folder);
  const crowd = Array.from({ length: 32 }, () => open(path));
  await Promise.all(crowd.map((client) => client.line(0)));
  const late = open(path);
  expect(await late.line(0)).toMatchObject({ error: { code: "busy" } });
  await late.ended();
  expect(await running.stop()).toBe(0);
});

test("a second server of the same configuration is refused with the pid of the first, which goes on", async () => {
  const running = await start();
  const { code, stderr } = await running.command("run");
  expect(code).toBe(1);
  expect(stderr).toContain(`already running: pid ${running.pid}`);
  expect((await get(address, "/hello")).status).toBe(200);
  expect((await running.command("status")).code).toBe(0);
});

test("what a killed server left behind is taken over; a stopped one leaves nothing", async () => {
  const folder = makeFolder("control");
  try {
    const first = await start("", folder);
    first.signal("SIGKILL");
    await first.ended();
    expect(existsSync(controlSocket(folder))).toBe(true);
    expect((await first.command("status")).stderr).toContain("no server runs");
    const second = await start("", folder);
    expect((await second.command("status")).stdout).toContain(`pid ${second.pid}`);
    expect(await second.stop()).toBe(0);
    expect(readdirSync(join(folder, "server"))).toEqual([]);
  } finally {
    await server?.dispose();
    server = undefined;
    removeFolder(folder);
  }
});

test("control = a path puts it there; control = off makes none, and the commands say so", async () => {
  const first = await start('control = "own.sock"\n');
  expect(statSync(join(first.folder, "own.sock")).mode & 0o777).toBe(0o600);
  expect((await first.command("status")).code).toBe(0);
  await first.dispose();
  const second = await start('control = "off"\n');
  const { code, stderr } = await second.command("status");
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('control = "off"') });
});

test("a path where it cannot be is an error that names the setting", async () => {
  const folder = makeFolder("control");
  const { code, stderr } = await runToml(
    `[server]\ncontrol = "nowhere/own.sock"\n${probeApp()}${site("127.0.0.1:1")}`,
    folder,
  );
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("server: server.control: ENOENT") });
  removeFolder(folder);
});

test("commands without a server fail and say so", async () => {
  const folder = makeFolder("control");
  const ended = await runServer(["reload", "-c", "server.toml"], folder, { XDG_RUNTIME_DIR: folder });
  expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("no server runs") });
  removeFolder(folder);
});

const OTHER_USER = 65534;
const PYTHON = "/usr/bin/python3";
const CONNECT = `import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b'{"command":"status"}\\n')
sys.stdout.write(s.makefile().read())`;

function impossible(): string | undefined {
  if (process.getuid?.() !== 0) return "only root can become another user";
  return [PYTHON, "/usr/bin/setpriv"].every((path) => existsSync(path)) ? undefined : "needs python3 and setpriv";
}

testUnless(impossible())("another user is refused even where the permissions would let him in", async () => {
  const running = await start('control = "own.sock"\n');
  const path = join(running.folder, "own.sock");
  chmodSync(path, 0o666);
  const other = ["setpriv", `--reuid=${OTHER_USER}`, `--regid=${OTHER_USER}`, "--clear-groups"];
  const { stdout } = Bun.spawnSync([...other, PYTHON, "-c", CONNECT, path]);
  expect(JSON.parse(stdout.toString())).toMatchObject({ error: { code: "forbidden" } });
  await running.logged(`user ${OTHER_USER}`);
  expect((await running.command("status")).code).toBe(0);
});
