/** The built binary at its limit of descriptors: open connections are served, nothing spins, it recovers by itself. */
import { expect, setDefaultTimeout } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer } from "../support/binary.ts";
import { Crowd } from "../support/crowd.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { processAt } from "../support/processes.ts";
import { testUnless } from "../support/skip.ts";
import { probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { ask, Client } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const DESCRIPTORS = 200;

const withPrlimit = testUnless(
  Bun.which("prlimit") === null ? "prlimit is not installed (apt-get install util-linux)" : undefined,
);

const FILE = "GET /files/small.txt HTTP/1.1\r\nHost: a\r\n\r\n";
const APP = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
/** Begun and never ended: such a connection is not idle, and cannot make room. */
const BUSY = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx";

withPrlimit(
  "at the limit of descriptors open connections are served, the processor rests, and it recovers",
  async () => {
    const folder = makeFolder("descriptors");
    writeFiles(folder, { "files/small.txt": "small\n", "files/other.txt": "other\n" });
    const port = await freePort();
    const address = { host: "127.0.0.1", port };
    const routes = `"/" = { app = "probe" }\n"/files/" = { files = ${JSON.stringify(join(folder, "files"))} }`;
    const toml = `[server]\nfronts = 2\nmin_body_rate = 0\n${probeApp()}${site(`127.0.0.1:${port}`, routes)}`;
    const server = await startServer(toml, { folder, descriptors: DESCRIPTORS });
    const used = () => readdirSync(`/proc/${server.pid}/fd`).length;
    try {
      const kept = await Client.open(address);
      kept.send(FILE);
      expect((await kept.answer()).status).toBe(200);
      // Not idle, so that it is not what makes room: a request is begun.
      kept.send(APP.slice(0, 10));

      const crowd = await Crowd.open({ ...address, count: 400, greeting: BUSY });
      await server.logged(/descriptors: \d+ of 200 are in use/);
      expect(crowd.failed).toBe(0);
      await until("both fronts to pause", 5000, async () => {
        const before = used();
        await Bun.sleep(300);
        return used() === before;
      });
      expect(used()).toBeLessThan(DESCRIPTORS);

      const cpuBefore = processAt(server.pid)?.cpuTicks ?? 0;
      await Bun.sleep(2000);
      const cpuMs = ((processAt(server.pid)?.cpuTicks ?? 0) - cpuBefore) * 10;
      expect(cpuMs).toBeLessThan(600);

      kept.send(APP.slice(10));
      expect((await kept.answer()).status).toBe(200);
      kept.send("GET /files/other.txt HTTP/1.1\r\nHost: a\r\n\r\n");
      expect((await kept.answer()).body.toString()).toBe("other\n");
      kept.close();

      crowd.close();
      await until("new connections are served again", 10_000, async () => (await ask(address, APP)).status === 200);
      for (let i = 0; i < 20; i++) expect((await ask(address, FILE)).status).toBe(200);
      await server.logged("connections are accepted again");
    } finally {
      await server.dispose();
      removeFolder(folder);
    }
  },
);

withPrlimit("idle connections make room for new ones at the limit of descriptors", async () => {
  const port = await freePort();
  const address = { host: "127.0.0.1", port };
  const toml = `[server]\nfronts = 2\n${probeApp()}${site(`127.0.0.1:${port}`)}`;
  const server = await startServer(toml, { descriptors: DESCRIPTORS });
  try {
    const crowd = await Crowd.open({ ...address, count: 400, greeting: APP });
    await until("all of them are served", 20_000, () => crowd.statuses["200"] === 400);
    await until("the end of those that made room", 10_000, () => crowd.ended > 200);
    expect((await ask(address, APP)).status).toBe(200);
    crowd.close();
  } finally {
    await server.dispose();
  }
});
