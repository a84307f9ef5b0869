/** One worker shuts down the socket that all of them get their requests from. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RENEWAL_PAUSE_MS } from "../../src/apps/queue-renewal.ts";
import { Rig, type RigOptions } from "./rig.ts";

// Python starts slowly on a busy machine.
setDefaultTimeout(60_000);

let folder = "";
let rig: Rig | undefined;

beforeEach(() => {
  folder = mkdtempSync("/tmp/server-test-renewal-");
});

afterEach(async () => {
  await rig?.close();
  rig = undefined;
  rmSync(folder, { recursive: true });
});

const APPLICATION = `
import os, socket, time
def shut():
    with socket.socket(fileno=os.dup(4)) as queue:
        queue.shutdown(socket.SHUT_RDWR)
def application(environ, start_response):
    time.sleep(0.01)
    if environ["PATH_INFO"] == "/shut":
        shut()
    start_response("200 OK", [])
    return [b"ok"]
`;

async function started(code: string, options: RigOptions): Promise<Rig> {
  writeFileSync(join(folder, "shutting.py"), code);
  rig = new Rig({ root: folder, module: "shutting", processes: 2, threads: 2, fronts: 2, ...options });
  await rig.supervisor.start();
  return rig;
}

function renewals(each: Rig): number {
  return each.log.match(/has shut down the socket that requests come from/g)?.length ?? 0;
}

test.each([false, true])(
  "no request fails, running or waiting, and all workers are replaced; preload = %p",
  async (preload) => {
    const each = await started(APPLICATION, { preload });
    const before = each.supervisor.status().workers.map(({ pid }) => pid);
    const asked = Array.from({ length: 400 }, (_, i) => each.get(i === 100 ? "/shut" : "/", i % 2));
    const replies = await Promise.all(asked);
    expect(new Set(replies.map(({ reply }) => reply.status))).toEqual(new Set([200]));
    await each.until(() => each.supervisor.status().workers.every(({ pid }) => !before.includes(pid)));
    expect(renewals(each)).toBe(1);
  },
);

test("it is noticed while nobody asks for anything", async () => {
  const each = await started(APPLICATION, { processes: 1 });
  expect((await each.get("/shut")).reply.status).toBe(200);
  await each.until(() => each.log.includes("its queue was shut down") && each.supervisor.status().workers.length === 1);
  expect((await each.get("/")).reply.status).toBe(200);
});

test("an application that does it whenever it is imported makes no hot loop", async () => {
  const each = await started(`${APPLICATION}\nshut()\n`, { processes: 1 });
  await each.until(() => renewals(each) === 1);
  const begun = performance.now();
  await each.until(() => renewals(each) === 4);
  // Three pauses; the first renewal may have been seen late.
  expect(performance.now() - begun).toBeGreaterThan(2 * RENEWAL_PAUSE_MS);
  await each.supervisor.stop(0);
});
