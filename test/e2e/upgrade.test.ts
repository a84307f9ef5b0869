/** Another executable in the place of the one that runs: `server restart` starts that, whatever became of the old file. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { site } from "../support/toml.ts";
import { get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let folder = "";
let binary = "";
let address: Extract<Address, { port: number }>;
let server: Server;

beforeEach(async () => {
  folder = makeFolder("upgrade");
  for (const version of ["1", "2"]) {
    mkdirSync(join(folder, version));
    copyFileSync(BINARY, join(folder, version, "server"));
    chmodSync(join(folder, version, "server"), 0o755);
  }
  symlinkSync("1", join(folder, "current"));
  binary = join(folder, "1/server");
  address = { host: "127.0.0.1", port: await freePort() };
});
afterEach(async () => {
  // Whichever process it is by then.
  await server.command("stop");
  await server.dispose();
  removeFolder(folder);
});

async function start(by: string): Promise<void> {
  const toml = `[server]\nfronts = 1\n${site(`127.0.0.1:${address.port}`, '"/" = { respond = "here" }')}`;
  server = await startServer(toml, { folder, binary: by });
}

const serves = async () => (await get(address, "/")).status;
const pid = async () => Number((await server.command("status", "--json")).stdout.match(/"pid":(\d+)/)?.[1]);

test("one that was renamed over it, as packages and install.sh do", async () => {
  await start(binary);
  const before = await pid();
  renameSync(join(folder, "2/server"), binary);
  expect(await server.command("restart")).toMatchObject({ code: 0, stderr: "" });
  expect([await serves(), (await pid()) === before]).toEqual([200, false]);
  // The next one finds it, too.
  rmSync(binary);
  copyFileSync(BINARY, binary);
  chmodSync(binary, 0o755);
  expect(await server.command("restart")).toMatchObject({ code: 0, stderr: "" });
  expect(await serves()).toBe(200);
});

test("one that the link leads to by now by which it was called", async () => {
  await start(join(folder, "current/server"));
  rmSync(join(folder, "current"));
  symlinkSync("2", join(folder, "current"));
  rmSync(join(folder, "1"), { recursive: true });
  expect(await server.command("restart")).toMatchObject({ code: 0, stderr: "" });
  expect(await serves()).toBe(200);
});

test("one that cannot be started changes nothing, and it is said what is wrong with it", async () => {
  await start(binary);
  const before = await pid();
  const put = (content: string, mode = 0o755) => {
    rmSync(binary, { force: true });
    writeFileSync(binary, content, { mode });
  };
  const cases: readonly (readonly [() => void, string])[] = [
    [() => rmSync(binary), "is not there any more"],
    [() => put(""), "is no program of this machine"],
    [() => put("\0\x01\x02 no program"), "is no program of this machine"],
    [() => put("#!/bin/sh\nexit 3\n", 0o644), "may not be executed"],
    [() => put("#!/bin/sh\nexit 3\n"), "it ended with exit code 3 before it served"],
  ];
  for (const [replace, why] of cases) {
    replace();
    const { code, stderr } = await server.command("restart");
    expect([code, stderr]).toEqual([1, expect.stringContaining(why)]);
    expect([await serves(), await pid()]).toEqual([200, before]);
  }
});
