/** Services with `start = "first"`: they are done before an app is imported, or the server does not start. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, runToml, type Server, startServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let folder = "";
let server: Server | undefined;
let address: Extract<Address, { readonly host: string }>;

beforeEach(async () => {
  folder = makeFolder("first-services");
  address = { host: "127.0.0.1", port: await freePort() };
  const code =
    "found = open('made').read()\ndef application(e, s):\n    s('200 OK', [])\n    return [found.encode()]\n";
  writeFileSync(join(folder, "reads.py"), code);
});

afterEach(async () => {
  await server?.dispose();
  server = undefined;
  removeFolder(folder);
});

function script(name: string, text: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
}

const first = (name: string, more = "") => `[service.${name}]\ncommand = "./${name}"\nstart = "first"\n${more}`;

/** The app reads what they have made when it is imported. */
function toml(services: string): string {
  const app = '[app.reads]\nwsgi = "reads"\nprocesses = 1\n';
  return ONE_FRONT + services + app + site(`${address.host}:${address.port}`, '"/" = { app = "reads" }');
}

async function content(): Promise<string> {
  return (await get(address, "/")).body.toString();
}

test("each is done before the next, all of them before the app is imported, and status shows that", async () => {
  script("one", "echo one begins; sleep 0.3; printf one > made");
  script("two", "printf ' two' >> made");
  server = await startServer(toml(first("one") + first("two", 'app = "reads"\n')), { folder });
  expect(await content()).toBe("one two");
  await server.logged("service one: one begins");
  const { stdout } = await server.command("status");
  expect(stdout).toMatch(/service one: ended/);
});

test("when one fails the server does not start, and says what it said; those behind it are not run", async () => {
  script("one", "echo this is broken; exit 7");
  script("two", "printf x > made");
  const { code, stderr } = await runToml(toml(first("one") + first("two")), folder);
  expect(code).toBe(1);
  expect(stderr).toContain("server: service one: exited with code 7\nthis is broken");
  expect(() => readFileSync(join(folder, "made"))).toThrow();
});

test("a stop while one runs ends it", async () => {
  script("one", "echo $PPID > pid.new; mv pid.new pid; exec sleep 1000");
  const started = startServer(toml(first("one")), { folder }).then(
    () => "served",
    (error: unknown) => String(error),
  );
  const file = join(folder, "pid");
  await until("the process", 10_000, () => existsSync(file));
  process.kill(Number(readFileSync(file, "utf8")), "SIGTERM");
  expect(await started).toContain("SIGTERM before the server was up: stopping");
});

test("a reload runs them again, and fails with them", async () => {
  script("one", "printf 1 > made");
  server = await startServer(toml(first("one")), { folder });
  expect(await content()).toBe("1");
  script("one", "printf 2 > made");
  expect((await server.command("reload")).code).toBe(0);
  expect(await content()).toBe("2");
  script("one", "echo not now; exit 1");
  const failed = await server.command("reload");
  expect([failed.code, failed.stderr]).toEqual([
    1,
    expect.stringContaining("service one: exited with code 1\nnot now"),
  ]);
  expect(await content()).toBe("2");
  // A reload of code alone does not ask for them.
  expect((await server.command("reload", "--app", "reads")).code).toBe(0);
});

test("a process that takes over runs them before it does", async () => {
  script("one", "printf 1 > made");
  server = await startServer(toml(first("one")), { folder });
  script("one", "sleep 0.3; printf 3 > made");
  expect((await server.command("restart")).code).toBe(0);
  await until("the successor", 10_000, async () => (await content()) === "3");
  expect((await server.command("stop")).code).toBe(0);
});
