/** Workers that come and go by need and by age, with real Python. The rules by themselves: scale.test, recycle.test. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { residentBytes } from "../../src/apps/memory.ts";
import type { FakeRequest } from "../support/exchange.ts";
import { Rig, type RigOptions } from "./rig.ts";

// Python starts slowly on a busy machine.
setDefaultTimeout(60_000);

const MIB = 1024 ** 2;
let rig: Rig | undefined;

afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

async function started(options: RigOptions): Promise<Rig> {
  rig = new Rig({ module: "lifetimes", ...options });
  await rig.supervisor.start();
  return rig;
}

const workers = (each: Rig) => each.supervisor.status().workers;
const ready = (each: Rig) => workers(each).filter(({ state }) => state === "ready");
const pids = (each: Rig) => ready(each).flatMap(({ pid }) => pid ?? []);

/** Asks again and again until told to stop; says with which statuses. */
function keepAsking(
  each: Rig,
  clients: number,
  request: FakeRequest = {},
): { stop(): Promise<Record<number, number>> } {
  const statuses: Record<number, number> = {};
  let asking = true;
  const running = Array.from({ length: clients }, async () => {
    while (asking) {
      const { reply } = await each.get(request);
      statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
    }
  });
  const stop = async () => {
    asking = false;
    await Promise.all(running);
    return statuses;
  };
  return { stop };
}

describe("a number that follows the load", () => {
  test("grows while requests wait, and shrinks to min when they do not", async () => {
    const each = await started({ processes: 3, processesMin: 1, idleMs: 1000 });
    expect(ready(each).length).toBe(1);
    const asking = keepAsking(each, 6, { path: "/sleep", query: "0.2" });
    await each.until(() => ready(each).length === 3);
    expect(Object.keys(await asking.stop())).toEqual(["200"]);
    await each.until(() => workers(each).length === 1);
    expect(ready(each).map(({ number }) => number)).toEqual([1]);
    expect(each.supervisor.status().processes).toEqual({ min: 1, max: 3, desired: 1, ready: 1 });
  });

  test("goes to zero, and the next request waits for a worker", async () => {
    const each = await started({ processes: 2, processesMin: 0, idleMs: 1000, fronts: 2 });
    for (const front of [0, 1, 0]) {
      await each.until(() => workers(each).length === 0);
      expect((await each.get("/", front)).reply.status).toBe(200);
    }
    expect(each.supervisor.status().queue.refused).toBe(0);
  });

  test("at zero: a thousand requests at once wait for a worker, too", async () => {
    const each = await started({ processes: 2, processesMin: 0, idleMs: 1000 });
    await each.until(() => workers(each).length === 0);
    const replies = await Promise.all(Array.from({ length: 1000 }, () => each.get("/")));
    expect(new Set(replies.map(({ reply }) => reply.status))).toEqual(new Set([200]));
  });

  test("at zero: a reload tries the new code all the same", async () => {
    const each = await started({ processes: 2, processesMin: 0, idleMs: 1000 });
    await each.until(() => workers(each).length === 0);
    expect(await each.supervisor.reload("test")).toEqual({ ok: true, replaced: 1 });
    await each.until(() => workers(each).length === 0);
  });

  test("of workers that import for longer than idle: they become ready all the same, at first, for a reload, under load", async () => {
    const env = { PYTHONDONTWRITEBYTECODE: "1", IMPORT_SECONDS: "0.8" };
    const each = await started({ processes: 2, processesMin: 0, idleMs: 300, env });
    await each.until(() => workers(each).length === 0);
    expect(await each.supervisor.reload("test")).toEqual({ ok: true, replaced: 1 });
    await each.until(() => workers(each).length === 0);
    const asking = keepAsking(each, 4, { path: "/sleep", query: "0.2" });
    await each.until(() => ready(each).length === 2);
    expect(Object.keys(await asking.stop())).toEqual(["200"]);
    await each.until(() => workers(each).length === 0);
  });

  test("stops at zero, too", async () => {
    const each = await started({ processes: 1, processesMin: 0, idleMs: 1000 });
    await each.until(() => workers(each).length === 0);
    await each.supervisor.stop(1000);
    expect(each.supervisor.status().phase).toBe("stopped");
  });
});

describe("a worker that has had its time is replaced, and no request fails", () => {
  const limits: [string, RigOptions, string][] = [
    ["max_requests", { maxRequests: 20 }, "/"],
    ["max_lifetime", { maxLifetimeMs: 1000 }, "/"],
    ["max_rss", { maxRssBytes: 60 * MIB }, "/leak"],
  ];
  test.each(limits)("by %s", async (limit, options, path) => {
    const each = await started({ processes: 2, threads: 2, ...options });
    const before = pids(each);
    const asking = keepAsking(each, 4, { path });
    await each.until(() => pids(each).length === 2 && pids(each).every((pid) => !before.includes(pid)));
    expect(Object.keys(await asking.stop())).toEqual(["200"]);
    expect(each.log).toMatch(new RegExp(`worker [12] \\(pid \\d+\\) finishes: ${limit}`));
    await each.until(() => workers(each).length === 2);
  });

  test("one at a time: there are never fewer ready ones than there should be", async () => {
    const each = await started({ processes: 3, maxLifetimeMs: 1000 });
    const before = pids(each);
    let fewest = 3;
    let most = 0;
    await each.until(() => {
      fewest = Math.min(fewest, ready(each).length);
      most = Math.max(most, workers(each).filter(({ state }) => state === "starting").length);
      return pids(each).every((pid) => !before.includes(pid));
    });
    expect([fewest, most]).toEqual([3, 1]);
  });
});

describe("kill_rss", () => {
  test("ends a worker in the middle of a request, and says why", async () => {
    const each = await started({ processes: 2, killRssBytes: 200 * MIB });
    const neighbour = each.ask({ path: "/sleep", query: "1" });
    await each.until(() => workers(each).some(({ threads }) => threads.some(({ request }) => request !== undefined)));
    const { reply } = await each.get("/balloon");
    expect(reply.status).toBe(502);
    expect(each.log).toMatch(/worker [12] \(pid \d+\) is ended: kill_rss: it holds [23]\d\d MiB/);
    await neighbour.reply.over;
    expect(neighbour.reply.status).toBe(200);
    await each.until(() => ready(each).length === 2);
    expect(pids(each).every((pid) => (residentBytes(pid) ?? Infinity) < 100 * MIB)).toBe(true);
  });

  test("that not even the import keeps is a crash loop, not a hot one", async () => {
    const each = await started({ killRssBytes: MIB });
    await each.until(() => (each.supervisor.status().crashLoop?.failures ?? 0) >= 2);
    expect(each.supervisor.status().crashLoop?.traceback).toContain("kill_rss: it holds");
    expect(each.log).toContain("starting another in 2 s");
  });
});

test("what a request needs only while it runs costs no worker under max_rss", async () => {
  const each = await started({ maxRssBytes: 100 * MIB });
  const before = pids(each);
  expect((await each.get("/balloon")).reply.status).toBe(200);
  expect((await each.get({ path: "/sleep", query: "0.6" })).reply.status).toBe(200);
  expect([pids(each), workers(each)[0]?.leaving]).toEqual([before, undefined]);
});
