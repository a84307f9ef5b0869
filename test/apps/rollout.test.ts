import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ReloadResult } from "../../src/apps/status.ts";
import { Rig, type RigOptions } from "./rig.ts";

// Python starts slowly on a busy machine.
setDefaultTimeout(60_000);

let folder = "";
let rig: Rig | undefined;

beforeEach(() => {
  folder = mkdtempSync("/tmp/server-test-rollout-");
  deploy("version 1");
});

afterEach(async () => {
  await rig?.close();
  rig = undefined;
  rmSync(folder, { recursive: true });
});

/** A project that answers with its version, `?` seconds later; of `?held`, when the file "held" is gone. */
function deploy(version: string, first = ""): void {
  const code = `${first}
import os, time
HELD = os.path.join(os.path.dirname(__file__), "held")
def application(environ, start_response):
    if environ["QUERY_STRING"] == "held":
        while os.path.exists(HELD):
            time.sleep(0.02)
    else:
        time.sleep(float(environ["QUERY_STRING"] or 0))
    start_response("200 OK", [])
    return [${JSON.stringify(version)}.encode()]
`;
  writeFileSync(join(folder, "versioned.py"), code);
}

async function started(options: RigOptions = {}): Promise<Rig> {
  rig = new Rig({ root: folder, module: "versioned", processes: 4, threads: 2, fronts: 2, ...options });
  await rig.supervisor.start();
  return rig;
}

const done = (replaced: number): ReloadResult => ({ ok: true, replaced });

function pids(each: Rig): number[] {
  return each.supervisor.status().workers.flatMap(({ pid, state }) => (state === "ready" && pid ? [pid] : []));
}

async function answers(each: Rig, count: number): Promise<Set<string>> {
  const asked = Array.from({ length: count }, (_, i) => each.get("/", i % 2));
  return new Set((await Promise.all(asked)).map(({ reply }) => reply.text));
}

describe.each([false, true])("a reload, with preload = %p,", (preload) => {
  test("brings the new code: every request after it goes there, and no worker is the same", async () => {
    const each = await started({ preload });
    const before = pids(each);
    deploy("version 2");
    expect(await each.supervisor.reload("test")).toEqual(done(4));
    expect(await answers(each, 100)).toEqual(new Set(["version 2"]));
    expect(pids(each).filter((pid) => before.includes(pid))).toEqual([]);
    const { generation, workers } = each.supervisor.status();
    expect(generation).toBe(2);
    await each.until(() => each.supervisor.status().workers.length === 4);
    expect(workers.filter(({ state }) => state === "ready").map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  });

  test("of code that cannot be imported changes nothing and says why; the next one can succeed", async () => {
    const each = await started({ preload });
    const before = pids(each);
    deploy("version 2", "import a_module_that_is_missing");
    const result = await each.supervisor.reload("test");
    expect(result).toMatchObject({ ok: false, replaced: 0 });
    expect(!result.ok && result.traceback).toContain("No module named 'a_module_that_is_missing'");
    expect(pids(each)).toEqual(before);
    expect(await answers(each, 20)).toEqual(new Set(["version 1"]));
    expect(each.supervisor.status().reloadFailure).toContain("a_module_that_is_missing");
    expect(each.log).toContain("reload failed: the old code serves on");
    deploy("version 3");
    expect(await each.supervisor.reload("test")).toEqual(done(4));
    expect(await answers(each, 20)).toEqual(new Set(["version 3"]));
    expect(each.supervisor.status().reloadFailure).toBeUndefined();
  });
});

/** The thread that hears the master begins when the worker has said that it is ready. */
const DIES_WHEN_READY = `import os, threading, time
def die():
    while not any(thread.name == "server-control" for thread in threading.enumerate()):
        time.sleep(0.002)
    os._exit(3)
threading.Thread(target=die, daemon=True).start()`;

describe("a reload", () => {
  test("does not wait for requests that run; they are answered by the old code", async () => {
    const each = await started();
    writeFileSync(join(folder, "held"), "");
    const slow = Array.from({ length: 4 }, (_, i) => each.ask({ query: "held" }, i % 2));
    await each.until(() => running(each) === 4);
    deploy("version 2");
    expect(await each.supervisor.reload("test")).toEqual(done(4));
    expect(slow.every(({ reply }) => reply.state === "waiting")).toBe(true);
    expect(await answers(each, 20)).toEqual(new Set(["version 2"]));
    rmSync(join(folder, "held"));
    await Promise.all(slow.map(({ reply }) => reply.over));
    expect(new Set(slow.map(({ reply }) => reply.text))).toEqual(new Set(["version 1"]));
  });

  test("of code whose import never ends is given up after start_timeout", async () => {
    // The first start has as long: on a busy machine Python alone takes a second or more.
    const each = await started({ processes: 1, startTimeoutMs: 5000 });
    deploy("version 2", "import time; time.sleep(60)");
    expect(await each.supervisor.reload("test")).toMatchObject({
      ok: false,
      traceback: expect.stringContaining("not ready 5 s"),
    });
    expect(await answers(each, 4)).toEqual(new Set(["version 1"]));
  });

  test("of code that dies whenever it is ready ends, and says why", async () => {
    const each = await started();
    deploy("version 2", DIES_WHEN_READY);
    const result = await each.supervisor.reload("test");
    expect(result).toMatchObject({ ok: false, traceback: expect.stringContaining("exited with code 3") });
    expect(each.log).toMatch(/reload failed: \d+ have the new code, the others are tried again/);
    deploy("version 3");
    expect(await each.supervisor.reload("test")).toMatchObject({ ok: true });
    expect(await answers(each, 20)).toEqual(new Set(["version 3"]));
  });

  test("while another runs waits for it and sees what was deployed meanwhile", async () => {
    const each = await started({ processes: 2 });
    deploy("version 2", "import time; time.sleep(0.3)");
    const first = each.supervisor.reload("first");
    await Bun.sleep(200);
    deploy("version 3");
    const more = [each.supervisor.reload("second"), each.supervisor.reload("third")];
    expect(await first).toEqual(done(2));
    expect(await Promise.all(more)).toEqual([done(2), done(2)]);
    expect(await answers(each, 20)).toEqual(new Set(["version 3"]));
    expect(each.supervisor.status().generation).toBe(3);
  });

  test("ends a crash loop at once, whatever pause it is in", async () => {
    const each = await started({ processes: 2 });
    deploy("version 2", "raise SystemExit(3)");
    for (const pid of pids(each)) process.kill(pid, "SIGKILL");
    await each.until(() => (each.supervisor.status().crashLoop?.failures ?? 0) >= 2);
    const { crashLoop } = each.supervisor.status();
    expect(crashLoop).toMatchObject({
      cause: "exited with code 1",
      traceback: expect.stringContaining("SystemExit: 3"),
    });
    expect((await each.get()).reply.status).toBe(503);
    deploy("version 3");
    expect(await each.supervisor.reload("test")).toEqual(done(2));
    expect(await answers(each, 4)).toEqual(new Set(["version 3"]));
  });

  test("ends what does not finish in time", async () => {
    const each = await started({ processes: 1, drainTimeoutMs: 300 });
    const { reply } = each.ask({ query: "30" });
    await each.until(() => running(each) === 1);
    expect(await each.supervisor.reload("test")).toEqual(done(1));
    await reply.over;
    expect(reply.status).toBe(502);
    expect(each.log).toMatch(/worker 1 \(pid \d+\) is terminated with what it still has: reload/);
  });

  test("of an app that stops is answered", async () => {
    const each = await started({ processes: 1 });
    deploy("version 2", "import time; time.sleep(60)");
    const pending = each.supervisor.reload("test");
    await each.until(() => each.supervisor.status().workers.length === 2);
    await each.supervisor.stop(0);
    expect(await pending).toMatchObject({ ok: false, traceback: "the app was stopped" });
    expect(await each.supervisor.reload("late")).toMatchObject({ ok: false, traceback: "the app is not running" });
  });
});

describe("no request fails", () => {
  test("while ten reloads follow each other under load", async () => {
    const each = await started({ processes: 2 });
    const statuses: Record<number, number> = {};
    let asking = true;
    const clients = Array.from({ length: 16 }, async (_, i) => {
      while (asking) {
        const { reply } = await each.get({ query: i < 2 ? "0.05" : "" }, i % 2);
        statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
      }
    });
    for (let version = 2; version <= 11; version++) {
      deploy(`version ${version}`);
      expect(await each.supervisor.reload("test")).toEqual(done(2));
      expect(await answers(each, 8)).toEqual(new Set([`version ${version}`]));
    }
    asking = false;
    await Promise.all(clients);
    expect(Object.keys(statuses)).toEqual(["200"]);
    await each.until(() => each.supervisor.status().workers.length === 2);
  });

  test("of a thousand that wait when a reload comes", async () => {
    const each = await started({ processes: 2 });
    const asked = Array.from({ length: 1000 }, (_, i) => each.get({ query: "0.005" }, i % 2));
    await each.until(() => each.supervisor.status().queue.depth > 900);
    deploy("version 2");
    expect(await each.supervisor.reload("test")).toEqual(done(2));
    const replies = await Promise.all(asked);
    expect(new Set(replies.map(({ reply }) => reply.status))).toEqual(new Set([200]));
    expect(new Set(replies.map(({ reply }) => reply.text))).toEqual(new Set(["version 1", "version 2"]));
    expect(each.supervisor.status().queue).toEqual({ depth: 0, oldestMs: 0, refused: 0 });
  });
});

function running(each: Rig): number {
  const threads = each.supervisor.status().workers.flatMap((worker) => worker.threads);
  return threads.filter(({ runningMs }) => runningMs !== undefined).length;
}
