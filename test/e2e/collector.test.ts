/** The server collects garbage without a second thread; what it was given and what it starts do not notice how that came about. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, existsSync, openSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, controlHome, E2E_TIMEOUT_MS, withoutNoOrphans } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const CONCURRENT = "BUN_JSC_useConcurrentGC";
const MARKERS = "BUN_JSC_numberOfGCMarkers";

let folder: string;
beforeAll(() => {
  folder = makeFolder("collector");
});
afterAll(() => removeFolder(folder));

const environmentOf = (pid: number | string) =>
  readFileSync(`/proc/${pid}/environ`, "latin1")
    .split("\0")
    .filter((line) => line.startsWith("BUN_JSC_"))
    .toSorted();

async function serving(env: Readonly<Record<string, string>>, fd: number | undefined, look: (pid: number) => unknown) {
  const port = await freePort();
  const service = `[service.probe]\ncommand = ["sh", "-c", "cat /proc/self/environ > environ; exec sleep 60"]\n`;
  writeFileSync(join(folder, "server.toml"), service + site(`127.0.0.1:${port}`, '"/" = { respond = "x" }'));
  const child = Bun.spawn([BINARY, "run", "-c", "server.toml"], {
    cwd: folder,
    env: { ...withoutNoOrphans(), ...controlHome(folder), ...env },
    stdio: ["ignore", "ignore", "ignore", ...(fd === undefined ? [] : [fd])],
  });
  try {
    const answers = () =>
      get({ host: "127.0.0.1", port }, "/").then(
        ({ status }) => status === 200,
        () => false,
      );
    await until("a reply", 20_000, answers);
    await look(child.pid);
  } finally {
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  }
}

test("the process that was started is the one that serves, with what it was given, and the word stays in it", async () => {
  const given = join(folder, "given");
  writeFileSync(given, "");
  const fd = openSync(given, "r");
  await serving({}, fd, async (pid) => {
    expect(environmentOf(pid)).toEqual([`${MARKERS}=1`, `${CONCURRENT}=0`]);
    expect(readlinkSync(`/proc/${pid}/fd/3`)).toBe(given);
    const place = join(folder, "environ");
    const written = () => (existsSync(place) ? readFileSync(place, "latin1") : "");
    await until("the service", 10_000, () => written().includes("PATH="));
    expect(written()).not.toContain("BUN_JSC_");
  });
  closeSync(fd);
});

test("what an administrator has chosen stays", async () => {
  await serving({ [CONCURRENT]: "1" }, undefined, (pid) =>
    expect(environmentOf(pid)).toEqual([`${MARKERS}=1`, `${CONCURRENT}=1`]),
  );
  await serving({ [CONCURRENT]: "1", [MARKERS]: "2" }, undefined, (pid) =>
    expect(environmentOf(pid)).toEqual([`${MARKERS}=2`, `${CONCURRENT}=1`]),
  );
});
