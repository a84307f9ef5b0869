/** As whom, within which bounds and under which name a Python process runs. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import type { ProcessOptions } from "../../src/apps/options.ts";
import { testUnless } from "../support/skip.ts";
import { PROJECTS, PYTHON, Rig } from "./rig.ts";

setDefaultTimeout(60_000);

let rig: Rig | undefined;
afterEach(() => rig?.close());

async function facts(process: ProcessOptions, preload = false, env = {}) {
  // Where a user without rights finds no compiled files of ours either.
  const python = existsSync("/usr/bin/python3") ? { python: "/usr/bin/python3" } : {};
  rig = new Rig({ module: "identity", process, preload, ...python, env: { PYTHONDONTWRITEBYTECODE: "1", ...env } });
  await rig.supervisor.start();
  return JSON.parse((await rig.get("/")).reply.text);
}

describe.each([false, true])("preload = %p", (preload) => {
  test("limits, umask and sys.path are those of the configuration", async () => {
    const limits = [
      { name: "nofile", value: 123 },
      { name: "core", value: 0 },
    ];
    const said = await facts({ umask: 0o027, limits, pythonPath: ["/tmp", PROJECTS] }, preload);
    expect(said).toMatchObject({ umask: 0o027, nofile: [123, 123], core: [0, 0], cwd: PROJECTS });
    expect(said.path.slice(0, 2)).toEqual([PROJECTS, "/tmp"]);
  });

  test("its name says what it is, in ps and in top", async () => {
    expect(await facts({}, preload)).toMatchObject({ title: "server: test worker 1", name: "py-test" });
  });

  // Only root may become somebody else, and what it becomes must be able to read the projects of the tests.
  const isRoot = process.geteuid?.() === 0;
  const canRead = isRoot && Bun.spawnSync(["setpriv", "--reuid=65534", "ls", PROJECTS]).success;
  const asRoot = testUnless(canRead ? undefined : "needs root, and a folder that other users can read");
  asRoot("user and group: before anything is imported, with no way back", async () => {
    const user = { name: "nobody", id: 65534, home: "/nonexistent" };
    const said = await facts({ user, group: 65534 }, preload);
    const all = [65534, 65534, 65534];
    expect(said).toMatchObject({ user: all, group: all, atImport: 65534, home: "/nonexistent" });
    expect(said.groups).not.toContain(0);
    await rig?.until(() => rig?.log.includes("written by path") === true);
  });

  asRoot("an interpreter whose library that user may not read fails the start, and says so", async () => {
    const home = mkdtempSync("/tmp/server-test-home-");
    try {
      const library = Bun.spawnSync([PYTHON, "-c", "import os; print(os.path.dirname(os.__file__), end='')"]).stdout;
      mkdirSync(join(home, "lib"));
      symlinkSync(library.toString(), join(home, "lib", basename(library.toString())));
      const user = { name: "nobody", id: 65534, home: undefined };
      rig = new Rig({ module: "identity", process: { user }, preload, env: { PYTHONHOME: home } });
      const failure = await rig.supervisor.start().catch((error: Error) => error);
      expect(`${String(failure)}${rig.log}`).toMatch(
        /nobody may not read \/tmp\/server-test-home-.*, the library of \/.*: `python` of the app names another/,
      );
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  asRoot("HOME of the configuration wins; a number has no groups", async () => {
    const user = { name: undefined, id: 3_999_999_999, home: undefined };
    const said = await facts({ user, group: 3_999_999_999 }, preload, { HOME: "/somewhere" });
    expect(said.user).toEqual([3_999_999_999, 3_999_999_999, 3_999_999_999]);
    expect(said).toMatchObject({ groups: [], home: "/somewhere" });
  });
});

describe("open files", () => {
  test("too few for the sockets to the front threads: the log says so", async () => {
    const limits = [{ name: "nofile", value: 20 }];
    rig = new Rig({ module: "identity", threads: 16, process: { limits } });
    await rig.supervisor.start();
    await rig.until(() => rig?.log.includes("no room for the sockets to the front threads (limits.nofile") === true);
  });

  test("used up by the application when a front thread is replaced: another worker answers it", async () => {
    rig = new Rig({ process: { limits: [{ name: "nofile", value: 100 }] }, fronts: 2 });
    await rig.supervisor.start();
    expect((await rig.get("/eat_descriptors", 1)).reply.text).toBe("eaten");
    rig.channels[1]?.close();
    rig.channels[1] = rig.makeChannel(1);
    rig.supervisor.frontReplaced(1);
    expect((await rig.get("/hello", 1)).reply.text).toBe("hello");
    expect(rig.log).toContain("this worker finishes and is replaced");
  });
});

test("a limit that cannot be kept fails the start, and says which", async () => {
  rig = new Rig({ module: "identity", process: { limits: [{ name: "as", value: 1024 * 1024 }] } });
  const failure = await rig.supervisor.start().catch((error: Error) => error);
  expect(String(failure)).toMatch(/StartFailure/);
});
