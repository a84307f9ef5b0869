/** The one queue that all fronts and all Python threads of an app share: nobody is held up by somebody else's request. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { until } from "../support/wait.ts";
import { Rig, type RigOptions } from "./rig.ts";

// Python starts slowly on a busy machine.
setDefaultTimeout(60_000);

let rig: Rig | undefined;

afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

async function started(options: RigOptions): Promise<Rig> {
  rig = new Rig({ module: "lifetimes", fronts: 2, ...options });
  await rig.supervisor.start();
  return rig;
}

const threads = (each: Rig) => each.supervisor.status().workers.flatMap((worker) => worker.threads);

test("requests that are stuck delay none of the others while one thread is idle, whichever front they come from", async () => {
  const each = await started({ processes: 2, threads: 2 });
  const stuck = [0, 1, 0].map((front) => each.ask({ path: "/sleep", query: "20" }, front));
  await each.until(() => threads(each).filter(({ request }) => request !== undefined).length === 3);
  const replies = await Promise.all(Array.from({ length: 300 }, (_, i) => each.get("/", i % 2)));
  expect(new Set(replies.map(({ reply }) => reply.status))).toEqual(new Set([200]));
  expect(stuck.map(({ reply }) => reply.state)).toEqual(["waiting", "waiting", "waiting"]);
  await each.supervisor.stop(0);
});

test("a front with a thousand requests does not keep another's single one waiting behind them", async () => {
  const each = await started({ processes: 1, threads: 2 });
  let answered = 0;
  const crowd = Array.from({ length: 1000 }, async () => {
    await each.get({ path: "/sleep", query: "0.002" }, 0);
    answered++;
  });
  await each.until(() => answered > 10);
  const overtook: number[] = [];
  for (let i = 0; i < 5; i++) {
    const before = answered;
    expect((await each.get("/", 1)).reply.status).toBe(200);
    overtook.push(answered - before);
  }
  // Two per thread lie in the socket; as many may be answered in the same turn of this loop. A thread that has taken the
  // request and gets no processor for a while lets more go by.
  expect(Math.min(...overtook)).toBeLessThan(50);
  expect(answered).toBeLessThan(1000);
  await Promise.all(crowd);
});

test("every thread gets its share", async () => {
  // Requests take long enough for the machine's own turns not to decide.
  const each = await started({ processes: 2, threads: 2 });
  const total = () => threads(each).reduce((sum, { handled }) => sum + handled, 0);
  // A process that gets no processor for a while has its share of the next ones.
  await until("a tenth of all for each", 30_000, async () => {
    const before = total();
    await Promise.all(Array.from({ length: 400 }, (_, i) => each.get({ path: "/sleep", query: "0.01" }, i % 2)));
    // A request is counted after its reply.
    await each.until(() => total() === before + 400);
    const handled = threads(each).map((thread) => thread.handled);
    return Math.min(...handled) > total() / 10;
  });
});

test("depth and wait are told while requests wait, and those that were refused are counted", async () => {
  const each = await started({ processes: 1, threads: 1, fronts: 1, channel: { queueMax: 3, queueTimeoutMs: 3000 } });
  const asked = Array.from({ length: 8 }, () => each.ask({ path: "/sleep", query: "6" }));
  await each.until(() => each.supervisor.status().queue.oldestMs > 400);
  const { queue } = each.supervisor.status();
  // One runs, one lies in the socket, three in the list; three found it full.
  expect([queue.depth, queue.refused]).toEqual([4, 3]);
  await Promise.all(asked.slice(1).map(({ reply }) => reply.over));
  expect(asked.slice(1).map(({ reply }) => reply.status)).toEqual([503, 503, 503, 503, 503, 503, 503]);
  await asked[0]?.reply.over;
  // What a thread has finished counts until the front has read the reply.
  await each.until(() => each.supervisor.status().queue.depth === 0);
  expect(each.supervisor.status().queue).toEqual({ depth: 0, oldestMs: 0, refused: 7 });
  await each.supervisor.stop(0);
});

test("a packet that wakes an idle thread costs nobody a request", async () => {
  const each = await started({ processes: 1, threads: 2 });
  for (let i = 0; i < 5; i++) {
    const pending = Array.from({ length: 50 }, (_, n) => each.get("/", n % 2));
    const reload = each.supervisor.reload("test");
    const replies = await Promise.all(pending);
    expect(new Set(replies.map(({ reply }) => reply.status))).toEqual(new Set([200]));
    expect(await reload).toEqual({ ok: true, replaced: 1 });
  }
});

test("of a thousand requests that wait when all workers are killed, those that ran fail and no other", async () => {
  const each = await started({ processes: 2, threads: 2 });
  const asked = Array.from({ length: 1000 }, (_, i) => each.get({ path: "/sleep", query: "0.01" }, i % 2));
  await each.until(() => threads(each).some((thread) => thread.handled > 20));
  for (const { pid } of each.supervisor.status().workers) if (pid !== undefined) process.kill(pid, "SIGKILL");
  const statuses = (await Promise.all(asked)).map(({ reply }) => reply.status);
  expect(statuses.filter((status) => status !== 200 && status !== 502)).toEqual([]);
  expect(statuses.filter((status) => status === 502).length).toBeLessThanOrEqual(4);
});

test("workers that are stopped while they are idle are replaced when requests wait for them, and not before", async () => {
  const each = await started({ processes: 2 });
  const stopped = each.supervisor.status().workers.flatMap(({ pid }) => pid ?? []);
  for (const pid of stopped) process.kill(pid, "SIGSTOP");
  await Bun.sleep(2500);
  expect(each.supervisor.status().workers.map(({ pid }) => pid)).toEqual(stopped);
  const replies = await Promise.all(Array.from({ length: 20 }, (_, i) => each.get("/", i % 2)));
  expect(new Set(replies.map(({ reply }) => reply.status))).toEqual(new Set([200]));
  await each.until(() => each.supervisor.status().workers.every(({ pid }) => pid && !stopped.includes(pid)));
  expect(each.log).toContain(`worker 1 (pid ${stopped[0]}) is ended: it is stopped (SIGSTOP)`);
});
