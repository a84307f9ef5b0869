/** New code in a running server: by command, by signal, by a changed file; and what happens when it cannot be imported. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { Load } from "../support/load.ts";
import { ONE_FRONT, probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let folder = "";
let server: Server | undefined;
let address: Address;

beforeEach(() => {
  folder = makeFolder("reload");
});

afterEach(async () => {
  await server?.dispose();
  server = undefined;
  removeFolder(folder);
});

const APP = (body: string) => `VERSION = ${JSON.stringify(body)}

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(VERSION)))])
    return [VERSION.encode()]
`;

function write(code: string, file = "project/site_app.py"): void {
  mkdirSync(join(folder, file, ".."), { recursive: true });
  writeFileSync(join(folder, file), code);
}

/** An [app.changing] of files in the folder. */
async function start(keys: string, more = ""): Promise<Server> {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const env = '[app.changing.env]\nPYTHONDONTWRITEBYTECODE = "1"\n';
  const app = `[app.changing]\nroot = "project"\nwsgi = "site_app"\nprocesses = 2\nthreads = 1\n${keys}\n${env}`;
  server = await startServer(ONE_FRONT + app + more + site(`127.0.0.1:${port}`, '"/" = { app = "changing" }'), {
    folder,
  });
  return server;
}

const body = async () => (await get(address, "/")).body.toString();
const serves = (text: string) => until(`reply ${text}`, 20_000, async () => (await body()) === text);

test("server reload: waits, says what was replaced, and the new code answers", async () => {
  write(APP("one"));
  const running = await start("");
  expect(await body()).toBe("one");
  write(APP("second"));
  const { code, stdout, stderr } = await running.command("reload");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("app changing: 2 workers replaced");
  for (let i = 0; i < 10; i++) expect(await body()).toBe("second");
});

test("code that cannot be imported: exit code 1, the traceback, the old code goes on, and status shows why", async () => {
  write(APP("one"));
  const running = await start("");
  write("raise RuntimeError('not today')\n");
  const { code, stderr } = await running.command("reload", "--app", "changing");
  expect(code).toBe(1);
  expect(stderr).toContain("RuntimeError: not today");
  expect(stderr).toContain('site_app.py", line 1');
  expect(stderr).toContain("the old code goes on");
  for (let i = 0; i < 10; i++) expect(await body()).toBe("one");
  const failed = /the last reload failed; the old code goes on:\n(.*\n)*? .*RuntimeError: not today/;
  expect((await running.command("status")).stdout).toMatch(failed);
  write(APP("third"));
  expect((await running.command("reload")).code).toBe(0);
  expect(await body()).toBe("third");
  // Among the last errors it stays.
  expect((await running.command("status")).stdout).not.toContain("the last reload failed");
});

test("only the apps that are named; names that are not there change nothing", async () => {
  write(APP("one"));
  const running = await start("", probeApp({ processes: 1, threads: 1 }));
  const pids = async () => {
    const { stdout } = await running.command("status", "--json");
    const { apps } = JSON.parse(stdout) as { apps: { name: string; workers: { pid: number }[] }[] };
    return Object.fromEntries(apps.map(({ name, workers }) => [name, workers.map(({ pid }) => pid)]));
  };
  const before = await pids();
  expect((await running.command("reload", "--app", "probe", "--app", "nope")).code).toBe(2);
  expect(await pids()).toEqual(before);
  const { code, stdout } = await running.command("reload", "--app", "probe", "--json");
  expect({ code, result: JSON.parse(stdout) }).toMatchObject({
    code: 0,
    result: { ok: true, apps: [{ app: "probe", ok: true, replaced: 1 }], services: [] },
  });
  const after = await pids();
  expect(after["changing"]).toEqual(before["changing"] as number[]);
  expect(after["probe"]).not.toEqual(before["probe"] as number[]);
});

test("HUP under load: all apps get the new code, and no request fails", async () => {
  write(APP("one"));
  const running = await start("");
  const load = new Load({ address, connections: 4, request: () => "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" });
  await until("replies", 10_000, () => load.counts.replies > 50);
  for (const version of ["two", "three"]) {
    write(APP(version));
    running.signal("SIGHUP");
    await serves(version);
  }
  const { statuses, failures } = await load.stop();
  expect(failures).toEqual([]);
  expect(Object.keys(statuses)).toEqual(["200"]);
});

test("reload_on_change: a saved file is loaded, also one in a new package; caches and virtualenvs are not looked at", async () => {
  write(APP("one"));
  const running = await start("reload_on_change = true");
  write(APP("two"));
  await serves("two");
  write("VALUE = 'inner'\n", "project/fresh/__init__.py");
  await running.logged("fresh/__init__.py changed");
  await running.logged(/reload done[^]*reload done/);
  const reloads = () => running.log.split("a first worker imports").length;
  const before = reloads();
  write("x = 1\n", "project/__pycache__/cached.py");
  write("", "project/venv/pyvenv.cfg");
  write("x = 1\n", "project/venv/lib/thing.py");
  write("x = 1\n", "project/.git/hook.py");
  write("data\n", "project/notes.csv");
  // A change that counts, after those that do not: had they counted, there would be two reloads.
  await Bun.sleep(1500);
  expect(reloads()).toBe(before);
});

test("reload_on_change: broken code is not served, and the mended one is", async () => {
  write(APP("one"));
  const running = await start("reload_on_change = true");
  write("def broken(:\n");
  await running.logged("SyntaxError");
  await running.logged("reload failed");
  expect(await body()).toBe("one");
  write(APP("mended"));
  await serves("mended");
});

test("reload_on_change: a first import that fails does not end the server, and the mended code is served", async () => {
  write("import nothing_of_the_kind\n");
  const running = await start("reload_on_change = true");
  await running.logged("ModuleNotFoundError");
  expect((await get(address, "/")).status).toBe(503);
  write(APP("mended"));
  await serves("mended");
});

test("touch_reload: the file's making, touching and removal each load the code anew; other files do not", async () => {
  write(APP("one"));
  const running = await start('touch_reload = "deploy.stamp"');
  write(APP("two"));
  await Bun.sleep(1000);
  expect(await body()).toBe("one");
  writeFileSync(join(folder, "deploy.stamp"), "");
  await serves("two");
  write(APP("three"));
  writeFileSync(join(folder, "deploy.stamp"), "again");
  await serves("three");
  write(APP("four"));
  unlinkSync(join(folder, "deploy.stamp"));
  await serves("four");
  await running.logged("deploy.stamp changed");
});

test("the configuration file may be gone: the server is still found by its path", async () => {
  write(APP("one"));
  const running = await start("");
  rmSync(join(folder, "server.toml"));
  expect((await running.command("reload", "--app", "changing")).code).toBe(0);
});
