/** What cannot start says why, where, and ends with 1 (it failed) or 2 (the configuration is wrong), leaving nothing. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { createServer } from "node:net";
import { E2E_TIMEOUT_MS, runServer, runToml, startServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let folder: string;
let listen: string;
beforeEach(async () => {
  folder = makeFolder("bad-start");
  listen = `127.0.0.1:${await freePort()}`;
});
afterEach(() => removeFolder(folder));

test("a port that is in use: 1, and the address is named", async () => {
  const other = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  other.listen(Number(listen.split(":")[1]), "127.0.0.1", resolve);
  await promise;
  try {
    const ended = await runToml(ONE_FRONT + probeApp() + site(listen), folder);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`site.listen: bind(${listen}): EADDRINUSE, address already in use; stop `);
    // Who it is: this test.
    expect(ended.stderr).toContain(`(pid ${process.pid}), which listens there`);
    const metrics = `[metrics]\nlisten = "${listen}"\n`;
    const second = await runToml(ONE_FRONT + metrics + probeApp() + site(`127.0.0.1:${await freePort()}`), folder);
    expect(second.stderr).toContain(`metrics.listen: bind(${listen}): EADDRINUSE, address already in use; stop `);
  } finally {
    other.close();
  }
});

test("a second server on the port of the first: 1, although both set SO_REUSEPORT, and the first goes on", async () => {
  const first = await startServer(ONE_FRONT + probeApp() + site(listen));
  try {
    const ended = await runToml(ONE_FRONT + probeApp() + site(listen), folder);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain("address already in use");
    const [host = "", port] = listen.split(":");
    expect((await get({ host, port: Number(port) }, "/hello")).status).toBe(200);
  } finally {
    await first.dispose();
  }
});

test("an unknown key: 2, with file, line, column and the nearest known key", async () => {
  const toml = `[app.probe]\nroot = "."\nwsgi = "probe:application"\nproceses = 2\n`;
  const ended = await runToml(toml + site(listen), folder);
  expect(ended.code).toBe(2);
  expect(ended.stderr).toMatch(/server\.toml:4:1: /);
  expect(ended.stderr).toContain("processes");
});

test("a broken file: 2, with the line, and every mistake of a readable one at once", async () => {
  const broken = await runToml("[app.probe\n", folder);
  expect(broken.code).toBe(2);
  expect(broken.stderr).toMatch(/server\.toml:1:/);
  const twice = await runToml(`${site(listen)}\n[upstream.a]\nservers = 7\n[upstream.b]\nprotocol = "ftp"\n`, folder);
  expect(twice.code).toBe(2);
  expect(twice.stderr).toContain("servers");
  expect(twice.stderr).toContain("protocol");
  expect(twice.stderr).toContain("probe");
});

test("a project that cannot be imported: 1, with Python's traceback", async () => {
  const ended = await runToml(ONE_FRONT + probeApp({ module: "broken" }) + site(listen), folder);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain("Traceback (most recent call last)");
  // It begins where the project does: what imports it is nobody's business.
  expect(ended.stderr).not.toContain("importlib");
  expect(ended.stderr).toContain("No module named 'a_module_that_nobody_has'");
});

test("a callable that the module does not have: 1, and both are named", async () => {
  writeFiles(folder, { "empty.py": "application_ = None\n" });
  const app = `[app.probe]\nroot = "."\nwsgi = "empty:application"\nprocesses = 1\n`;
  const ended = await runToml(ONE_FRONT + app + site(listen), folder);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain("application");
  expect(ended.stderr).toContain("empty");
});

test("an interpreter that is not there: 2, and its path is named", async () => {
  const app = probeApp({ app: 'python = "/nonexistent/bin/python3"' });
  const ended = await runToml(ONE_FRONT + app + site(listen), folder);
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain("/nonexistent/bin/python3");
});

test("no server.toml: not 0, and it says how to get one", async () => {
  const ended = await runServer(["run"], folder);
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain("server.toml");
});

test("an unknown command: 2; version and help: 0", async () => {
  expect((await runServer(["rum"], folder)).code).toBe(2);
  expect(await runServer(["version"], folder)).toMatchObject({ code: 0, stderr: "" });
  expect(await runServer(["help"], folder)).toMatchObject({ code: 0, stderr: "" });
});

test("a .env or bunfig.toml in the folder it is started from changes nothing", async () => {
  writeFiles(folder, { ".env": "NO_SUCH=1\nBUN_OPTIONS=--version\n", "bunfig.toml": 'preload = ["./nothing.ts"]\n' });
  writeFiles(folder, { "tsconfig.json": "{", "package.json": "{" });
  const ended = await runServer(["version"], folder);
  expect(ended.code).toBe(0);
  expect(ended.stdout).toContain("server ");
});
