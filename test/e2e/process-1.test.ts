/** As process 1 of a container: whoever loses his parent becomes a child of the server, and is not left dead in the table. */
import { expect, setDefaultTimeout } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, controlHome, E2E_TIMEOUT_MS, withoutNoOrphans } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { descendants } from "../support/processes.ts";
import { testUnless } from "../support/skip.ts";
import { site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

/** Each request leaves an orphan behind that has ended. */
const APP = `
import os
def application(environ, start_response):
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            os._exit(0)
        os._exit(0)
    os.wait()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
`;

const UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"];

function cannotUnshare(): string | undefined {
  const isAble = Bun.which("unshare") !== null && Bun.spawnSync([...UNSHARE, "true"]).exitCode === 0;
  return isAble ? undefined : "a process may not make a namespace of processes here";
}

testUnless(cannotUnshare())("orphans are reaped, and TERM ends it as anywhere", async () => {
  const folder = makeFolder("process-1");
  const port = await freePort();
  writeFiles(folder, { "orphans.py": APP });
  const toml = `[server]\nfronts = 1\n[app.a]\nroot = "."\nwsgi = "orphans"\n${site(`127.0.0.1:${port}`, '"/" = { app = "a" }')}`;
  writeFileSync(join(folder, "server.toml"), toml);
  const env = { ...withoutNoOrphans(), ...controlHome(folder) };
  const child = Bun.spawn([...UNSHARE, BINARY, "run"], { cwd: folder, env, stdio: ["ignore", "ignore", "ignore"] });
  const ask = () =>
    get({ host: "127.0.0.1", port }, "/").then(
      ({ status }) => status === 200,
      () => false,
    );
  try {
    await until("a reply", 20_000, ask);
    for (let i = 0; i < 5; i++) expect(await ask()).toBe(true);
    await until("no dead process", 15_000, () => descendants(child.pid).every(({ state }) => state !== "Z"));
    const [server] = descendants(child.pid).filter(({ parent }) => parent === child.pid);
    process.kill(server?.pid ?? child.pid, "SIGTERM");
    expect(await child.exited).toBe(0);
  } finally {
    child.kill("SIGKILL");
    removeFolder(folder);
  }
});
